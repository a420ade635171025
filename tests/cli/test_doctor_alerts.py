"""A test message to every alert target."""

import asyncio

import pytest

from remora.cli.errors import Exit
from remora.cli.main import run
from tests.telemetry.test_alerts import served

Screen = pytest.CaptureFixture[str]


async def test_every_target_is_tried_and_named_without_its_secret(
    capsys: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served() as up, served() as down:
        down.status = 503
        monkeypatch.setenv("REMORA_ALERT_URLS", f"{up.url} {down.url}")
        monkeypatch.setenv("REMORA_HEARTBEAT_URL", f"http://127.0.0.1:{up.port}/ping")
        code = await asyncio.to_thread(run, ["doctor", "alerts"])
    told = capsys.readouterr()

    assert code == Exit.FAILED
    verdicts = [line.split()[0] for line in told.out.splitlines()]
    assert [word for word in verdicts if word in ("taken", "FAILED")] == ["taken", "FAILED", "taken"]
    assert "hunter2secret" not in told.out + told.err
    assert up.messages[0]["title"] == "Remora: a test"
    assert up.requests[-1] == "GET /ping HTTP/1.1"


def test_without_a_target_it_says_which_variable_to_set(capsys: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REMORA_ALERT_URLS", raising=False)

    assert run(["doctor", "alerts"]) == Exit.USAGE
    assert "REMORA_ALERT_URLS" in capsys.readouterr().err


def test_an_address_that_is_none_is_not_shown(capsys: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMORA_ALERT_URLS", "nonsense-with-a-secret")

    assert run(["doctor", "alerts"]) == Exit.USAGE
    assert "nonsense" not in capsys.readouterr().err
