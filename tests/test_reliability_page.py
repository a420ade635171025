"""The page on reliability names a test for every fault and every kind of bad input, and each of them is there."""

import re
from pathlib import Path

from remora.venues.twin.faults.switchboard import NODE_KINDS, FaultKind

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "reliability.md").read_text()
ROWS = re.findall(r"^\| (.+?) \| .+? \| `(tests/[\w/]+\.py)::(\w+)` \|$", PAGE, re.MULTILINE)
SEVERAL = 5
"""Lines that the page has at least on bad input."""


def test_every_fault_has_a_test_that_arms_it() -> None:
    named = {first.strip("`"): ROOT / file for first, file, _ in ROWS if first.startswith("`")}

    # lies of the chain's node reach no position: tests/detection and tests/venues/polymarket hold them
    assert set(named) == {kind.value for kind in FaultKind if kind not in NODE_KINDS}
    assert [kind for kind, file in named.items() if f'"{kind}"' not in file.read_text()] == []


def test_every_named_test_is_there() -> None:
    missing = [name for _, file, name in ROWS if f"def {name}(" not in (ROOT / file).read_text()]

    assert missing == []
    assert len([first for first, _, _ in ROWS if not first.startswith("`")]) >= SEVERAL
