"""A seeded run: whales trade, prices move, faults strike, processes die; then everything has to add up."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from chaos.checks import ENDED, Caps, violations
from chaos.evidence import Evidence, Told, gather, rows
from chaos.place import (
    EVENT_SHARE,
    MARKET_SHARE,
    PER_MINUTE,
    POSITION_MAX,
    READY_S,
    WATCHERS,
    WHALE_SHARE,
    WORKERS,
    Place,
    chaos_place,
)
from chaos.quiet import DOWN, PATIENCE_S, NotQuiet, end_markets, quieten, watching
from chaos.schedule import TICK, Close, Fault, Kill, Quote, Stall, Step, Trade, draw
from chaos.supervisor import Supervisor
from remora.domain.trade_key import trade_key
from remora.venues.twin.faults.switchboard import MARKET_KINDS
from starters.controls import close_position
from starters.desk import flatten

CAPS = Caps(
    position_usd=POSITION_MAX, market=MARKET_SHARE, event=EVENT_SHARE, whale=WHALE_SHARE, per_minute=PER_MINUTE
)
MINIMUM = 5
"""Shares below which the venue takes no order."""

WHALES = 6
WINDOW_S = 3.5
TRADE_SIZE = "100"
OPERATOR_S = 5.0
KEPT = ("postgres", "temporal", "twin", *WORKERS, *WATCHERS)
Say = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """What a run came to: what really happened, and what of it must not have."""

    seed: int
    rounds: int
    window_s: float
    told: list[Told] = field(default_factory=list)
    refused_trades: int = 0
    kills: dict[str, int] = field(default_factory=dict)
    stalls: dict[str, int] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    gave_up: list[str] = field(default_factory=list)
    armed: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    decisions: dict[str, int] = field(default_factory=dict)
    entries: int = 0
    exits: int = 0
    fills: int = 0
    answered: int = 0
    positions: dict[str, int] = field(default_factory=dict)
    differences: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


def markets_of(rounds: int) -> int:
    """Return how many markets a run needs: faults end some of them."""
    return max(10, rounds // 4)


async def run(
    seed: int,
    rounds: int,
    *,
    window_s: float = WINDOW_S,
    logs: Path | None = None,
    say: Say = lambda _line: None,
) -> Outcome:
    """Return what a run with this seed came to; `say` hears of progress, the logs are left in `logs`."""
    out = Outcome(seed, rounds, window_s)
    markets = markets_of(rounds)
    steps = draw(seed, rounds=rounds, window_s=window_s, markets=markets, whales=WHALES)
    began = time.monotonic()
    async with chaos_place(markets=markets, whales=WHALES, twin_keeps=True, logs=logs) as place:
        await watching(place, WATCHERS)
        out.seconds["start"] = time.monotonic() - began
        async with Supervisor(place.stack, KEPT) as supervisor:
            await Player(place, supervisor, out, say).play(steps)
            out.kills, out.stalls = dict(supervisor.killed), dict(supervisor.stalled)
            await supervisor.all_up()
            async with asyncio.timeout(READY_S):
                await place.answers()
            out.faults += Counter((await place.get("/faults"))["happened"])
            await place.control.delete("/faults")
            await _settle(place, out, say)
            out.restarts, out.gave_up = dict(supervisor.restarts), list(supervisor.gave_up)
            out.broken += [f"ended by itself: {line}" for line in out.gave_up]
    return out


async def _settle(place: Place, out: Outcome, say: Say) -> None:
    """Check once all is quiet, then have everything closed, markets that ended paid out, and check again.

    What a sale left below the venue's minimum nobody can sell: its market is paid out at the very end.
    """
    began = time.monotonic()
    found = await _quiet(place, out, say, "after the last round")
    _count(out, found)
    out.seconds["until quiet"] = time.monotonic() - began
    began = time.monotonic()
    await end_markets(place, out.seed)
    await _flatten(place)
    what = "after closing everything"
    found = await _quiet(place, out, say, what)
    left = [one for one in found.positions if one["state"] == "awaiting_resolution"]
    if left and all(_held(one) < MINIMUM for one in left):
        what = "after paying out what is too little to sell"
        await end_markets(place, out.seed)
        found = await _quiet(place, out, say, what)
    open_ones = [one for one in found.positions if one["state"] not in ENDED]
    out.broken += [
        f"{what}: position {one['id']} is still {one['state']} with {_held(one):f} shares" for one in open_ones
    ]
    out.seconds["until closed"] = time.monotonic() - began


async def _quiet(place: Place, out: Outcome, say: Say, what: str) -> Evidence:
    """Wait until nothing moves and check; return what was found."""
    say(f"waiting until all is quiet {what}")
    try:
        calm = await quieten(place, out.told)
        out.answered += calm.answered
        out.differences += calm.differences
    except NotQuiet as error:
        out.broken.append(f"{what}: {error}")
    found = await gather(place, out.told)
    out.broken += [f"{what}: {line}" for line in violations(found, CAPS)]
    return found


def _held(position: Mapping[str, Any]) -> Decimal:
    held: Decimal = position["bought_shares"] - position["sold_shares"] - position["redeemed_shares"]
    return held


async def _flatten(place: Place) -> None:
    """Have everything closed; an operator asks again where a busy server refuses."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await flatten(await place.client(), place.account, by="chaos", reason="the run is over")
            except DOWN:
                await asyncio.sleep(OPERATOR_S)
            else:
                return


def _count(out: Outcome, found: Evidence) -> None:
    ours = {one["digest"]: one["purpose"] for one in found.orders if one["digest"]}
    placed = Counter(ours.get(order["id"], "foreign") for order in found.theirs["orders"])
    out.entries, out.exits = placed["entry"], placed["exit"]
    out.fills = sum(fill["status"] != "FAILED" for fill in found.theirs["fills"])
    out.decisions = dict(Counter(one["reason"] or one["outcome"] for one in found.decisions))
    out.positions = dict(Counter(one["exit_reason"] or one["state"] for one in found.positions))


class Player:
    """Does what a schedule says."""

    def __init__(self, place: Place, supervisor: Supervisor, out: Outcome, say: Say) -> None:
        self._place = place
        self._supervisor = supervisor
        self._out = out
        self._say = say
        self._beside: set[asyncio.Task[None]] = set()

    async def play(self, steps: tuple[Step, ...]) -> None:
        """Do every step in its time; a stack that is slow is not waited for."""
        began = time.monotonic()
        for step in steps:
            await asyncio.sleep(max(0.0, began + step.at_s - time.monotonic()))
            try:
                await self._do(step)
            except httpx.TransportError as error:  # the twin is stalled: the step is lost, and counted nowhere
                self._say(f"lost at {step.at_s:.1f} s: {type(error).__name__}")
        await asyncio.gather(*self._beside)
        self._out.seconds["rounds"] = time.monotonic() - began

    async def _do(self, step: Step) -> None:
        match step.act:
            case Kill(victim):
                # what is armed and what struck is known to the process alone
                board = await self._place.get("/faults") if victim == "twin" else {}
                if self._supervisor.kill(victim):
                    self._say(f"{step.at_s:7.1f} s  kill {victim}")
                    self._out.faults += Counter(board.get("happened", {}))
                    self._later(self._arm_again(board.get("armed", ())))
            case Stall(victim, seconds):
                if self._supervisor.stall(victim, seconds):
                    self._say(f"{step.at_s:7.1f} s  stall {victim} for {seconds:.1f} s")
            case Fault():
                await self._arm(step.at_s, step.act)
            case Trade():
                await self._trade(step.act)
            case Quote(market, bid):
                token = self._place.markets[market].tokens[0]
                await self._place.post("/quotes", token_id=token, bid=str(bid), ask=str(bid + TICK), size="2000")
            case Close(where):
                self._later(self._close(where))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _arm_again(self, armed: Iterable[Mapping[str, Any]]) -> None:
        """Arm what had not struck yet when the twin was killed."""
        for fault in armed:
            body = {**{name: fault[name] for name in ("kind", "rate", "seconds", "on")}, "count": fault["left"]}
            with contextlib.suppress(httpx.TransportError, TimeoutError):
                async with asyncio.timeout(READY_S):
                    await self._place.answers()
                    await self._place.post("/faults", **body)

    async def _arm(self, at_s: float, fault: Fault) -> None:
        body = {"kind": fault.kind.value, "seconds": fault.seconds, "on": fault.on}
        if fault.kind not in MARKET_KINDS:
            body["count"] = fault.times
        answer = await self._place.post("/faults", **body)
        if answer.is_success:
            self._out.armed[fault.kind.value] += 1
            self._say(f"{at_s:7.1f} s  fault {fault.kind.value} x{fault.times} {fault.on}")

    async def _trade(self, trade: Trade) -> None:
        market = self._place.markets[trade.market]
        whale, token = self._place.whales[trade.whale], market.tokens[trade.outcome]
        side = trade.side
        body = {
            "wallet": whale,
            "token_id": token,
            "side": side.value,
            "price": str(trade.price),
            "size": TRADE_SIZE,
        }
        answer = await self._place.post("/trades", **body)
        if not answer.is_success:
            self._out.refused_trades += 1
            return
        done = answer.json()
        at = datetime.fromisoformat(done["at"])
        name = trade_key(transaction_hash=done["transaction_hash"], whale=whale, token_id=token, side=side)
        self._out.told.append(Told(name, whale, token, side.value, at))

    async def _close(self, where: float) -> None:
        """An operator closes a position, if the servers let him."""
        with contextlib.suppress(*DOWN):
            async with asyncio.timeout(OPERATOR_S):
                held = await rows(self._place.engine, "SELECT workflow_id FROM positions WHERE state = 'open'")
                if held:
                    name = held[int(where * len(held))]["workflow_id"]
                    await close_position(await self._place.client(), name, by="chaos")
