"""Histories recorded by earlier versions still replay: what runs survives an upgrade."""

import base64
import json
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

import workflows
from remora.domain.reasons import ExitReason, PositionState
from starters.client import DATA_CONVERTER
from tests.histories.recording import without_place

HISTORIES = sorted(Path(__file__).parent.glob("*.json"))


def every_workflow() -> list[type]:
    """Return every class of the package that Temporal knows as a workflow."""
    modules = [import_module(f"workflows.{found.name}") for found in iter_modules(workflows.__path__)]
    classes = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    return sorted((one for one in classes if hasattr(one, DEFINITION)), key=lambda one: one.__name__)


DEFINITION = "__temporal_workflow_definition"
WORKFLOWS = every_workflow()
RARE = {
    "position_adopted",
    "position_continued",
    "position_doubtful",
    "position_doubtful_by_hand",
    "position_in_parts",
    "position_in_parts_unsold",
    "position_waiting",
    "desk_continued",
    *("chaos_desk", "chaos_position", "chaos_reconcile"),
}
"""Ways of a history, beside its workflow and its end, that must be among them: what their names begin with."""


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    history = WorkflowHistory.from_json(path.stem, path.read_text())  # noqa: ASYNC240
    replayer = Replayer(workflows=WORKFLOWS, data_converter=DATA_CONVERTER)
    await replayer.replay_workflow(history)


def test_histories_name_no_machine_and_no_file_of_one() -> None:
    text = r"""{"identity": "7@box", "name": "7@box-12ab", "stackTrace": "  File \"/home/a/b.py\", line 1"}"""
    assert without_place(text) == '{"identity": "worker", "name": "worker-sticky", "stackTrace": ""}'

    kept = {path.name: path.read_text() for path in HISTORIES}
    assert [name for name, text in kept.items() if without_place(text) != text] == []


def test_a_stop_loss_takes_few_events() -> None:
    path = Path(__file__).with_name("position_stop_loss.json")
    assert len(WorkflowHistory.from_json(path.stem, path.read_text()).events) <= 40


def ends(path: Path) -> tuple[str, str]:
    """Return a history's workflow, and why or as what it ended."""
    events = json.loads(path.read_text())["events"]
    started, last = events[0]["workflowExecutionStartedEventAttributes"], events[-1]
    result = last.get("workflowExecutionCompletedEventAttributes", {}).get("result")
    told = json.loads(base64.b64decode(result["payloads"][0]["data"])) if result else {}
    name = started["workflowType"]["name"]
    if not isinstance(told, dict) or "exit_reason" not in told:
        return name, last["eventType"].rpartition("EXECUTION_")[2].lower()
    return name, told["exit_reason"] or told["state"]


def test_every_workflow_and_every_end_of_a_position_is_kept() -> None:
    kept = {ends(path) for path in HISTORIES}
    # the server calls it canceled
    wanted = {reason.value for reason in ExitReason} - {ExitReason.CANCELLED.value} | {"canceled"}
    wanted |= {state.value for state in PositionState if state.ended and state is not PositionState.CLOSED}
    wanted |= {"continued_as_new"}

    assert {name for name, _ in kept} == {one.__name__ for one in WORKFLOWS}
    assert {end for name, end in kept if name == "PositionWorkflow"} >= wanted
    assert {("DeskWorkflow", "continued_as_new"), ("DeskWorkflow", "canceled")} <= kept


def test_every_way_through_a_position_is_kept() -> None:
    names = {path.stem for path in HISTORIES}

    assert {way for way in RARE if any(name.startswith(way) for name in names)} == RARE
