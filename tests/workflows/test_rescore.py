"""Rescoring on real servers: shards in other processes, one roster at the end, nothing done twice."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from activities.scoring import ScoringTools
from remora.cli.main import run as remora
from remora.domain.decide import RosterStatus
from remora.domain.ids import WalletAddress
from remora.statistics.scoring_params import ScoringParams, in_order
from remora.statistics.seats import SeatRules
from remora.storage.roster import (
    Follow,
    counts_in,
    learned_in,
    load_roster,
    newest_params,
    publish_roster,
    standing,
    standing_of,
)
from remora.storage.score_tables import Score, ScoreShard
from remora.storage.scores import load_seats, newest_run
from remora.venues.twin.scenario.model import Scenario
from schemas.rescore import RESEARCH_QUEUE, SCHEDULE_ID, RescoreResult
from starters.client import DATA_CONVERTER
from starters.rescore import ensure_rescoring, start_rescoring
from tests.research.biased import DAY, biased_store
from tests.research.files import START
from tests.research.seasons import season_store
from workers.process_pool import ProcessPool
from workers.research import research_worker
from workflows.rescore import RescoreWorkflow

ROOT = Path(__file__).parents[2]
PERSON = WalletAddress("0x" + "77" * 20)


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scenario]:
    store, season = season_store(tmp_path_factory.mktemp("season"), 1)
    return store.root, season


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    made = ProcessPool(2)
    yield made
    made.shutdown(cancel_futures=True)


@asynccontextmanager
async def working(
    client: Client, engine: AsyncEngine, root: Path, pool: Executor, at: datetime | None = None
) -> AsyncIterator[None]:
    """Run a research worker on a venue whose time is `at`."""

    async def now() -> datetime:
        return datetime.now(UTC) if at is None else at

    tools = ScoringTools(
        engine=engine,
        root=root,
        pool=pool,
        params=ScoringParams(resamples=199),
        rules=SeatRules(),
        wall=lambda: datetime.now(UTC),
        now=now,
    )
    async with research_worker(client, tools, at_once=2):
        yield


async def started(
    client: Client, season: Scenario, *, shards: int = 6
) -> WorkflowHandle[RescoreWorkflow, RescoreResult]:
    return await start_rescoring(client, as_of=season.window_start, pull=False, by="test", shards=shards)


@pytest.mark.system
async def test_a_roster_is_published_with_everybody_accounted_for(
    temporal_client: Client, engine: AsyncEngine, season: tuple[Path, Scenario], pool: Executor
) -> None:
    now = datetime.now(UTC)
    await publish_roster(
        engine, [Follow(whale=PERSON, edge=Decimal(0), unproven=True)], as_of=now, published_at=now, params={}
    )
    at = season[1].window_start + timedelta(hours=1)
    async with working(temporal_client, engine, season[0], pool, at):
        handle = await started(temporal_client, season[1])
        result = await handle.result()
        progress = await handle.query(RescoreWorkflow.progress)

    assert sum(result.funnel.values()) == result.wallets == progress.wallets_done
    assert (progress.stage, progress.shards_done) == ("published", 6)
    assert result.probation >= 2
    skilled = {truth.wallet for truth in season[1].wallets if truth.skilled}
    follows = {follow.whale: follow for follow in await load_roster(engine)}
    assert set(follows) - {PERSON} <= skilled
    # whoever a person follows by name stays
    assert follows[PERSON].unproven
    assert all(f.status is RosterStatus.PROBATION for whale, f in follows.items() if whale != PERSON)
    run = await newest_run(engine)
    assert run is not None
    assert run.params["half_spread"] == ScoringParams().half_spread
    recorded = await newest_params(engine)
    assert SeatRules.from_recorded(recorded["seat_rules"]) == SeatRules()
    assert (recorded["rescored_every_s"], recorded["roster_age_max_s"]) == (6 * 3600, 24 * 3600)
    # what it knows was an hour old: it is stale an hour earlier
    async with engine.connect() as connection:
        found = standing_of((await connection.execute(standing(), {"whale": PERSON})).one())
    assert found.published_at is not None
    assert found.published_at < datetime.now(UTC) - timedelta(hours=1)
    assert in_order(counts_in(await newest_params(engine), "funnel")) == result.funnel
    assert next(iter(result.funnel)) == "history_incomplete"
    # prices are right in a season: the model cannot win, and everybody is told
    learned = learned_in(await newest_params(engine))
    assert learned.model is None
    assert result.learned_model == learned.why
    assert learned.why.startswith("not used because it does not beat the baseline by 0.005 nats")
    async with engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(Score)) == result.wallets
        assert await connection.scalar(select(func.count()).select_from(ScoreShard)) == 0
    history = await handle.fetch_history()
    await Replayer(workflows=[RescoreWorkflow], data_converter=DATA_CONVERTER).replay_workflow(history)


@pytest.mark.system
async def test_a_model_that_truly_wins_is_published_with_the_roster(
    temporal_client: Client, engine: AsyncEngine, tmp_path: Path, pool: Executor
) -> None:
    root = biased_store(tmp_path).root
    end = datetime.fromtimestamp(START + 202 * DAY, tz=UTC)
    async with working(temporal_client, engine, root, pool, end):
        run = await start_rescoring(temporal_client, as_of=end, pull=False, by="test", shards=2)
        result = await run.result()

    assert result.probation >= 1
    assert result.learned_model.startswith("used because it beats the baseline")
    follows = {follow.whale for follow in await load_roster(engine)}
    learned = learned_in(await newest_params(engine))
    assert learned.why == result.learned_model
    assert learned.model is not None
    assert {name for name, _ in learned.model.skills} == follows
    async with engine.connect() as connection:
        whale = standing_of((await connection.execute(standing(), {"whale": follows.pop()})).one())
    assert whale.learned == learned
    # the edges of everybody else are not kept twice
    kept = await newest_run(engine)
    assert kept is not None
    assert kept.learned is not None
    assert kept.learned["model"] is None
    assert kept.learned["verdict"]["use"] is True


@pytest.mark.system
async def test_a_second_run_keeps_the_seats(
    temporal_client: Client, engine: AsyncEngine, season: tuple[Path, Scenario], pool: Executor
) -> None:
    async with working(temporal_client, engine, season[0], pool, season[1].window_start):
        first = await (await started(temporal_client, season[1])).result()
        before = {row.follow.whale: row.since for row in await load_seats(engine)}
        second = await (await started(temporal_client, season[1], shards=3)).result()

    assert second.roster_version == first.roster_version + 1
    assert second.funnel == first.funnel
    assert {row.follow.whale: row.since for row in await load_seats(engine)} == before


@pytest.mark.slow
@pytest.mark.system
async def test_after_a_worker_was_killed_only_unfinished_shards_are_scored(
    temporal: WorkflowEnvironment,
    engine: AsyncEngine,
    postgres_url: str,
    season: tuple[Path, Scenario],
    pool: Executor,
) -> None:
    client = temporal.client
    environment = {
        **os.environ,
        "DATABASE_URL": postgres_url,
        "TEMPORAL_ADDRESS": client.service_client.config.target_host,
        "REMORA_RESEARCH_DIR": str(season[0]),
        "REMORA_MODE": "paper",
        "PYTHONPATH": str(ROOT),
    }
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers.research", "--processes", "1"), env=environment, start_new_session=True
    )
    try:
        handle = await start_rescoring(client, as_of=None, pull=False, by="test", shards=12)
        done = await _shards(engine, at_least=3)
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        await worker.wait()
    async with working(client, engine, season[0], pool):
        result = await handle.result()

    assert sum(result.funnel.values()) == result.wallets
    scheduled: dict[int, str] = {}
    tries: dict[str, int] = {}
    for event in (await handle.fetch_history()).events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled[event.event_id] = event.activity_task_scheduled_event_attributes.activity_type.name
        if event.HasField("activity_task_started_event_attributes"):
            facts = event.activity_task_started_event_attributes
            tries.setdefault(scheduled[facts.scheduled_event_id], 0)
            tries[scheduled[facts.scheduled_event_id]] += facts.attempt
    # every shard was tried once, and once more only those that the dead worker held
    assert 12 <= tries["rescore_shard"] <= 14
    assert done >= 3


async def _shards(engine: AsyncEngine, *, at_least: int) -> int:
    for _ in range(3000):
        async with engine.connect() as connection:
            found = await connection.scalar(select(func.count()).select_from(ScoreShard))
        if found is not None and found >= at_least:
            return int(found)
        await asyncio.sleep(0.05)
    raise AssertionError(f"expected {at_least} finished shards, found {found}")


@pytest.mark.system
async def test_the_schedule_is_made_once_and_skips_overlaps(temporal_client: Client) -> None:
    await ensure_rescoring(temporal_client, pull=True)
    await ensure_rescoring(temporal_client, pull=True)

    schedule = (await temporal_client.get_schedule_handle(SCHEDULE_ID).describe()).schedule
    assert schedule.policy.overlap.name == "SKIP"
    assert schedule.spec.intervals[0].every.total_seconds() == 6 * 3600
    assert getattr(schedule.action, "task_queue", None) == RESEARCH_QUEUE


@pytest.mark.system
async def test_the_command_waits_and_tells(
    temporal: WorkflowEnvironment,
    engine: AsyncEngine,
    postgres_url: str,
    season: tuple[Path, Scenario],
    pool: Executor,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.client.service_client.config.target_host)
    command = ["rescore", "--as-of", season[1].window_start.isoformat(), "--shards", "2", "--rank-by", "edge"]
    assert await asyncio.to_thread(remora, [*command, "--timeout", "2"]) == 4
    assert "No answer from the rescoring" in capsys.readouterr().err
    async with working(temporal.client, engine, season[0], pool, season[1].window_start):
        assert await asyncio.to_thread(remora, command) == 0

    told = capsys.readouterr().out
    assert "on probation" in told
    assert "Ordered by edge." in told
    assert "sample_too_small" in told


@pytest.mark.system
async def test_a_roster_that_would_be_stale_from_the_start_is_refused(
    temporal: WorkflowEnvironment,
    engine: AsyncEngine,
    postgres_url: str,
    season: tuple[Path, Scenario],
    pool: Executor,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.client.service_client.config.target_host)
    then = season[1].window_start
    async with working(temporal.client, engine, season[0], pool, then + timedelta(hours=25)):
        command = ["rescore", "--as-of", then.isoformat(), "--shards", "2"]
        assert await asyncio.to_thread(remora, command) == 3

    told = capsys.readouterr().err
    assert "would be 1 day, 1:00:00 old; older than 1 day, 0:00:00 it takes no entries" in told
    assert "remora discover --as-of" in told
    assert await load_roster(engine) == []
