"""What every command about selection needs: the store, and an instant."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from remora.cli.errors import CommandFailed, Exit

if TYPE_CHECKING:
    from remora.research.store import ResearchStore


def research_dir(chosen: Path | None = None) -> Path:
    """Return the store's directory: as chosen, as set, or beside the embedded servers' state."""
    from remora.cli import local_stack
    from remora.settings import load_settings

    return chosen or load_settings().research_dir or local_stack.state_dir() / "research"


def open_store(chosen: Path | None = None) -> "ResearchStore":
    """Return the store; raise CommandFailed when there is none."""
    from remora.research.store import ResearchStore

    root = research_dir(chosen)
    if not (root / "batches").exists():
        raise CommandFailed(
            f"No research store at {root}.",
            "Make one with `remora data pull`, or `remora data import FILE.parquet`.",
            code=Exit.UNAVAILABLE,
        )
    return ResearchStore(root)


def instant(text: str | None) -> datetime:
    """Return the instant that a user means, now without one: a date or an ISO time, UTC unless it says so."""
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CommandFailed(
            f"Expected a date or time such as 2026-03-01 or 2026-03-01T12:00:00Z, found {text!r}.",
            code=Exit.USAGE,
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
