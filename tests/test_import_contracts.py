"""Every import contract is broken on purpose, to see it hold."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ["remora", "workflows", "activities", "workers", "starters", "schemas"]
BREACHES = {
    "imports point inwards": ("remora/domain/breach.py", "import schemas.position"),
    "the domain is pure": ("remora/domain/breach.py", "import numpy"),
    "workflows touch no I/O": ("workflows/breach.py", "import sqlalchemy"),
    "only the venue layer knows the SDK": ("activities/breach.py", "import polymarket"),
}


def _copy(target: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def _lint(tree: Path) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; sys.path.insert(0, '.');"
        "from importlinter.cli import lint_imports;"
        "sys.exit(lint_imports(no_cache=True))"
    )
    return subprocess.run(
        [sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, timeout=120, check=False
    )


def test_every_contract_is_broken_here() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

    assert {contract["name"] for contract in contracts} == set(BREACHES)


def test_the_source_keeps_every_contract(tmp_path: Path) -> None:
    result = _lint(_copy(tmp_path))

    assert result.returncode == 0, result.stdout + result.stderr
    for name in BREACHES:
        assert f"{name} KEPT" in result.stdout


@pytest.mark.parametrize("contract", sorted(BREACHES))
def test_a_breach_is_reported(contract: str, tmp_path: Path) -> None:
    file, line = BREACHES[contract]
    tree = _copy(tmp_path)
    (tree / file).write_text(f'"""A breach."""\n\n{line}  # noqa: F401\n')

    result = _lint(tree)

    assert result.returncode == 1
    assert f"{contract} BROKEN" in result.stdout
