"""The activity stream: every trade of the venue, of which we keep the followed wallets'."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from datetime import datetime, timedelta
from random import Random

from websockets.asyncio.client import ClientConnection

from remora.domain.ids import WalletAddress
from remora.domain.trades import TradeSource, WhaleTrade
from remora.venues.polymarket.socket import Socket
from remora.venues.polymarket.wire.activity import parse_trade
from remora.venues.polymarket.wire.values import Malformed, json_value
from remora.venues.venue import FeedGap

PING_EVERY = timedelta(seconds=5)
SILENT_AFTER = timedelta(seconds=15)
SUBSCRIBE = json.dumps(
    {"action": "subscribe", "subscriptions": [{"topic": "activity", "type": "trades"}]}, separators=(",", ":")
)


class RtdsWhaleFeed:
    """Implements :class:`remora.venues.venue.WhaleFeed`."""

    def __init__(self, url: str, *, now: Callable[[], datetime], random: Random) -> None:
        self.socket = Socket("rtds", url, now, self._greet, PING_EVERY, SILENT_AFTER, random)
        self.malformed: Counter[str] = Counter()
        self._whales: frozenset[str] = frozenset()

    async def follow(self, whales: Collection[WalletAddress]) -> None:
        """Replace the set of followed wallets; the stream itself cannot be filtered."""
        self._whales = frozenset(whale.lower() for whale in whales)

    def __aiter__(self) -> AsyncIterator[WhaleTrade | FeedGap]:
        """Iterate for ever."""
        return self._trades()

    async def _greet(self, connection: ClientConnection) -> None:
        await connection.send(SUBSCRIBE)

    async def _trades(self) -> AsyncIterator[WhaleTrade | FeedGap]:
        async for frame in self.socket.frames():
            if isinstance(frame, FeedGap):
                yield frame
                continue
            if not self._mentions(frame.text):
                continue
            trade = self._parse(frame.text, frame.seen_at)
            if trade is not None and trade.whale in self._whales:
                yield trade

    def _mentions(self, text: str) -> bool:
        """Look for a followed wallet in the raw text: parsing every message would cost a hundred times more."""
        at = text.find('"proxyWallet"')
        if at < 0:
            # a trade whose wallet has another name must not pass for somebody else's: it is counted as malformed
            return '"payload"' in text and '"trades"' in text
        start = text.find('"', at + 13)
        return text[start + 1 : start + 43].lower() in self._whales

    def _parse(self, text: str, seen_at: datetime) -> WhaleTrade | None:
        message = json_value(text)
        payload = message.get("payload") if isinstance(message, dict) else message
        trade = parse_trade(payload, seen_at=seen_at, source=TradeSource.RTDS)
        if isinstance(trade, Malformed):
            self.malformed[trade.reason] += 1
            return None
        return trade
