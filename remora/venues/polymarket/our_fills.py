"""Our side of a trade that the official client read."""

from datetime import UTC
from decimal import Decimal
from functools import partial

from polymarket.models.clob.account import ClobTrade

from remora.domain.fees import taker_fee
from remora.domain.ids import AccountId, OrderDigest, TokenId
from remora.domain.market import Market
from remora.domain.money import ZERO, Side
from remora.domain.orders import Fill, FillStatus
from remora.venues.polymarket.wire.values import number
from remora.venues.venue import VenueUnavailable


def our_fills(row: ClobTrade, account: AccountId, market: Market | None) -> list[Fill]:
    """Return one fill as taker, or one for each resting order of `account` as maker.

    `market` tells the taker's fee; it is not needed for a maker. Raises VenueUnavailable when a price or size is
    none that the venue can have meant: nothing may be booked from it.
    """
    status = FillStatus.MATCHED if row.status == "MATCHED_NOT_BROADCASTED" else FillStatus(row.status)
    fields = partial(
        Fill,
        trade_id=row.id,
        status=status,
        matched_at=row.matched_at.astimezone(UTC),
        transaction_hash=row.transaction_hash or "",
    )
    if row.trader_side == "TAKER":
        assert market is not None, "a taker's fee needs its market"
        shares, price = _sound(row.id, row.size, row.price)
        return [
            fields(
                order_digest=OrderDigest(row.taker_order_id),
                token_id=TokenId(str(row.asset_id)),
                side=Side(row.side),
                shares=shares,
                price=price,
                fee=taker_fee(shares, price, market.fee_rate, market.fee_exponent),
            )
        ]
    found = []
    for maker in row.maker_orders:
        if maker.maker_address.lower() == account:
            shares, price = _sound(row.id, maker.matched_amount, maker.price)
            found.append(
                fields(
                    order_digest=OrderDigest(maker.order_id),
                    token_id=TokenId(str(maker.asset_id)),
                    side=Side(str(maker.side)),
                    shares=shares,
                    price=price,
                    fee=ZERO,
                )
            )
    return found


def _sound(trade_id: str, size: Decimal, price: Decimal) -> tuple[Decimal, Decimal]:
    shares, paid = number(size), number(price)
    if shares is None or paid is None or shares <= 0 or not 0 < paid < 1:
        raise VenueUnavailable(f"trade {trade_id:.80} has the size {size!s:.40} and the price {price!s:.40}")
    return shares, paid
