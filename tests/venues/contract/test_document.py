"""docs/venue-contract.md names tests that exist, and all numbered payload tests."""

import re
from pathlib import Path

VENUES = Path(__file__).parents[1]
PAGE = (VENUES.parents[1] / "docs/venue-contract.md").read_text()
NAMED = set(re.findall(r"`([./a-z_]+\.py)::(test_[a-z0-9_]+)`", PAGE))


def _tests(path: Path) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(), re.MULTILINE))


def test_every_test_on_the_page_exists() -> None:
    missing = [(file, name) for file, name in sorted(NAMED) if name not in _tests(VENUES / file)]

    assert missing == []
    assert len(NAMED) > 40


def test_every_numbered_payload_test_is_on_the_page_under_its_number() -> None:
    for file in ("contract/test_payloads.py", "contract/test_client.py"):
        for name in _tests(VENUES / file):
            number = re.match(r"test_c(\d\d)_", name)
            assert number is not None, name
            row = next(line for line in PAGE.splitlines() if line.startswith(f"| {number.group(1)} |"))
            assert f"`{file}::{name}`" in row, name


def test_every_case_has_both_sides() -> None:
    rows = [line.split("|") for line in PAGE.splitlines() if re.match(r"\| \d\d \|", line)]

    assert len(rows) == 27
    assert len({row[1] for row in rows}) == len(rows)
    assert all("::" in row[3] and "::" in row[4] for row in rows)
