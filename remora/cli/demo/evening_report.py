"""What happened in a scripted evening: each event with its time and cause, and whether every limit held."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.cli.demo.report import BooksProof
from remora.cli.foreign_text import literal
from remora.domain.ids import AccountId
from remora.domain.limits import Limits
from remora.domain.money import ZERO
from remora.domain.reasons import SkipReason
from remora.storage.decisions import list_decisions
from remora.storage.desk import audit_trail
from remora.storage.positions import PositionRow, list_positions

STOPPING = {"pause": True, "halt": True, "flatten": True, "resume": False, "reset": False}
LIMITING = (SkipReason.WHALE_SHARE, SkipReason.ORDER_RATE, SkipReason.DESK_PAUSED, SkipReason.DESK_HALTED)
MINUTE = timedelta(minutes=1)
MANY = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened, when (UTC), and why."""

    at: datetime
    what: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Whether one limit held throughout: the most that was seen, and what is allowed."""

    limit: str
    most: Decimal
    allowed: Decimal

    @property
    def held(self) -> bool:
        """Whether it held."""
        return self.most <= self.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class EveningReport:
    """The evening from its books."""

    seed: int
    happenings: tuple[Happening, ...]
    limits: tuple[Held, ...]
    books: BooksProof

    @property
    def good(self) -> bool:
        """Whether every limit held and our books equal the exchange's."""
        return self.books.equal and all(limit.held for limit in self.limits)

    def as_text(self) -> str:
        """Return the report as JSON text."""
        body = {
            "seed": self.seed,
            "events": [{"at": h.at.isoformat(), "what": h.what, "cause": h.cause} for h in self.happenings],
            "limits": [
                {"limit": one.limit, "most": str(one.most), "allowed": str(one.allowed), "held": one.held}
                for one in self.limits
            ],
            "limits_held": all(one.held for one in self.limits),
            "books_equal": self.books.equal,
        }
        return json.dumps(body, indent=2) + "\n"


async def evening_report(
    engine: AsyncEngine, account: AccountId, books: BooksProof, *, seed: int
) -> EveningReport:
    """Read the evening back from decisions, positions and the audit trail."""
    trail = await audit_trail(engine, account)
    decisions = (await list_decisions(engine, account, limit=MANY))[::-1]
    positions = await list_positions(engine, account, include_ended=True, limit=MANY)
    happenings = [
        Happening(at=row["at"], what=f"{row['action']} by {row['by']}", cause=row["reason"]) for row in trail
    ]
    happenings += [
        Happening(
            at=row["decided_at"], what=f"skipped: {row['reason']}", cause=f"{row['question']} {row['detail']}"
        )
        for row in decisions
        if row["reason"] in LIMITING
    ]
    happenings += [
        Happening(
            at=row.closed_at,
            what=f"closed: {row.exit_reason.value}",
            cause=f"{row.question} {row.books.realised_pnl:+.2f}",
        )
        for row in positions
        if row.closed_at is not None and row.exit_reason is not None
    ]
    copies = [row for row in decisions if row["outcome"] == "copy"]
    return EveningReport(
        seed=seed,
        happenings=tuple(sorted(happenings, key=lambda one: one.at)),
        limits=tuple(_limits(copies, positions, trail, Limits())),
        books=books,
    )


def _limits(
    copies: Sequence[dict[str, Any]],
    positions: Sequence[PositionRow],
    trail: Sequence[dict[str, Any]],
    limits: Limits,
) -> list[Held]:
    """Hold every copy against the limits as of its instant: exposures at what was then committed."""
    closed = {row.id: row.closed_at for row in positions}
    at_once = stopped = 0
    position = whale = ZERO
    for number, copy in enumerate(copies):
        notional, share = Decimal(copy["terms"]["notional"]), Decimal(copy["terms"]["share_of_equity"])
        equity, at = notional / share, copy["decided_at"]
        before = [c for c in copies[: number + 1] if not _ended(closed[c["position_id"]], at)]
        of_whale = [Decimal(c["terms"]["notional"]) for c in before if c["whale"] == copy["whale"]]
        position, whale = max(position, share), max(whale, sum(of_whale, ZERO) / equity)
        recent = sum(at - c["decided_at"] < MINUTE for c in copies[: number + 1])
        at_once = max(at_once, recent)
        stopped += _stopped(trail, at)
    return [
        Held(limit="position, share of equity", most=position, allowed=limits.position_share),
        Held(limit="one whale, share of equity", most=whale, allowed=limits.whale_share),
        Held(
            limit="entry orders in a minute",
            most=Decimal(at_once),
            allowed=Decimal(limits.entry_orders_per_minute),
        ),
        Held(limit="entries while paused or halted", most=Decimal(stopped), allowed=ZERO),
    ]


def _ended(closed_at: datetime | None, at: datetime) -> bool:
    return closed_at is not None and closed_at < at


def _stopped(trail: Sequence[dict[str, Any]], at: datetime) -> bool:
    turned = [STOPPING[row["action"]] for row in trail if row["action"] in STOPPING and row["at"] < at]
    return turned[-1] if turned else False


def closing(report: EveningReport) -> RenderableType:
    """Return the report for the screen."""
    events = Table(
        box=None, pad_edge=False, title=f"\nThe evening (seed {report.seed}), times in UTC", title_justify="left"
    )
    for name in ("at", "what", "cause"):
        events.add_column(name)
    for one in report.happenings:
        events.add_row(f"{one.at:%H:%M:%S}", literal(one.what), literal(one.cause))
    limits = Table(box=None, pad_edge=False, title="\nLimits", title_justify="left")
    for name in ("limit", "most seen", "allowed", ""):
        limits.add_column(name)
    for held in report.limits:
        verdict = Text("held", style="green") if held.held else Text("BROKEN", style="red")
        limits.add_row(held.limit, f"{held.most:.4f}", f"{held.allowed:f}", verdict)
    books = Text(f"\nBooks equal: {'yes' if report.books.equal else 'NO'}")
    return Group(events, limits, books)
