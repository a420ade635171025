"""What one check found, and how checks are run: together, each within its time, never changing anything."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

PATIENCE_S = 12.0


class Status(StrEnum):
    """How a check ended; only `fail` makes the doctor fail."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report: `found` says what there is, `todo` what to do about it."""

    check: str
    status: Status
    found: str
    todo: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return asdict(self)


def ok(check: str, found: str) -> Finding:
    """Return a check that passed."""
    return Finding(check=check, status=Status.OK, found=found)


def warn(check: str, found: str, todo: str) -> Finding:
    """Return something that works but should be looked at."""
    return Finding(check=check, status=Status.WARN, found=found, todo=todo)


def fail(check: str, found: str, todo: str) -> Finding:
    """Return something that must be put right first."""
    return Finding(check=check, status=Status.FAIL, found=found, todo=todo)


def skip(check: str, found: str) -> Finding:
    """Return a check that does not apply."""
    return Finding(check=check, status=Status.SKIP, found=found)


@dataclass(frozen=True, slots=True)
class Check:
    """A named look; `todo` is the advice when it fails in a way that it did not foresee."""

    name: str
    look: Callable[[], Awaitable[Sequence[Finding] | Finding]]
    todo: str


async def run(checks: Sequence[Check]) -> list[Finding]:
    """Run every check at once; whatever one raises is its finding."""
    found = await asyncio.gather(*(_guarded(check) for check in checks))
    return [finding for findings in found for finding in findings]


async def _guarded(check: Check) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            found = await check.look()
    except TimeoutError:
        return [fail(check.name, f"no answer within {PATIENCE_S:.0f} s", check.todo)]
    except Exception as error:  # noqa: BLE001 (a check that breaks is a finding, and the others go on)
        return [fail(check.name, f"{type(error).__name__}: {error}", check.todo)]
    return [found] if isinstance(found, Finding) else found
