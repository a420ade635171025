"""A grid on research workers gives the numbers of the same grid on one machine."""

import concurrent.futures
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker

from activities.backtests import BacktestActivities
from remora.backtest.sweep import sweep_here
from remora.cli.backtest.period import Period
from remora.cli.backtest.request import Asked, Request, requested
from remora.cli.backtest.sweeping import asked_of, fanned_out, ground_of
from schemas.backtest import SweepAsk, SweepInput, SweepRows
from schemas.rescore import RESEARCH_QUEUE
from starters.backtest import sweep
from workers.process_pool import ProcessPool
from workflows.backtest import BacktestWorkflow

pytestmark = pytest.mark.system

WHALE, CROWD = "0x" + "a1" * 20, "0x" + "b2" * 20


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    made = ProcessPool(2)
    yield made
    made.shutdown(cancel_futures=True)


@pytest.fixture
def request_of_grid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    """Ask for a grid of six points on a tape of two days."""
    return asking(tmp_path, monkeypatch, select=False)


def asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, select: bool) -> Request:
    monkeypatch.chdir(tmp_path)
    rows: list[dict[str, Any]] = []
    for hour in range(40):
        at, price = 1_700_000_000 + 3600 * hour, 0.40 + 0.005 * hour
        facts = {"market": f"m{hour % 4}", "outcome_index": 0, "winner_index": hour % 2, "end_at": 1_700_400_000}
        for late, wallet, side in ((0, WHALE, "BUY"), (60, CROWD, "BUY"), (90, CROWD, "SELL")):
            rows.append({"ts": at + late, "wallet": wallet, "side": side, "price": price, "size": 4000.0, **facts})
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "tape.parquet")
    thresholds = "win_rate_min = [0.5, 0.6]\n" if select else "take_profit = [0.05, 0.3]\n"
    (tmp_path / "grid.toml").write_text(f"stop_loss = [0.05, 0.15, 0.3]\n{thresholds}")
    (tmp_path / "policy.toml").write_text("volume_24h_min_usd = 0\nspread_max = 0.2\n")
    return requested(
        Asked(
            data=(tmp_path / "tape.parquet",),
            season=None,
            period=Period(None, None),
            simulations=1,
            workers=None,
            whales=() if select else (WHALE,),
            select=select,
            latency="measured",
            fills="realistic",
            capital=10_000.0,
            policy=tmp_path / "policy.toml",
            assume_end_days=None,
            seed=3,
            grid=tmp_path / "grid.toml",
        )
    )


def worker(client: Client, pool: Executor) -> Worker:
    return Worker(
        client,
        task_queue=RESEARCH_QUEUE,
        workflows=[BacktestWorkflow],
        activities=[BacktestActivities(pool).replay_points],
    )


async def test_the_same_numbers_either_way(
    temporal_client: Client, pool: concurrent.futures.Executor, request_of_grid: Request
) -> None:
    asked = request_of_grid
    here = sweep_here(ground_of(asked), asked.points, workers=1, progress=lambda *_told: None)
    told: list[int] = []
    async with worker(temporal_client, pool):
        there = await sweep(
            temporal_client,
            SweepInput(ask=asked_of(asked)[()], shard=2),
            workflow_id="backtest/test",
            progress=lambda _stage, done, _total: told.append(done),
        )

    assert there.rows == here
    assert len(here) == 6
    assert all(row["positions"] > 0 for row in here)
    assert told == sorted(told)


async def test_each_choice_of_whales_is_a_workflow_and_the_numbers_stay_the_same(
    temporal_client: Client, pool: concurrent.futures.Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asking(tmp_path, monkeypatch, select=True)
    here = sweep_here(ground_of(asked), asked.points, workers=1, progress=lambda *_told: None)
    async with worker(temporal_client, pool):
        there = await fanned_out(temporal_client, asked, lambda *_told: None)

    assert there == here
    assert [row["point"] for row in there] == asked.points
    assert [ask.spec["selection"] for ask in asked_of(asked).values()] == [
        {"win_rate_min": 0.5},
        {"win_rate_min": 0.6},
    ]


class Replaying:
    """Answers every point with a row of the size that a recording of three years has."""

    @activity.defn(name="replay_points")
    async def replay_points(self, ask: SweepAsk) -> SweepRows:
        """Answer with a thousand days of profits a point."""
        daily = [0.123456789012 + day for day in range(1000)]
        return SweepRows(rows=[{"point": point, "daily": daily} for point in ask.points])


async def test_a_grid_whose_rows_are_larger_than_one_message_comes_back_whole(
    temporal_client: Client, request_of_grid: Request
) -> None:
    points = [{"stop_loss": f"0.{number:04d}"} for number in range(1, 241)]
    ask = asked_of(request_of_grid)[()].model_copy(update={"points": points})
    made = Worker(
        temporal_client,
        task_queue=RESEARCH_QUEUE,
        workflows=[BacktestWorkflow],
        activities=[Replaying().replay_points],
    )
    async with made:
        there = await sweep(
            temporal_client, SweepInput(ask=ask), workflow_id="backtest/large", progress=lambda *_told: None
        )

    assert [row["point"] for row in there.rows] == points
    assert len(there.model_dump_json()) > 4_000_000


async def test_a_machine_with_other_data_refuses(
    temporal_client: Client, pool: concurrent.futures.Executor, request_of_grid: Request
) -> None:
    ask = asked_of(request_of_grid)[()].model_copy(update={"fingerprint": "other"})
    async with worker(temporal_client, pool):
        with pytest.raises(WorkflowFailureError) as failed:
            await sweep(
                temporal_client,
                SweepInput(ask=ask),
                workflow_id="backtest/refused",
                progress=lambda *_told: None,
            )

    assert "the same files" in str(failed.value.cause.__cause__)
