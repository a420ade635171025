"""The same calls without durability: stream, market, book, signature, order; no database, no Temporal.

Prints ``ready``, then a line ``<digest> <first byte at>`` per trade copied. Ends with SIGTERM.
"""

import asyncio
import os
from decimal import Decimal

from remora.domain.ids import WalletAddress
from remora.domain.money import Side
from remora.domain.orders import OrderRequest, OrderType
from remora.domain.trades import WhaleTrade
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue

WHALES_MAX = 100
DOLLARS = Decimal(10)


async def _copy(venue: PolymarketVenue, trade: WhaleTrade) -> None:
    market, book = await asyncio.gather(venue.market_of(trade.token_id), venue.book(trade.token_id))
    request = OrderRequest(
        token_id=trade.token_id,
        condition_id=market.condition_id,
        side=Side.BUY,
        shares=(DOLLARS / book.asks[0].price).quantize(Decimal("0.01")),
        limit_price=trade.price + Decimal("0.02"),
        notional=DOLLARS,
        order_type=OrderType.FAK,
    )
    signed = await venue.sign(request, market)
    await venue.send(signed)
    print(signed.digest, trade.seen_at.isoformat(), flush=True)


async def main() -> None:
    """Copy every purchase of the bench's whales."""
    endpoints = await Endpoints.from_twin(os.environ["REMORA_TWIN_URL"])
    venue = await PolymarketVenue.create(endpoints, private_key=os.environ["PRIVATE_KEY"])
    feed = venue.whale_feed()
    await feed.follow([WalletAddress(f"0x{number:040x}") for number in range(1, WHALES_MAX)])
    tasks: set[asyncio.Task[None]] = set()
    reading = feed.__aiter__()
    first = asyncio.ensure_future(anext(reading))
    await asyncio.sleep(1)
    print("ready", flush=True)
    while True:
        item = await first
        first = asyncio.ensure_future(anext(reading))
        if isinstance(item, WhaleTrade):
            task = asyncio.create_task(_copy(venue, item))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(main())
