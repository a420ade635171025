"""Histories recorded by earlier versions still replay: what runs survives an upgrade."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from workflows.backtest import BacktestWorkflow
from workflows.desk import DeskWorkflow
from workflows.position import PositionWorkflow
from workflows.reconcile import ReconcileWorkflow
from workflows.rescore import RescoreWorkflow

HISTORIES = sorted(Path(__file__).parent.glob("*.json"))
WORKFLOWS = [BacktestWorkflow, DeskWorkflow, PositionWorkflow, ReconcileWorkflow, RescoreWorkflow]

SHAPES = {
    *(f"position_{reason}" for reason in ("stop_loss", "pre_resolution", "operator", "resolved", "cancelled")),
    *(f"position_{end}" for end in ("skipped", "unfilled", "doubtful_unfilled", "adopted_operator")),
    "backtest_completed",
    "reconcile_completed",
    "rescore_completed",
    "desk_running",
    "desk_continued_as_new",
}
"""What must be among them."""


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    history = WorkflowHistory.from_json(path.stem, path.read_text())  # noqa: ASYNC240
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter)
    await replayer.replay_workflow(history)


def test_a_stop_loss_takes_few_events() -> None:
    path = Path(__file__).with_name("position_stop_loss.json")
    assert len(WorkflowHistory.from_json(path.stem, path.read_text()).events) <= 40


def test_every_shape_is_kept() -> None:
    assert {path.stem for path in HISTORIES} >= SHAPES
