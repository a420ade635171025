"""The demo's closing report: its numbers, their JSON, and the proof that the books agree."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from remora.storage.roster import Follow
from remora.storage.summary import Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is played, who is followed and by which policy."""

    name: str
    notices: tuple[str, ...]
    speed: float
    window: tuple[str, str]
    ui_url: str | None
    source: str
    follows: tuple[Follow, ...]
    funnel: Mapping[str, int]
    overrides: Mapping[str, str]
    cash: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksProof:
    """Our ledger beside the exchange's own books, to the last unit."""

    our_cash: Decimal
    their_cash: Decimal
    our_shares: Mapping[str, Decimal]
    their_shares: Mapping[str, Decimal]

    @property
    def differing_tokens(self) -> list[str]:
        """Tokens of which the two sides hold different amounts."""
        tokens = {*self.our_shares, *self.their_shares}
        zero = Decimal(0)
        return sorted(t for t in tokens if self.our_shares.get(t, zero) != self.their_shares.get(t, zero))

    @property
    def equal(self) -> bool:
        """Whether cash and every holding agree exactly."""
        return self.our_cash == self.their_cash and not self.differing_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the demo has to say at its end."""

    scene: Scene
    summary: Summary
    books: BooksProof

    @classmethod
    def of(cls, scene: Scene, summary: Summary, books: BooksProof) -> Self:
        """Return the report."""
        return cls(scene=scene, summary=summary, books=books)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values; dollars and shares are strings, times are UTC."""
        summary, scene = self.summary, self.scene
        return {
            "signals": summary.signals,
            "copied": summary.copied,
            "exit_signals": summary.exit_signals,
            "skipped": summary.skipped,
            "closed": summary.closed,
            "open": summary.open,
            "unfilled": summary.unfilled,
            "needs_attention": summary.needs_attention,
            "exits": summary.exits,
            "pnl": str(summary.pnl),
            "realised_pnl": str(summary.realised_pnl),
            "unrealised_pnl": str(summary.unrealised_pnl),
            "fees": str(summary.fees),
            "slippage": str(summary.slippage),
            "books_equal": self.books.equal,
            "books": {
                "our_cash": str(self.books.our_cash),
                "exchange_cash": str(self.books.their_cash),
                "tokens_held": len(self.books.their_shares),
                "differing_tokens": self.books.differing_tokens,
            },
            "latency_ms": {"p50": summary.latency_ms.p50, "p99": summary.latency_ms.p99},
            "stages_ms": {name: {"p50": p.p50, "p99": p.p99} for name, p in summary.stages_ms.items()},
            "scenario": {
                "name": scene.name,
                "notices": list(scene.notices),
                "window": {"start": scene.window[0], "end": scene.window[1]},
                "speed": scene.speed,
            },
            "followed": [{"whale": row.whale, "unproven": row.unproven} for row in scene.follows],
            "followed_by": scene.source,
            "funnel": dict(scene.funnel),
            "overrides": dict(scene.overrides),
        }

    def as_text(self) -> str:
        """Return the JSON text."""
        return json.dumps(self.as_json(), indent=2) + "\n"
