"""The command line from outside: exit codes, messages, and how little is loaded for help."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from remora.cli.errors import CommandFailed, Exit, complaint
from remora.cli.main import run
from remora.settings import SettingsError
from remora.telemetry.tracing import TracingError
from tests.fixtures.command import run_command

HEAVY = ("temporalio", "sqlalchemy", "asyncpg", "numpy", "pandas", "pydantic", "polymarket", "web3", "uvicorn")


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys; from remora.cli.main import run; code = run(['--help']);"
        f"print([name for name in {HEAVY} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_unknown_command_is_a_usage_error() -> None:
    done = run_command("swim")

    assert done.returncode == Exit.USAGE
    assert "swim" in done.stderr


def test_a_malformed_setting_is_a_usage_error_in_one_line() -> None:
    done = run_command("status", REMORA_MODE="dream")

    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith("REMORA_MODE: expected twin, paper or live")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandFailed("over the limit", code=Exit.REFUSED), 3),
        (CommandFailed("no"), 1),
        (SettingsError("X: expected a number"), 2),
        (ConnectionRefusedError("refused"), 4),
        (socket.gaierror(-2, "Name or service not known"), 4),
        (TimeoutError("no answer"), 4),
        (TracingError("OTEL_TRACES_EXPORTER: expected otlp"), 2),
        (RuntimeError("surprise"), 1),
    ],
)
def test_every_failure_has_its_exit_code(error: Exception, code: int) -> None:
    assert complaint(error).code == code


@pytest.mark.parametrize("command", [("approve", "--yes"), ("session-key", "list")])
def test_a_venue_that_does_not_answer_is_an_unavailable_dependency(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    nobody = {"REMORA_TWIN_URL": "http://127.0.0.1:1", "PRIVATE_KEY": "0x" + "4c" * 32}
    done = run_command(*command, **nobody, REMORA_STATE_DIR=str(tmp_path))

    assert (done.returncode, "does not answer" in done.stderr) == (Exit.UNAVAILABLE, True), done.stderr


def test_an_unexpected_failure_hides_its_traceback_until_asked() -> None:
    script = (
        "from remora.cli import main; from remora.cli.main import app, run;"
        "app.command('burst')(lambda: 1 / 0); raise SystemExit(run(['burst']))"
    )
    quiet, loud = (
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            env={**os.environ, "REMORA_DEBUG": debug},
            timeout=60,
            check=False,
        )
        for debug in ("", "1")
    )

    assert quiet.returncode == loud.returncode == Exit.FAILED
    assert "Unexpected ZeroDivisionError" in quiet.stderr
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in loud.stderr


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version"]) == 0
    assert capsys.readouterr().out[0].isdigit()


def test_a_directory_that_cannot_be_made_is_told_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run_command("up", "--servers-only", REMORA_STATE_DIR=str(tmp_path / "file" / "state"))

    assert done.returncode == Exit.UNAVAILABLE
    assert "REMORA_STATE_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_twin_serve_gets_its_own_options() -> None:
    assert "--season" in run_command("twin", "serve", "--help").stdout


def test_twin_serve_passes_its_exit_code_on() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run_command("twin", "serve", "--empty", "--port", str(taken.getsockname()[1]))

    assert done.returncode == Exit.UNAVAILABLE
    assert "stop what listens there" in done.stderr


def test_twin_serve_ends_with_ctrl_c() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "remora.cli.main", "twin", "serve", "--empty", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    ) as twin:
        assert twin.stdout is not None
        assert '"ready": true' in twin.stdout.readline()
        twin.send_signal(signal.SIGINT)

        assert twin.wait(timeout=30) == 0
