"""A state directory with a short path, and the bounds of these tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from remora.embedded.state import StateDir
from remora.embedded.stopping import stop_everything


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """Give a directory for a persistent stack; whatever a failed test left running is ended."""
    path = Path(tempfile.mkdtemp(prefix="remora-test-"))
    yield path
    if path.exists():
        stop_everything(StateDir(path), patience_s=10)
        shutil.rmtree(path, ignore_errors=True)
