"""Published data that is not part of the project; tests that need it are skipped without it."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "../shared/data/reference"


def published(name: str) -> Path:
    """Return the path of a published table, or skip the test."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"optional data folder is absent: {path}")
    return path
