"""Whales' trades from the logs of the chain: complete, confirmed, and taken back when the chain does."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

import structlog
from web3.exceptions import Web3Exception, Web3RPCError
from websockets.exceptions import WebSocketException

from remora.domain.clock import VenueClock
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.trade_key import trade_key
from remora.domain.trades import TradeKind, TradeSource, WhaleTrade
from remora.venues.polymarket.chain_blocks import BlockTimes, Reorganised, RowName
from remora.venues.polymarket.chain_session import ChainSession, Head, Seen, WrongChain, chain_session
from remora.venues.polymarket.contracts import Contracts
from remora.venues.polymarket.wire.chain_log import LogRow, parse_log
from remora.venues.polymarket.wire.values import Malformed
from remora.venues.venue import FeedGap, MarketUnknown, TradeRetracted, VenueError

log = structlog.get_logger(__name__)

HEAD_SILENT_SECONDS = 20.0
HEAD_OLD = timedelta(seconds=30)
"""A node whose newest block is older than this lags; another one is tried if there is one."""

OVERLAP_BLOCKS = 16
CATCH_UP_MAX = 9_000
"""Blocks that are read again after a gap; beyond that the public history must do."""

RETRACT_AFTER = timedelta(seconds=12)
"""How long a removed trade may take to come again in another block."""

BACKOFF_FIRST_SECONDS, BACKOFF_MAX_SECONDS = 0.25, 30.0
NO_CONDITION = ConditionId("0x" + "0" * 64)
LOST = (OSError, TimeoutError, Web3Exception, WebSocketException, WrongChain)


class Lagging(OSError):
    """The node sends no heads, or old ones."""


@dataclass(frozen=True, slots=True)
class _Followed:
    """The set of wallets changed."""


@dataclass(frozen=True, slots=True)
class _CaughtUp:
    """Everything that was missed has been handed on."""


@dataclass(frozen=True, slots=True)
class _Over:
    """The connection is over."""


class ChainWhaleFeed:
    """Implements :class:`remora.venues.venue.WhaleFeed` over ``OrderFilled`` and share transfers.

    Connects to the addresses in turn; after a break it reads the logs since the last block it saw. `condition_of`
    finds a token's market, which no log names; while it is looked up, other tokens' trades go ahead.
    """

    def __init__(
        self,
        urls: Sequence[str],
        contracts: Contracts,
        *,
        condition_of: Callable[[TokenId], Awaitable[ConditionId]],
        clock: Callable[[], Awaitable[VenueClock]],
        now: Callable[[], datetime],
        random: Random,
        chain_id: int = 137,
        retract_after: timedelta = RETRACT_AFTER,
    ) -> None:
        self._urls = list(urls)
        self._contracts = contracts
        self._condition_of = condition_of
        self._clock = clock
        self._now = now
        self._random = random
        self._chain_id = chain_id
        self._retract_after = retract_after
        self._whales: frozenset[str] = frozenset()
        self._inbox: asyncio.Queue[object] = asyncio.Queue()
        self._times = BlockTimes()
        self._reorganised = Reorganised()
        self._conditions: dict[TokenId, ConditionId] = {}
        self._lookups: dict[TokenId, asyncio.Task[ConditionId]] = {}
        self._resolving: set[asyncio.Task[None]] = set()
        self.last_message_at: datetime | None = None
        self.listening_since: datetime | None = None
        self.head_age: timedelta | None = None
        self.malformed: Counter[str] = Counter()
        self._turn = 0
        self._missed_from: int | None = None
        """The last block seen before a break, until what came after it has been handed on."""

    async def follow(self, whales: Collection[WalletAddress]) -> None:
        """Replace the set of followed wallets, also while running."""
        self._whales = frozenset(whale.lower() for whale in whales)
        self._inbox.put_nowait(_Followed())

    def __aiter__(self) -> AsyncIterator[WhaleTrade | TradeRetracted | FeedGap]:
        """Iterate for ever."""
        return self._items()

    async def _items(self) -> AsyncIterator[WhaleTrade | TradeRetracted | FeedGap]:
        failures, lost_at, cause = 0, None, ""
        self.listening_since = self.listening_since or self._now()
        while True:
            node = self._turn % len(self._urls)
            self._turn += 1  # whatever ends this session, also from outside, the next one asks the next node
            try:
                async with chain_session(
                    self._urls[node], self._contracts, chain_id=self._chain_id, now=self._now
                ) as (
                    session,
                    handling,
                ):
                    healed = await self._begin(session)
                    if lost_at is not None:
                        yield FeedGap(feed="chain", since=lost_at, until=self._now(), cause=cause, healed=healed)
                        lost_at = None
                    failures = 0
                    async for item in self._read(session, handling):
                        yield item
            except LOST as error:
                cause = f"{type(error).__name__}: {error}"
                log.warning("chain.lost", node=node, cause=cause[:200])
            lost_at = lost_at or self.last_message_at or self.listening_since
            failures += 1
            await asyncio.sleep(self._pause(failures))

    async def _begin(self, session: ChainSession) -> bool:
        """Subscribe, and read again what was missed; False when that is more than the logs can tell."""
        self._inbox = session.inbox
        # who breaks off while catching up has seen a newer block, and not what is below it
        last = self._missed_from = self._times.newest if self._missed_from is None else self._missed_from
        await session.subscribe_heads()
        whales = self._whales
        if whales:
            await session.subscribe(whales)
        head = await session.head()
        await self._see_head(head)
        # no reorganisation goes back that far: one of the two nodes lied, or lags behind what we have seen
        gone_back = last - head.number > OVERLAP_BLOCKS
        if last == 0 or not whales or gone_back or head.number - last > CATCH_UP_MAX:
            self._missed_from = None
            return last == 0
        first = min(last, head.number) - OVERLAP_BLOCKS
        try:
            await self._catch_up(session, whales, first, head.number)
        except Web3RPCError as error:  # the stream goes on, and the public history fills the gap
            log.warning("chain.logs_refused", first=first, last=head.number, cause=str(error)[:200])
            self._missed_from = None
            return False
        session.inbox.put_nowait(_CaughtUp())
        return True

    async def _catch_up(self, session: ChainSession, whales: frozenset[str], first: int, last: int) -> None:
        at, found = self._now(), set[RowName]()
        for raw in await session.logs(whales, first, last):
            session.inbox.put_nowait(Seen(raw, at))
            rows = parse_log(raw, whales, self._contracts.exchanges)
            found |= set() if isinstance(rows, Malformed) else {(row.transaction_hash, row.name) for row in rows}
        self._reorganised.compare(first, last, found, at)

    async def _read(
        self, session: ChainSession, handling: "asyncio.Task[None]"
    ) -> AsyncIterator[WhaleTrade | TradeRetracted]:
        handling.add_done_callback(lambda _done: session.inbox.put_nowait(_Over()))
        loop = asyncio.get_running_loop()
        head_at = loop.time()
        while True:
            item = await _next(session.inbox)
            if isinstance(item, Seen):
                for trade in self._take(session, item):
                    yield trade
                continue
            if isinstance(item, WhaleTrade):
                yield item
                continue
            if isinstance(item, Head):
                head_at = loop.time()
            await self._hear(session, handling, item)
            for retracted in await self._retracted(session):
                yield retracted
            if loop.time() - head_at > HEAD_SILENT_SECONDS:
                raise Lagging(f"no new block for {HEAD_SILENT_SECONDS:.0f} s")

    async def _hear(self, session: ChainSession, handling: "asyncio.Task[None]", item: object) -> None:
        """Act on anything but a trade; raise what ended the connection."""
        if isinstance(item, Head):
            await self._see_head(item)
        elif isinstance(item, _CaughtUp):
            self._missed_from = None
        elif isinstance(item, _Followed) and self._whales:
            await session.subscribe(self._whales)
        elif isinstance(item, _Over):
            await handling
            raise ConnectionError("the node closed the connection")

    async def _see_head(self, head: Head) -> None:
        self.last_message_at = self._now()
        self._times.note(head.number, head.timestamp)
        clock = await self._clock()
        self.head_age = self.last_message_at - clock.wall_time(self._times.at(head.number))
        if self.head_age > HEAD_OLD and len(self._urls) > 1:
            raise Lagging(f"the newest block is {self.head_age.total_seconds():.0f} s old")

    def _take(self, session: ChainSession, seen: Seen) -> list[WhaleTrade]:
        """Return the trades of a log whose markets are known; look the others' up."""
        rows = parse_log(seen.log, self._whales, self._contracts.exchanges)
        self.last_message_at = seen.at
        if isinstance(rows, Malformed):
            self.malformed[rows.reason] += 1
            log.warning("chain.malformed", reason=rows.reason, detail=rows.detail)
            return []
        ready: list[WhaleTrade] = []
        for row in rows:
            if row.removed:
                self._reorganised.removed(row, seen.at)
                continue
            self._reorganised.seen(row)
            condition = self._conditions.get(row.token_id)
            if condition is not None and row.kind is TradeKind.TRADE and row.token_id not in self._lookups:
                ready.append(self._trade(row, condition, seen.at))
            else:
                task = asyncio.create_task(self._resolve(session, row, seen.at))
                self._resolving.add(task)
                task.add_done_callback(self._resolving.discard)
        return ready

    async def _resolve(self, session: ChainSession, row: LogRow, at: datetime) -> None:
        condition = await self._condition(row.token_id)
        trade = self._trade(row, condition, at)
        if row.kind is not TradeKind.TRADE:  # all kinds of change share one key
            trade = replace(trade, kind=await session.kind_of(row.transaction_hash))
        self._inbox.put_nowait(trade)

    async def _condition(self, token: TokenId) -> ConditionId:
        known = self._conditions.get(token)
        if known is not None:
            return known
        if token not in self._lookups:
            self._lookups[token] = asyncio.create_task(self._look_up(token))
        return await self._lookups[token]

    async def _look_up(self, token: TokenId) -> ConditionId:
        """Return a token's market; a token that no binary market has gets a market that nobody knows."""
        try:
            self._conditions[token] = await self._condition_of(token)
        except MarketUnknown:
            return NO_CONDITION
        except VenueError as error:
            log.warning("chain.market_unread", token=token, cause=str(error))
            return NO_CONDITION
        finally:
            self._lookups.pop(token, None)
        return self._conditions[token]

    async def _retracted(self, session: ChainSession) -> list[TradeRetracted]:
        """Return the trades that are gone for good: removed, not seen again, and unknown to the node."""
        found = []
        for row in self._reorganised.due(self._now() - self._retract_after):
            exists = await session.exists(row.transaction_hash)
            self._reorganised.settled(row)
            if not exists:
                condition = self._conditions.get(row.token_id, NO_CONDITION)
                found.append(TradeRetracted(trade=self._trade(row, condition, self._now()), seen_at=self._now()))
        return found

    def _trade(self, row: LogRow, condition: ConditionId, at: datetime) -> WhaleTrade:
        return WhaleTrade(
            key=trade_key(
                transaction_hash=row.transaction_hash,
                whale=row.whale,
                token_id=row.token_id,
                side=row.side,
                kind=row.kind,
            ),
            whale=row.whale,
            token_id=row.token_id,
            condition_id=condition,
            side=row.side,
            price=row.price,
            size=row.size,
            happened_at=self._times.at(row.block),
            seen_at=at,
            source=TradeSource.CHAIN,
            transaction_hash=row.transaction_hash,
            kind=row.kind,
            row=row.name,
        )

    def _pause(self, failures: int) -> float:
        ceiling = min(BACKOFF_MAX_SECONDS, BACKOFF_FIRST_SECONDS * 2 ** min(failures - 1, 10))
        return self._random.uniform(0, ceiling)


async def _next(inbox: "asyncio.Queue[object]") -> object:
    """Return the next item, None when a second passed without one."""
    try:
        return inbox.get_nowait()
    except asyncio.QueueEmpty:
        pass
    try:
        async with asyncio.timeout(1.0):
            return await inbox.get()
    except TimeoutError:
        return None
