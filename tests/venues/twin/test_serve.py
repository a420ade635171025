import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from remora.venues.twin.serve import bind, main
from tests.venues.twin.scenario.test_tape import GOOD, write

ROOT = Path(__file__).parents[3]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "remora.venues.twin.serve", *arguments]


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    process = subprocess.Popen(
        command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_served_twin_answers_and_ends_cleanly_when_told_to(number: signal.Signals) -> None:
    with started("--port", "0", "--empty") as (process, ready):
        health = httpx.get(ready["control_url"] + "/health", trust_env=False)
        process.send_signal(number)
        code = process.wait(timeout=20)

    assert health.json() == {"ok": True, "error": None}
    assert code == 0


def test_a_port_in_use_is_a_clear_error_with_code_4() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            command("--port", str(port - 3), "--empty"),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert ended.returncode == 4
    assert f"ports {port - 3} to {port + 3} on 127.0.0.1 are needed" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_tape_that_cannot_be_played_is_a_clear_error_with_code_2(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_text("nothing")
    ended = subprocess.run(
        command("--port", "0", "--tape", str(tmp_path / "bad.parquet")),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert "cannot be read as Parquet" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_binding_gives_consecutive_ports_or_none_at_all() -> None:
    bound = bind("127.0.0.1", 0)
    ports = [made.getsockname()[1] for made in bound]
    with pytest.raises(OSError, match="in use"):
        bind("127.0.0.1", ports[0] - 2)
    for made in bound:
        made.close()

    assert ports == list(range(ports[0], ports[0] + 7))
    for made in bind("127.0.0.1", ports[0] - 2):
        made.close()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--port", "65530", "--empty"), "--port must lie in 0 to 65529"),
        (("--port", "-1", "--empty"), "--port must lie in 0 to 65529"),
        (("--season", "1", "--speed", "inf"), "--speed must be above 0"),
        (("--season", "-1"), "non-negative"),
        (("--tape", "TAPE", "--to", "0001-01-02"), "out of range"),
    ],
)
def test_a_number_nobody_could_play_is_a_usage_error(
    options: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = write(tmp_path / "t.parquet", [GOOD])

    assert main([str(tape) if option == "TAPE" else option for option in options]) == 2
    assert told in capsys.readouterr().err
