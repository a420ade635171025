"""A journal that is torn, damaged, foreign or in use: cut off where that is safe, a clear error elsewhere."""

import errno
import os
import resource
from pathlib import Path

import pytest

from remora.venues.twin.assembly import TwinOptions
from remora.venues.twin.journal.errors import StateCorrupt, StateError, StateForeign, StateInUse
from remora.venues.twin.journal.file import FILE
from remora.venues.twin.journal.keeping import opened
from remora.venues.twin.journal.lines import line
from remora.venues.twin.scenario.season import season_scenario
from tests.venues.twin.journal.kept_twin import KEYS, KeptTwin, Request, Signer, Wall, control

ADDRESS = "0x" + "cd" * 20


def _cash(twin: KeptTwin) -> str:
    return str(twin.json(Request("control", "GET", f"/books/{ADDRESS}"))["cash"])


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return the state of a twin on which an account got 1 and then 2 dollars."""
    twin = KeptTwin(tmp_path / "state", Wall())
    twin.tick()
    for dollars in (1, 2):
        twin.json(control("/accounts", address=ADDRESS, cash=dollars))
    twin.journal.close()
    return tmp_path / "state"


def test_what_was_kept_comes_back_and_only_its_owner_may_read_it(kept: Path) -> None:
    again = KeptTwin(kept, Wall())

    assert _cash(again) == "3"
    assert (kept.stat().st_mode & 0o777, (kept / FILE).stat().st_mode & 0o777) == (0o700, 0o600)
    again.journal.close()


@pytest.mark.parametrize("lost", [1, 2, 30])
def test_a_torn_last_line_is_cut_off_and_told(kept: Path, lost: int, capsys: pytest.CaptureFixture[str]) -> None:
    path = kept / FILE
    whole = path.read_bytes()
    os.truncate(path, len(whole) - lost)

    again = KeptTwin(kept, Wall())

    assert _cash(again) == "1"
    assert "was cut off" in capsys.readouterr().err
    again.json(control("/accounts", address=ADDRESS, cash=5))
    again.journal.close()
    once_more = KeptTwin(kept, Wall())
    assert _cash(once_more) == "6"
    assert capsys.readouterr().err == ""
    once_more.journal.close()


def test_zeros_that_a_loss_of_power_left_at_the_end_are_cut_off(kept: Path) -> None:
    with (kept / FILE).open("ab") as stream:
        stream.write(b"\0" * 5_000 + b"\n" + b"\0" * 100)

    again = KeptTwin(kept, Wall())

    assert _cash(again) == "3"
    again.journal.close()


def test_a_damaged_line_before_whole_ones_is_an_error_and_nothing_is_cut(kept: Path) -> None:
    path = kept / FILE
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'\\"cash\\": 1', b'\\"cash\\": 9'))

    with pytest.raises(StateCorrupt, match=r"line \d is damaged.*begin anew"):
        KeptTwin(kept, Wall())
    assert len(path.read_bytes()) == len(whole)


@pytest.mark.parametrize("content", [b"", b"x", b"[]\n"])
def test_a_file_that_no_twin_wrote_is_an_error(kept: Path, content: bytes) -> None:
    (kept / FILE).write_bytes(content)

    with pytest.raises(StateError, match="begin anew"):
        KeptTwin(kept, Wall())


def test_another_format_is_an_error_that_names_both(kept: Path) -> None:
    (kept / FILE).write_bytes(line({"twin": 99}))

    with pytest.raises(StateForeign, match="in format 99, this version reads format 1; start the version"):
        KeptTwin(kept, Wall())


def test_other_options_or_another_scenario_are_an_error_and_the_right_ones_go_on(kept: Path) -> None:
    with pytest.raises(StateForeign, match="--seed was 0, is 7; start it with the same options"):
        KeptTwin(kept, Wall(), options=TwinOptions(seed=7))
    with pytest.raises(StateForeign, match="it played no scenario, now season 3"):
        opened(kept, season_scenario(3), TwinOptions())

    again = KeptTwin(kept, Wall())
    assert _cash(again) == "3"
    again.journal.close()


def test_the_same_season_at_another_speed_is_another_scenario(tmp_path: Path) -> None:
    opened(tmp_path, season_scenario(3, speed=60), TwinOptions()).close()
    opened(tmp_path, season_scenario(3, speed=60), TwinOptions()).close()

    with pytest.raises(StateForeign, match="another speed than then"):
        opened(tmp_path, season_scenario(3, speed=61), TwinOptions())


def test_a_step_that_comes_out_otherwise_is_an_error_that_names_it(kept: Path) -> None:
    path = kept / FILE
    first, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + others[-1] + others[-2])

    with pytest.raises(StateForeign, match=r"step 2 of the journal \(control request at .* another version"):
        KeptTwin(kept, Wall())


def test_two_twins_never_share_a_directory(kept: Path) -> None:
    first = KeptTwin(kept, Wall())

    with pytest.raises(StateInUse, match="another twin runs on"):
        KeptTwin(kept, Wall())
    first.journal.close()
    KeptTwin(kept, Wall()).journal.close()


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StateError, match="cannot be used"):
        opened(tmp_path / "file", None, TwinOptions())


def test_a_twin_whose_disk_is_full_acknowledges_nothing_more(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall()
    twin = KeptTwin(kept, wall)
    signer = Signer(KEYS[0], wall)

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(StateError, match="cannot be written"):
            twin.json(control("/accounts", address=ADDRESS, cash=7))
    with pytest.raises(StateError, match="cannot be written"):
        twin.ask(signer.key_request())
    with pytest.raises(StateError):
        twin.tick()
    twin.journal.close()

    again = KeptTwin(kept, wall)
    assert _cash(again) == "3"
    again.journal.close()


def test_a_line_that_the_disk_took_in_part_is_no_acknowledgement(kept: Path) -> None:
    twin = KeptTwin(kept, Wall())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, ((kept / FILE).stat().st_size + 20, hard))
        with pytest.raises(StateError, match="took 20 of"):
            twin.json(control("/accounts", address=ADDRESS, cash=7))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    twin.journal.close()

    again = KeptTwin(kept, Wall())
    assert _cash(again) == "3"
    again.journal.close()
