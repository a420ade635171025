"""Scoring: plan a run, score its shards in other processes, compare everybody, publish the roster."""

import asyncio
import hashlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from remora.domain.chance import UNJUDGED
from remora.domain.decide import RosterStatus
from remora.domain.ids import WalletAddress
from remora.domain.limits import Limits
from remora.domain.money import MICRO
from remora.research.learning import Lesson, lesson_of
from remora.research.pulling import pull
from remora.research.sharding import score_shard, score_together
from remora.research.store import ResearchStore, Shard
from remora.statistics.scoring import ScoringResult
from remora.statistics.scoring_params import RankBy, ScoringParams, in_order
from remora.statistics.seats import PaperRecord, Seat, SeatRules, SeatStatus, next_seats
from remora.statistics.track_record import without_series
from remora.storage import scores
from remora.storage.roster import Follow
from remora.storage.seats import SeatRow
from remora.venues.polymarket.history import PublicHistory
from schemas.rescore import (
    EVERY,
    TOO_OLD,
    LessonDone,
    Plan,
    PlanAsk,
    RefreshDone,
    RescoreResult,
    RunAsk,
    ShardAsk,
    ShardDone,
)

WALLETS_TO_A_SHARD = 2_500
SHARDS_MAX = 256
BEAT_S = 2.0
LEADERS = 200
PAPER = "paper"
BEHIND = "known_before_s"
"""How long before the run what it judges by was known, in seconds; recorded with the parameters."""

Source = Callable[[], AbstractAsyncContextManager[PublicHistory]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringTools:
    """What scoring needs. `now` is the venue's time, `pool` runs what takes a processor.

    `source` opens the public history; without one nothing can be pulled. A roster that would be older than
    `roster_age_max` is not made. Positions on desks of the mode `paper_books` count towards seats.
    """

    engine: AsyncEngine
    root: Path
    pool: Executor
    params: ScoringParams
    rules: SeatRules
    wall: Callable[[], datetime]
    now: Callable[[], Awaitable[datetime]]
    source: Source | None = None
    roster_age_max: timedelta = Limits().roster_age_max
    paper_books: str = PAPER


class ScoringActivities:
    """The steps of RescoreWorkflow; each may be repeated."""

    def __init__(self, tools: ScoringTools) -> None:
        self._tools = tools

    @activity.defn(name="rescore_refresh")
    async def refresh(self, ask: RunAsk) -> RefreshDone:
        """Pull the history of everybody known and of the leaders; nothing without a source."""
        tools = self._tools
        if tools.source is None:
            return RefreshDone(wallets=0, trades=0)
        store = ResearchStore(tools.root)
        now = await tools.now()
        async with tools.source() as source:
            known = await asyncio.to_thread(store.wallets)
            wallets = [*known, *await source.leaders(count=LEADERS), *await source.recent_traders(pages=2)]

            def progress(done: int, total: int) -> None:
                activity.heartbeat(done, total)

            found = await pull(store, source, wallets, now=now, progress=progress)
        activity.logger.info("pulled", extra={"run": ask.run, "wallets": found.wallets})
        return RefreshDone(wallets=found.wallets, trades=found.trades)

    @activity.defn(name="rescore_plan")
    async def plan(self, ask: PlanAsk) -> Plan:
        """Fix what the run judges: the instant, the parameters and rules, the shards."""
        tools, now = self._tools, await self._tools.now()
        as_of = ask.as_of or now
        behind = max(now - as_of, timedelta(0))
        _refuse_old(as_of, behind, tools.roster_age_max)
        async with _beating():
            wallets = await asyncio.to_thread(ResearchStore(tools.root).count_wallets, as_of=as_of)
        shards = ask.shards or min(SHARDS_MAX, max(1, math.ceil(wallets / WALLETS_TO_A_SHARD)))
        run = await scores.begin_run(
            tools.engine,
            ask.run,
            as_of=as_of,
            started_at=tools.wall(),
            shards=shards,
            wallets=wallets,
            params=_judged_by(tools, ask.rank_by, behind),
        )
        return Plan(run=run.id, as_of=run.as_of, shards=run.shards, wallets=run.wallets)

    @activity.defn(name="rescore_shard")
    async def score(self, ask: ShardAsk) -> ShardDone:
        """Score one shard in another process, unless it was finished before."""
        tools = self._tools
        there = await scores.shard_wallets(tools.engine, ask.run, ask.number)
        if there is not None:
            return ShardDone(number=ask.number, wallets=there, repeated=True)
        run = await scores.load_run(tools.engine, ask.run)
        shard = Shard(ask.number, ask.count)
        async with _beating():
            found = await asyncio.get_running_loop().run_in_executor(
                tools.pool, _score_shard, tools.root, shard, run.as_of, run.params
            )
        await scores.save_shard(
            tools.engine,
            ask.run,
            ask.number,
            records=found.blob,
            wallets=found.wallets,
            left_out=found.left_out,
            finished_at=tools.wall(),
        )
        return ShardDone(number=ask.number, wallets=found.wallets, repeated=False)

    @activity.defn(name="rescore_learn")
    async def learn(self, ask: RunAsk) -> LessonDone:
        """Judge the learned model on what the run may know, in another process, unless that was done before."""
        tools = self._tools
        run = await scores.load_run(tools.engine, ask.run)
        if run.learned is None:
            async with _beating():
                found = await asyncio.get_running_loop().run_in_executor(tools.pool, _learn, tools.root, run.as_of)
            await scores.save_lesson(tools.engine, ask.run, found)
            run = await scores.load_run(tools.engine, ask.run)
        assert run.learned is not None
        verdict = Lesson.from_recorded(run.learned).verdict
        return LessonDone(use=verdict.use, why=verdict.told)

    @activity.defn(name="rescore_publish")
    async def publish(self, ask: RunAsk) -> RescoreResult:
        """Compare everybody, decide the seats, and write scores and roster in one transaction."""
        tools = self._tools
        run = await scores.load_run(tools.engine, ask.run)
        if run.roster_version is not None:
            return _result(run, run.roster_version, await scores.load_seats(tools.engine))
        blobs, left_out = await scores.load_shards(tools.engine, ask.run)
        if len(blobs) != run.shards:
            raise RuntimeError(
                f"expected the records of {run.shards} shards, found {len(blobs)}; score them first"
            )
        async with _beating():
            result = await asyncio.get_running_loop().run_in_executor(
                tools.pool, _score_together, blobs, run.as_of, run.params, _seed(ask.run)
            )
        seats = await self._seats(result, run.as_of, _rules(run, tools.rules))
        version = await scores.publish_run(
            tools.engine,
            ask.run,
            seats,
            score_rows(result),
            funnel=result.funnel,
            notice=result.notice,
            published_at=tools.wall(),
            age=timedelta(seconds=run.params.get(BEHIND, 0.0)),
            learned=_learned(run, seats),
            left_out=left_out,
        )
        activity.logger.info("published", extra={"run": ask.run, "version": version, "left_out": left_out})
        return _result(await scores.load_run(tools.engine, ask.run), version, seats)

    async def _seats(self, result: ScoringResult, at: datetime, rules: SeatRules) -> list[SeatRow]:
        """Return the next roster, without the wallets that a person follows by name."""
        tools = self._tools
        before = await scores.load_seats(tools.engine)
        seated = {row.follow.whale: _seat(row) for row in before if not row.follow.unproven}
        closed = await scores.paper_records(tools.engine, books=tools.paper_books)
        paper = {
            wallet: _paper(closed.get(WalletAddress(wallet), []), seat.since) for wallet, seat in seated.items()
        }
        seats = next_seats(
            {str(wallet): seat for wallet, seat in seated.items()},
            result,
            {str(wallet): record for wallet, record in paper.items()},
            now=at,
            rules=rules,
        )
        return [_row(seat) for seat in seats]


def _refuse_old(as_of: datetime, behind: timedelta, age_max: timedelta) -> None:
    """Fail for good where a roster of what was known then would take no entries from the start."""
    if behind > age_max:
        raise ApplicationError(
            f"a roster of what was known at {as_of.isoformat()} would be {behind} old; "
            f"older than {age_max} it takes no entries",
            type=TOO_OLD,
            non_retryable=True,
        )


def _judged_by(tools: ScoringTools, rank_by: str | None, behind: timedelta) -> Mapping[str, Any]:
    """Return every number that decides who is followed and for how long, as it is recorded with the roster."""
    params = tools.params if rank_by is None else replace(tools.params, rank_by=RankBy(rank_by))
    return {
        **params.recorded(),
        "seat_rules": dict(tools.rules.recorded()),
        "rescored_every_s": EVERY.total_seconds(),
        "roster_age_max_s": tools.roster_age_max.total_seconds(),
        BEHIND: behind.total_seconds(),
    }


def _rules(run: scores.Run, otherwise: SeatRules) -> SeatRules:
    """Return the rules as they were planned; those of this worker for a run planned before they were recorded."""
    recorded = run.params.get("seat_rules")
    return otherwise if recorded is None else SeatRules.from_recorded(recorded)


def _learn(root: Path, as_of: datetime) -> dict[str, Any]:
    return lesson_of(ResearchStore(root), as_of=as_of).recorded()


def _learned(run: scores.Run, seats: Sequence[SeatRow]) -> dict[str, Any]:
    """Return what the roster says of the learned model: of its numbers, those about its own wallets."""
    if run.learned is None:
        return UNJUDGED.recorded()
    lesson = Lesson.from_recorded(run.learned)
    return {**lesson.learned({row.follow.whale for row in seats}).recorded(), "verdict": asdict(lesson.verdict)}


def _score_shard(root: Path, shard: Shard, as_of: datetime, params: Mapping[str, Any]) -> Any:
    return score_shard(root, shard, as_of=as_of, params=params)


def _score_together(
    blobs: Sequence[bytes], as_of: datetime, params: Mapping[str, Any], seed: int
) -> ScoringResult:
    """Return the result without the series of days: it crosses to another process."""
    result = score_together(blobs, as_of=as_of, params=params, seed=seed)
    light = {
        wallet: replace(found, record=without_series(found.record)) for wallet, found in result.evidence.items()
    }
    return replace(result, evidence=light)


@asynccontextmanager
async def _beating() -> AsyncIterator[None]:
    """Tell the server every few seconds that the work goes on in another thread or process."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(BEAT_S)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


def score_rows(result: ScoringResult) -> list[dict[str, Any]]:
    """Return one row of the table of scores for each wallet."""
    places = {place.wallet: place for place in result.roster}
    return [
        {
            "wallet": wallet,
            "gate": None if found.gate is None else found.gate.value,
            "screen": None if found.screen is None else found.screen.value,
            "detail": found.detail,
            "closed_events": found.record.closed_events,
            "wins": found.record.wins,
            "edge": None if found.tested is None else found.tested.edge,
            "q": None if found.tested is None else found.tested.q,
            "sharpe": None if found.standing is None else found.standing.sharpe_shrunk,
            "win_rate": None if found.standing is None else found.standing.win_rate,
            "score": None if found.standing is None else found.standing.score,
            "score_low": places[wallet].score_low if wallet in places else None,
        }
        for wallet, found in result.evidence.items()
    ]


def _seat(row: SeatRow) -> Seat:
    return Seat(
        wallet=row.follow.whale,
        status=SeatStatus(row.follow.status.value),
        since=row.since,
        edge=float(row.follow.edge),
        score=None if row.follow.score is None else float(row.follow.score),
        strikes=row.strikes,
        why=row.why,
    )


def _row(seat: Seat) -> SeatRow:
    follow = Follow(
        whale=WalletAddress(seat.wallet),
        edge=Decimal(seat.edge).quantize(MICRO),
        unproven=False,
        status=RosterStatus(seat.status.value),
        score=None if seat.score is None else Decimal(seat.score).quantize(MICRO),
    )
    return SeatRow(follow=follow, since=seat.since, strikes=seat.strikes, why=seat.why)


def _paper(closed: Sequence[tuple[datetime, float]], since: datetime) -> PaperRecord:
    later = [edge for at, edge in closed if at >= since]
    return PaperRecord(closed=len(later), mean_edge=sum(later) / len(later) if later else 0.0)


def _result(run: scores.Run, version: int, seats: Sequence[SeatRow]) -> RescoreResult:
    counts = [row.follow.status for row in seats if not row.follow.unproven]
    return RescoreResult(
        run=run.id,
        as_of=run.as_of,
        wallets=run.wallets,
        roster_version=version,
        funnel=in_order(run.funnel),
        active=counts.count(RosterStatus.ACTIVE),
        probation=counts.count(RosterStatus.PROBATION),
        demoted=counts.count(RosterStatus.DEMOTED),
        notice=run.notice,
        learned_model=UNJUDGED.why if run.learned is None else Lesson.from_recorded(run.learned).verdict.told,
        rank_by=str(run.params.get("rank_by", "")),
    )


def _seed(run: str) -> int:
    return int.from_bytes(hashlib.sha256(run.encode()).digest()[:8], "big")
