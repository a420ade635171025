"""The scripted evening: every trip of a limit has its time and cause, every limit holds, the books agree."""

import json
import os
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from remora.cli.demo.control import TwinControl
from remora.cli.demo.evening import EDGE, Evening, show_evening
from remora.cli.demo.evening_report import evening_report
from remora.cli.demo.session import Run, compare_books
from remora.cli.errors import CommandFailed, Exit
from remora.domain.limits import Limits
from tests.fixtures.twin import RunningTwin
from tests.workflows.floor import WHALES, trading_floor

pytestmark = [pytest.mark.system, pytest.mark.timeout(280)]

BREACH = "daily_loss: lost "


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the environment of whoever runs the tests says about the product."""
    for name in [name for name in os.environ if name.startswith(("REMORA_", "TEMPORAL_", "DATABASE_", "OTEL_"))]:
        monkeypatch.delenv(name)


def causes(report: dict[str, Any], what: str) -> list[str]:
    """Return the causes of everything of this name, in the order in which it happened."""
    return [event["cause"] for event in report["events"] if event["what"] == what]


def check_halt_and_reset(report: dict[str, Any]) -> None:
    """The loss halts, a plain reset is refused and says why, a forced one is in the trail with its reason."""
    assert causes(report, "halt by limits")[0].startswith(BREACH)
    assert "the breach persists" in causes(report, "reset_refused by ann")[0]
    assert causes(report, "reset by ann")[0] == "a storm, not a bug"


def check_pause_and_flatten(report: dict[str, Any]) -> None:
    """A whale's purchase during the pause is skipped; the flatten closes what is left, and nothing else does."""
    assert causes(report, "pause by ann") == ["dinner"]
    assert len(causes(report, "skipped: desk_paused")) == 1
    assert causes(report, "resume by ann") == ["back"]
    assert causes(report, "flatten by bob") == ["enough for tonight"]
    assert len(causes(report, "closed: halt")) == 3


def check_limits_and_books(report: dict[str, Any]) -> None:
    """Events are in order of time; each limit held, was put to the test, and the books agree."""
    times = [datetime.fromisoformat(event["at"]) for event in report["events"]]
    assert times == sorted(times)
    assert all(at.tzinfo is not None for at in times)
    assert all(event["cause"] for event in report["events"])
    assert (report["limits_held"], report["books_equal"]) == (True, True)
    assert all(limit["held"] and Decimal(limit["most"]) <= Decimal(limit["allowed"]) for limit in report["limits"])


def check_evening(report: dict[str, Any]) -> None:
    """Everything that the evening is there to show happened, in its order, with its cause."""
    most = {limit["limit"]: Decimal(limit["most"]) for limit in report["limits"]}

    check_halt_and_reset(report)
    check_pause_and_flatten(report)
    check_limits_and_books(report)
    assert causes(report, "halt by limits")[1].startswith(BREACH)
    assert causes(report, "reduce by limits")[0].startswith("drawdown: 2")
    assert len(causes(report, "skipped: whale_share")) == 1
    assert len(causes(report, "skipped: order_rate")) == 1
    assert len(causes(report, "closed: stop_loss")) == 7
    assert most["one whale, share of equity"] > Decimal("0.25")
    assert most["entry orders in a minute"] == 10


async def test_every_limit_of_the_desk_trips_and_holds(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin
) -> None:
    limits = Limits(volume_24h_min_usd=Decimal(0))
    async with (
        trading_floor(temporal_client, engine, twin, limits, edge=str(EDGE)) as floor,
        TwinControl(twin.urls["control_url"]) as control,
    ):
        run = Run(control=control, engine=engine, account=floor.venue.account)
        evening = Evening(run, temporal_client, print, np.random.default_rng(7), whales=tuple(WHALES[:3]))
        await evening.play()
        report = await evening_report(engine, run.account, await compare_books(run), seed=7)

    check_evening(json.loads(report.as_text()))
    assert report.good


@pytest.mark.slow
def test_the_evening_as_a_person_plays_it(tmp_path: Path) -> None:
    file = tmp_path / "evening.json"

    assert show_evening("evening", seed=8, json_file=file, picture=None, log=tmp_path / "log") == Exit.OK
    check_evening(json.loads(file.read_text()))


def test_a_scenario_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="tempest") as refused:
        show_evening("tempest", seed=1, json_file=None, picture=None, log=None)

    assert refused.value.code is Exit.USAGE
    assert "evening" in refused.value.next_step
