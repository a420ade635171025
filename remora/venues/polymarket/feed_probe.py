"""A look at a feed that changes nothing: does it open, does it answer, and how old is what it tells."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import websockets

from remora.domain.clock import VenueClock
from remora.venues.polymarket import sdk
from remora.venues.polymarket.chain_session import Head, WrongChain, chain_session
from remora.venues.polymarket.rtds import SUBSCRIBE
from remora.venues.polymarket.wire.values import Malformed, messages_in, number

OPEN_S = 5.0
LISTEN_S = 3.0
"""How long a feed that answers may take to tell something; a quiet market tells nothing."""

TOLD_BY_MARKET = ("price_change", "last_trade_price", "best_bid_ask")
"""Messages about what happened just now; a book on subscribing may be old and right."""

MILLIS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFacts:
    """What one look showed: `lag` is None when nothing was told, `trouble` is empty when it answered."""

    answered_after: timedelta | None
    lag: timedelta | None
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """What a node that pushes logs showed; `pushed_after` is None when it pushed no block while we listened."""

    head_age: timedelta | None
    pushed_after: timedelta | None
    trouble: str = ""


async def look_at_activity(url: str, clock: VenueClock, now: Callable[[], datetime]) -> FeedFacts:
    """Look at the activity stream: the lag is the age of the newest trade that it told."""
    return await _look(url, SUBSCRIBE, _traded_at, clock, now)


async def look_at_market(
    url: str, tokens: Sequence[str], clock: VenueClock, now: Callable[[], datetime]
) -> FeedFacts:
    """Look at the market channel of some tokens: the lag is the age of the newest change that it told."""
    frame = {"type": "market", "assets_ids": list(tokens), "custom_feature_enabled": True}
    return await _look(url, json.dumps(frame), _changed_at, clock, now)


async def look_at_user(
    url: str, auth: Mapping[str, str], clock: VenueClock, now: Callable[[], datetime]
) -> FeedFacts:
    """Look at the user channel; it tells of our own orders only, so a lag is seen only while one moves."""
    return await _look(url, json.dumps({"type": "user", "auth": dict(auth)}), _told_at, clock, now)


async def look_at_node(url: str, clock: VenueClock, now: Callable[[], datetime]) -> NodeFacts:
    """Look at a node of the chain that pushes logs: its chain, its newest block, whether it pushes another."""
    began = now()
    try:
        async with asyncio.timeout(OPEN_S + LISTEN_S):
            async with chain_session(url, sdk.contracts(), chain_id=sdk.CHAIN_ID, now=now) as (session, _):
                head = await session.head()
                await session.subscribe_heads()
                pushed = None
                try:
                    async with asyncio.timeout(LISTEN_S):
                        while not isinstance(await session.inbox.get(), Head):
                            continue
                    pushed = now() - began
                except TimeoutError:
                    pass
        age = now() - clock.wall_time(datetime.fromtimestamp(head.timestamp, tz=UTC))
        return NodeFacts(head_age=age, pushed_after=pushed)
    except WrongChain as error:
        return NodeFacts(head_age=None, pushed_after=None, trouble=str(error))
    except TimeoutError:
        return NodeFacts(head_age=None, pushed_after=None, trouble=f"no answer within {OPEN_S + LISTEN_S:.0f} s")
    except Exception as error:  # noqa: BLE001 (web3 raises what it likes when a node is no node)
        return NodeFacts(head_age=None, pushed_after=None, trouble=f"cannot be used: {type(error).__name__}")


async def _look(
    url: str,
    greeting: str,
    said_at: Callable[[Mapping[str, object]], datetime | None],
    clock: VenueClock,
    now: Callable[[], datetime],
) -> FeedFacts:
    """Subscribe and ping, then listen until the feed has answered and told something, or its time is up."""
    began, answered, newest = now(), None, None
    try:
        async with asyncio.timeout(OPEN_S):
            connection = await websockets.connect(url, ping_interval=None, proxy=None)
        async with connection:
            await connection.send(greeting)
            await connection.send("PING")
            while answered is None or newest is None:
                async with asyncio.timeout(LISTEN_S if answered is not None else OPEN_S):
                    text = await connection.recv(decode=True)
                if text == "PONG":
                    answered = now() - began
                    continue
                ages = [now() - clock.wall_time(at) for at in map(said_at, _objects(text)) if at is not None]
                newest = min(ages, default=newest)
    except TimeoutError:
        if answered is None:
            return FeedFacts(answered_after=None, lag=newest, trouble=f"no answer to a ping within {OPEN_S:.0f} s")
    except websockets.ConnectionClosed as error:
        code = "no code" if error.rcvd is None else str(error.rcvd.code)
        return FeedFacts(answered_after=answered, lag=newest, trouble=f"closed by the venue ({code})")
    except (OSError, websockets.WebSocketException) as error:
        return FeedFacts(answered_after=None, lag=None, trouble=f"cannot be opened: {type(error).__name__}")
    return FeedFacts(answered_after=answered, lag=newest)


def _objects(text: str) -> list[Mapping[str, object]]:
    return [each for each in messages_in(text) if isinstance(each, Mapping) and not isinstance(each, Malformed)]


def _traded_at(message: Mapping[str, object]) -> datetime | None:
    payload = message.get("payload")
    return _instant(payload.get("timestamp"), 1) if isinstance(payload, Mapping) else None


def _changed_at(message: Mapping[str, object]) -> datetime | None:
    return _told_at(message) if message.get("event_type") in TOLD_BY_MARKET else None


def _told_at(message: Mapping[str, object]) -> datetime | None:
    return _instant(message.get("timestamp"), MILLIS)


def _instant(value: object, units: int) -> datetime | None:
    found = number(value)
    try:
        return None if found is None else datetime.fromtimestamp(float(found) / units, tz=UTC)
    except (OverflowError, OSError, ValueError):
        return None
