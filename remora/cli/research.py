"""What every command about selection needs: the store, and an instant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from remora.cli.errors import CommandFailed, Exit

if TYPE_CHECKING:
    from remora.domain.clock import VenueClock
    from remora.research.store import ResearchStore
    from remora.statistics.scoring_params import RankBy
    from remora.venues.polymarket.history import PublicHistory
    from remora.venues.polymarket.pacing import Pacing


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


def wanted_order(text: str | None) -> "RankBy | None":
    """Return the order of the roster that a user asks for, None without one; raise CommandFailed for another."""
    from remora.statistics.scoring_params import RankBy

    try:
        return None if text is None else RankBy(text)
    except ValueError:
        raise CommandFailed(
            f"Expected --rank-by {' or '.join(RankBy)}, found {text!r}.", code=Exit.USAGE
        ) from None


@asynccontextmanager
async def venue_history(pacing: "Pacing") -> AsyncIterator[tuple["PublicHistory", "VenueClock"]]:
    """Open the public history and the clock of the venue that is set; in twin mode, of the running twin."""
    from remora.cli import local_stack
    from remora.embedded.inspection import inspect
    from remora.embedded.state import StateDir
    from remora.settings import Mode, load_settings
    from remora.venues.polymarket.endpoints import Endpoints
    from remora.venues.polymarket.history import PublicHistory
    from remora.venues.polymarket.public import utc_now, venue_clock
    from remora.venues.venue import VenueError

    settings = load_settings()
    endpoints = Endpoints.production()
    try:
        if settings.mode is Mode.TWIN:
            url = settings.twin_url or inspect(StateDir(local_stack.state_dir())).twin_url
            if url is None:
                raise CommandFailed(
                    "No twin: the stack is not running.",
                    "Run `remora up`, or set REMORA_MODE=paper for Polymarket's own history.",
                    code=Exit.UNAVAILABLE,
                )
            endpoints = await Endpoints.from_twin(str(url))
        clock = await venue_clock(endpoints, utc_now)
        async with PublicHistory(endpoints, pacing=pacing) as history:
            yield history, clock
    except VenueError as error:
        raise CommandFailed(f"The venue does not answer: {error}", code=Exit.UNAVAILABLE) from error
