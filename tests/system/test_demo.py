"""The demo as a newcomer runs it: to its end, interrupted, and refused with a word of advice."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from remora.cli.errors import Exit

pytestmark = [pytest.mark.system, pytest.mark.timeout(280)]
ROOT = Path(__file__).parents[2]
TAPE = ROOT.parent / "shared" / "data" / "tape_midterms_2022.parquet"
KEYS = {"signals", "copied", "skipped", "closed", "exits", "pnl", "fees", "books_equal", "latency_ms"}


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a directory with a short name in which the demo keeps everything temporary."""
    path = Path(tempfile.mkdtemp(prefix="rd-"))
    yield path
    for process in _left_in(path):
        process.kill()
    shutil.rmtree(path, ignore_errors=True)


def _start(place: Path, *options: str) -> subprocess.Popen[str]:
    unset = ("REMORA_", "TEMPORAL_", "DATABASE_", "OTEL_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    return subprocess.Popen(
        [sys.executable, "-m", "remora.cli.main", "demo", *options],
        env=environment | {"TMPDIR": str(place), "PYTHONPATH": str(ROOT)},
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _left_in(place: Path) -> list[psutil.Process]:
    """Return the processes that still belong to a demo of this place."""
    left = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(place) and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
        except psutil.Error:
            continue
    return left


def _remains(place: Path) -> list[str]:
    return [str(entry) for entry in place.iterdir() if entry.name.startswith("remora-")]


def test_a_generated_season_is_copied_to_equal_books(place: Path) -> None:
    report = place / "out.json"
    with _start(
        place, "--to", "2026-03-02T12:00", "--json", str(report), "--picture", str(place / "p.svg")
    ) as demo:
        said, _ = demo.communicate(timeout=240)

    assert demo.returncode == Exit.OK, said[-2000:]
    assert "books equal:  yes" in said
    found = json.loads(report.read_text())
    assert set(found) >= KEYS
    assert found["books_equal"] is True
    assert found["signals"] == found["copied"] + sum(found["skipped"].values()) + found["exit_signals"] > 0
    assert found["copied"] > 0
    assert (place / "p.svg").read_text().startswith("<svg")
    assert (_left_in(place), _remains(place)) == ([], [])


def test_ctrl_c_ends_everything(place: Path) -> None:
    with _start(place) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "desk trading" in line:
                break
        demo.send_signal(signal.SIGINT)
        said, _ = demo.communicate(timeout=120)

    assert demo.returncode == Exit.INTERRUPTED, said[-2000:]
    assert "Interrupted." in said
    assert (_left_in(place), _remains(place)) == ([], [])


@pytest.mark.slow
@pytest.mark.skipif(not TAPE.exists(), reason="the recorded tape is not at hand")
def test_a_recorded_tape_is_copied_under_the_label_unproven(place: Path) -> None:
    report = place / "out.json"
    window = ("--from", "2022-11-06", "--to", "2022-11-12")
    with _start(place, "--tape", str(TAPE), *window, "--json", str(report)) as demo:
        said, _ = demo.communicate(timeout=240)

    assert demo.returncode == Exit.OK, said[-2000:]
    found = json.loads(report.read_text())
    assert found["books_equal"] is True
    assert found["signals"] >= 100
    assert found["closed"] >= 20
    assert len(found["exits"]) >= 3
    assert all(row["unproven"] for row in found["followed"])
    assert set(found["overrides"]) == {"REMORA_VOLUME_24H_MIN_USD", "REMORA_SPREAD_MAX"}
    assert "synthetic" in said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--tape", "nothing.parquet"), "nothing.parquet"),
        (("--from", "yesterday"), "expected an ISO date"),
        (("--from", "2026-03-03", "--to", "2026-03-02"), "reversed"),
        (("--speed", "0"), "above 0"),
        (("--follow", "0x12"), "40 hexadecimal digits"),
        (("--season", "1", "--tape", "x"), "found both"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_starts(
    place: Path, options: tuple[str, ...], expected: str
) -> None:
    with _start(place, *options) as demo:
        said, _ = demo.communicate(timeout=60)

    assert demo.returncode == Exit.USAGE
    assert expected in said
    assert "Traceback" not in said
