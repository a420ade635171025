"""The house rules that no linter knows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ["remora", "workflows", "activities", "workers", "starters", "schemas"]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
HOMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "stuff"}


def _sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (p for p in (ROOT / package).rglob("*.py") if "migrations/versions" not in p.as_posix())


@pytest.mark.parametrize("path", sorted(_sources()), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_file_stays_small_and_has_a_home(path: Path) -> None:
    text = path.read_text()

    assert len(text.splitlines()) <= FILE_LINES_MAX
    assert path.stem not in HOMELESS
    if path.name == "__init__.py" and path.parent != ROOT / "remora":
        assert text == ""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", sorted((ROOT / "workflows").glob("[a-z]*.py")), ids=lambda p: p.stem)
def test_every_workflow_file_has_its_messages(path: Path) -> None:
    if "@workflow.defn" not in path.read_text():
        pytest.skip("defines no workflow")

    assert (ROOT / "schemas" / path.name).exists()
    assert (ROOT / "starters" / path.name).exists()


def test_public_objects_have_docstrings() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in _sources()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]

    assert bare == []


def test_lock_files_are_hashed_and_carry_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        pins = re.findall(r"^[a-z0-9._-]+==", text, re.MULTILINE)

        assert "://" not in text
        assert len(pins) > 50
        assert text.count("--hash=sha256:") >= len(pins)
