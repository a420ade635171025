"""The table of docs/statistics.md names every public function, and tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COLUMNS = ("published number", "oracle", "properties", "degenerate input")
ROW = re.compile(r"^\| `(?P<function>\w+\.\w+)` \|(?P<cells>.*)\|$", re.MULTILINE)
NAME = re.compile(r"`(\w+)::(\w+)`")


def rows() -> dict[str, list[str]]:
    text = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    return {found["function"]: found["cells"].split(" | ") for found in ROW.finditer(text)}


def defined(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_table_names_every_public_function_and_no_other() -> None:
    public = {
        f"{path.stem}.{name}"
        for path in (ROOT / "remora" / "statistics").glob("*.py")
        for name in defined(path)
        if not name.startswith("_")
    }

    assert set(rows()) == public


@pytest.mark.parametrize("function", sorted(rows()))
def test_every_cell_names_tests_that_exist_or_says_why_there_is_none(function: str) -> None:
    cells = rows()[function]

    assert len(cells) == len(COLUMNS)
    for column, cell in zip(COLUMNS, cells, strict=True):
        names = NAME.findall(cell)
        assert names or re.search(r"— \w+ \w+", cell), f"{function}: nothing under {column}"
        for module, name in names:
            there = defined(ROOT / "tests" / "statistics" / f"test_{module}.py")
            assert f"test_{name}" in there, f"{function}, {column}: no test_{name} in test_{module}.py"
