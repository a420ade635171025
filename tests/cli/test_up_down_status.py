"""``remora up``, ``status`` and ``down`` as a person types them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from remora.embedded.processes import strays

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


def _start(state_dir: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("REMORA_", "TEMPORAL_", "DATABASE_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "remora.cli.main", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | {"REMORA_STATE_DIR": str(state_dir)},
    )


def _remora(state_dir: Path, *arguments: str) -> tuple[int, str, str]:
    with _start(state_dir, *arguments) as process:
        out, err = process.communicate(timeout=200)
    return process.returncode, out, err


def test_up_status_and_down_tell_what_they_found(state_dir: Path) -> None:
    assert _remora(state_dir, "status")[0] == 1
    assert "nothing to do" in _remora(state_dir, "down")[1]
    assert not state_dir.exists()

    code, out, err = _remora(state_dir, "up", "--servers-only")
    assert (code, "The stack is up." in out, "Temporal Web UI" in out) == (0, True, True), err
    assert "making the database files (first time)" in err
    code, out, _ = _remora(state_dir, "up", "--servers-only")
    assert (code, "up already; nothing to do" in out) == (0, True)

    code, out, _ = _remora(state_dir, "status")
    assert (code, out.count("running"), "Start what has ended" in out) == (0, 2, False)
    code, out, _ = _remora(state_dir, "status", "--json")
    shown = json.loads(out)
    assert (code, shown["up"], {s["name"] for s in shown["services"]}) == (0, True, {"postgres", "temporal"})

    victim = next(s["pid"] for s in shown["services"] if s["name"] == "temporal")
    os.kill(victim, signal.SIGKILL)
    while victim in [pid for pid, _ in strays(state_dir)]:
        time.sleep(0.01)
    code, out, _ = _remora(state_dir, "status")
    assert (code, "ended" in out) == (1, True)

    code, out, _ = _remora(state_dir, "down")
    assert (code, "The stack is down." in out) == (0, True)
    assert list(strays(state_dir)) == []
    assert "nothing to do" in _remora(state_dir, "down")[1]


def test_ctrl_c_while_starting_leaves_nothing_running(state_dir: Path) -> None:
    with _start(state_dir, "up", "--servers-only") as process:
        while not list(strays(state_dir)):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=100)

    assert process.returncode == 130
    assert "Interrupted." in err
    assert list(strays(state_dir)) == []


def test_down_stops_what_an_unreadable_record_hides(state_dir: Path) -> None:
    assert _remora(state_dir, "up", "--servers-only")[0] == 0
    (state_dir / "state.json").write_text('{"version": 1, "proc')

    code, _, err = _remora(state_dir, "up", "--servers-only")
    assert (code, "Run `remora down`" in err) == (4, True)
    assert _remora(state_dir, "status")[0] == 4
    assert len(list(strays(state_dir))) >= 2

    code, out, _ = _remora(state_dir, "down")
    assert (code, "set aside" in out, list(strays(state_dir))) == (0, True, [])
    assert _remora(state_dir, "up", "--servers-only")[0] == 0
    assert _remora(state_dir, "down")[0] == 0


@pytest.mark.parametrize("option", ["--twin-port", "--ui-port"])
def test_a_port_that_does_not_exist_is_a_usage_error(option: str, state_dir: Path) -> None:
    first = 65530 if option == "--twin-port" else 65536

    assert _remora(state_dir, "up", option, str(first))[0] == 2
    assert not state_dir.exists()


@pytest.mark.slow
def test_the_whole_stack_stays_comes_back_and_goes(state_dir: Path) -> None:
    everything = {"postgres", "temporal", "twin", "engine", "research"}
    code, _, err = _remora(state_dir, "up")
    assert code == 0, err
    code, out, _ = _remora(state_dir, "status", "--json")
    first = json.loads(out)
    assert (code, first["desk"]["mode"], {s["name"] for s in first["services"]}) == (0, "trading", everything)
    assert "nothing to do" in _remora(state_dir, "up")[1]
    assert _remora(state_dir, "pause", "--by", "ann", "--reason", "a test")[0] == 0
    assert _remora(state_dir, "positions", "--json")[:2] == (0, "[]\n")
    assert _remora(state_dir, "down")[0] == 0
    assert list(strays(state_dir)) == []

    code, _, err = _remora(state_dir, "up")
    assert code == 0, err
    second = json.loads(_remora(state_dir, "status", "--json")[1])
    assert (second["desk"]["account"], second["desk"]["mode"]) == (first["desk"]["account"], "paused")
    assert not {s["pid"] for s in first["services"]} & {s["pid"] for s in second["services"]}
    assert _remora(state_dir, "down")[0] == 0
    assert list(strays(state_dir)) == []
