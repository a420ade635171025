"""A run in words and numbers, and whether enough happened for it to prove anything."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from chaos.crash import CrashReport
from chaos.run import KEPT, Outcome
from chaos.schedule import KINDS
from chaos.watchers import Burst

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
        "kinds of fault that struck": (len(found.faults), min(len(KINDS), rounds // 6)),
    }
    if rounds >= FULL_ROUNDS:
        happened |= {f"kills of {name}": (found.kills.get(name, 0), 1) for name in KEPT}
        happened |= {f"faults {kind.value}": (found.faults.get(kind.value, 0), 1) for kind in KINDS}
    return [
        f"{what}: {number} happened, at least {least} must"
        for what, (number, least) in happened.items()
        if number < least
    ]


def as_json(found: Outcome) -> dict[str, Any]:
    """Return everything of a run but the list of trades."""
    return {**plain(found), "told": len(found.told), "shortfalls": shortfalls(found), "again": again(found)}


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
    wrong = [*found.broken, *shortfalls(found)]
    if wrong:
        return "\n".join([*lines, f"FAILED, again with {again(found)}:", *(f"  {line}" for line in wrong)])
    return "\n".join([*lines, "no order twice, no position lost, books equal, no limit exceeded"])


def plain(found: Outcome | CrashReport | Burst) -> dict[str, Any]:
    """Return the fields of an outcome, as JSON knows them."""
    shown = {one.name: getattr(found, one.name) for one in fields(found)}
    shown = {name: dict(value) if isinstance(value, Counter) else value for name, value in shown.items()}
    return {**shown, "missed": found.missed} if isinstance(found, CrashReport) else shown


def crash_text(found: CrashReport) -> str:
    """Return the crash test as text: each point with what came of it."""
    struck = set(found.struck)
    lines = [f"{'died' if point in struck else 'NOT REACHED'}  {point}" for point in found.wanted]
    lines.append(
        f"died at {len(struck)} of {len(found.wanted)} points in {found.lives.total()} lives of positions, "
        f"checked {found.checks} times, {found.seconds:.0f} s"
    )
    return "\n".join([*lines, *(f"BROKEN: {line}" for line in found.broken)])


def burst_text(found: Burst) -> str:
    """Return a burst before two watchers as text."""
    lines = [
        f"trades {found.told}, keys decided {found.consumed}, {found.seconds:.0f} s",
        f"entry orders {found.entries}, exit orders {found.exits}, sales of whales followed {found.sales}",
        f"decisions: {_counts(found.decisions)}",
        f"positions: {_counts(found.positions)}",
    ]
    return "\n".join([*lines, *(f"BROKEN: {line}" for line in found.broken)])


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(found.items())) or "none"
