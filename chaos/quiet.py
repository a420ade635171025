"""Waiting until nothing moves any more, with a person at hand who answers what only the exchange can know."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy.exc import DBAPIError
from temporalio.exceptions import TemporalError

from chaos.checks import undecided
from chaos.evidence import Told, gather, rows
from chaos.place import Place
from remora.venues.twin.engine.records import OrderStatus
from schemas.position import Resolution, ResolveUnknownRequest
from starters.controls import close_position, resolve_unknown
from starters.reconcile import reconcile

PATIENCE_S = 300.0
RECONCILE_S = 120.0
ANSWER_S = 15.0
PAUSE_S = 1.0
LOOKED_UP = (OrderStatus.LIVE, OrderStatus.DELAYED)
"""Orders that the exchange shows, besides those that filled: one that matched nothing it shows to nobody."""

DOWN = (TemporalError, RuntimeError, OSError, DBAPIError, TimeoutError)
MOVING = """
    SELECT id || ' is ' || state AS what FROM positions WHERE state IN ('entering', 'exiting', 'redeeming')
    UNION ALL SELECT 'fill ' || trade_id || ' is ' || status FROM fills WHERE status NOT IN ('CONFIRMED', 'FAILED')
    UNION ALL SELECT 'order ' || id || ' is ' || state FROM orders WHERE state NOT IN ('done', 'rejected')
"""


class NotQuiet(Exception):
    """Something still moved when patience ended; the message says what."""


@dataclass(slots=True)
class Calm:
    """What it took: answers of a person, and the differences that reconciling found, by code and repair."""

    answered: int = 0
    differences: Counter[str] = field(default_factory=Counter)


async def watching(place: Place, names: Sequence[str], *, patience_s: float = 120.0) -> None:
    """Return once every watcher has said that it follows somebody."""
    deadline = time.monotonic() + patience_s
    logs = [place.stack.state_dir / "logs" / f"{name}.log" for name in names]
    while not all("whales.followed" in log.read_text() for log in logs if log.exists()):
        if time.monotonic() > deadline:
            raise NotQuiet(f"expected watchers to follow {len(place.whales)} whales within {patience_s:g} s")
        await asyncio.sleep(0.1)


async def quieten(place: Place, told: Sequence[Told]) -> Calm:
    """Return once reconciling finds nothing more, nothing moves and every trade that was `told` is decided.

    Raises NotQuiet when patience ends.
    """
    calm, deadline, last = Calm(), time.monotonic() + PATIENCE_S, ["nothing was seen"]
    while time.monotonic() < deadline:
        try:
            calm.answered += await _answer(place)
            async with asyncio.timeout(RECONCILE_S):
                found = await reconcile(await place.client(), place.account, mode="twin")
            calm.differences += Counter(f"{one.code.value} {one.repair.value}" for one in found.differences)
            moving = [row["what"] for row in await rows(place.engine, MOVING)]
            if not found.differences and not moving:
                moving = list(undecided(await gather(place, told)))
            if not found.differences and not moving:
                return calm
            last = [
                f"{one.code.value} {one.subject} {one.ours} {one.theirs}" for one in found.differences
            ] + moving
        except DOWN as error:
            last = [repr(error)]
        await asyncio.sleep(PAUSE_S)
    raise NotQuiet(f"not quiet after {PATIENCE_S:g} s: {'; '.join(last)}")


async def _answer(place: Place) -> int:
    """Do what a person would about positions that wait for one; return how many answers were taken."""
    return await _find_out(place) + await _accept_short_payouts(place)


async def _accept_short_payouts(place: Place) -> int:
    """Close positions for which the chain paid less than the payouts promise: what it paid is all there is."""
    accepted = 0
    waiting = await rows(
        place.engine,
        "SELECT workflow_id FROM positions WHERE state = 'needs_attention' AND attention LIKE 'the chain paid %' "
        "AND bought_shares = sold_shares + redeemed_shares",
    )
    for one in waiting:
        with contextlib.suppress(TemporalError, TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                await close_position(await place.client(), one["workflow_id"], by="chaos")
                accepted += 1
    return accepted


async def _find_out(place: Place) -> int:
    """Tell positions what the exchange's own books say of orders that nobody could look up."""
    answered = 0
    waiting = await rows(
        place.engine,
        "SELECT o.digest, p.workflow_id FROM orders o JOIN positions p ON p.id = o.position_id "
        "WHERE o.state = 'unknown' AND p.state = 'needs_attention'",
    )
    theirs = (await place.books())["orders"] if waiting else []
    found = {order["id"] for order in theirs if Decimal(order["matched"]) > 0 or order["status"] in LOOKED_UP}
    for one in waiting:
        if one["digest"] in found:
            continue  # looking again will find it
        finding = ResolveUnknownRequest(digest=one["digest"], outcome=Resolution.NONE, by="chaos")
        with contextlib.suppress(TemporalError, TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                await resolve_unknown(await place.client(), one["workflow_id"], finding)
                answered += 1
    return answered


async def end_markets(place: Place, seed: int) -> None:
    """Pay out every market that takes no more orders: what is held there can end no other way."""
    rng = Random(f"winners/{seed}")
    held: dict[str, Any] = {
        one["condition_id"]: one
        for one in await rows(
            place.engine, "SELECT DISTINCT condition_id FROM positions WHERE state = 'awaiting_resolution'"
        )
    }
    for market in place.markets:
        first = rng.randrange(2)
        if market.condition_id in held:
            # one that is resolved already is refused
            await place.post("/resolve", condition_id=market.condition_id, payouts=[first, 1 - first])
