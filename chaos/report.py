"""A run in words and numbers, and whether enough happened for it to prove anything."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chaos.run import KEPT, Outcome
from remora.venues.twin.faults.switchboard import FaultKind

FULL_ROUNDS = 150
"""From here on every kind of fault must have struck and every process must have been killed."""


def shortfalls(found: Outcome) -> list[str]:
    """Return what happened too seldom: an empty run proves nothing."""
    rounds = found.rounds
    happened = {
        "whale trades": (len(found.told), rounds),
        "decisions": (sum(found.decisions.values()), rounds),
        "entry orders on the exchange": (found.entries, rounds // 3),
        "exit orders on the exchange": (found.exits, rounds // 6),
        "fills": (found.fills, rounds // 2),
        "kills": (sum(found.kills.values()), rounds // 4),
        "kinds of fault that struck": (len(found.faults), min(len(FaultKind), rounds // 6)),
    }
    if rounds >= FULL_ROUNDS:
        happened |= {f"kills of {name}": (found.kills.get(name, 0), 1) for name in KEPT}
        happened |= {f"faults {kind.value}": (found.faults.get(kind.value, 0), 1) for kind in FaultKind}
    return [
        f"{what}: {number} happened, at least {least} must"
        for what, (number, least) in happened.items()
        if number < least
    ]


def as_json(found: Outcome) -> dict[str, Any]:
    """Return everything of a run but the list of trades."""
    shown = {name: value for name, value in asdict(found).items() if name != "told"}
    return {**shown, "told": len(found.told), "shortfalls": shortfalls(found), "again": again(found)}


def again(found: Outcome) -> str:
    """Return the command that draws the same schedule."""
    return f"make chaos SEED={found.seed} ROUNDS={found.rounds}"


def as_text(found: Outcome) -> str:
    """Return a run as text."""
    lines = [
        f"seed {found.seed}, {found.rounds} rounds of {found.window_s:g} s",
        f"whale trades {len(found.told)}, refused by the exchange {found.refused_trades}",
        f"entry orders {found.entries}, exit orders {found.exits}, fills {found.fills}",
        f"answers by a person {found.answered}",
        f"decisions: {_counts(found.decisions)}",
        f"kills {sum(found.kills.values())}: {_counts(found.kills)}",
        f"stalls {sum(found.stalls.values())}: {_counts(found.stalls)}",
        f"faults {sum(found.faults.values())}: {_counts(found.faults)}",
        f"positions: {_counts(found.positions)}",
        f"found by reconciling: {_counts(found.differences)}",
        f"seconds: {', '.join(f'{what} {took:.0f}' for what, took in found.seconds.items())}",
    ]
    lines += [f"ended by itself: {line}" for line in found.gave_up]
    wrong = [*found.broken, *shortfalls(found)]
    if wrong:
        return "\n".join([*lines, f"FAILED, again with {again(found)}:", *(f"  {line}" for line in wrong)])
    return "\n".join([*lines, "no order twice, no position lost, books equal, no limit exceeded"])


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(found.items())) or "none"
