"""The venue's clock and feeds: alive, and how far behind."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from remora.cli.checks.finding import Check, Finding, fail, ok, warn
from remora.domain.ids import TokenId
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.probe import any_token, reads_until, venue_time
from remora.venues.polymarket.public import PublicVenue
from remora.venues.venue import FeedGap

SKEW_MAX = timedelta(seconds=5)
LISTEN_S = 8.0
READS_LAG_MAX = timedelta(minutes=2)
LATER = "Look at the network; wait for the venue if it is down."


def checks(endpoints: Endpoints) -> list[Check]:
    """Return the checks of a venue's public side."""

    async def clock() -> Finding:
        sent = datetime.now(UTC)
        said = await venue_time(endpoints)
        middle = sent + (datetime.now(UTC) - sent) / 2
        # the venue tells whole seconds
        skew = middle - (said + timedelta(seconds=0.5))
        found = f"{skew.total_seconds():+.1f} s against the venue's"
        if abs(skew) > SKEW_MAX:
            todo = (
                "Let this machine keep its time by NTP: signatures carry it, and signal ages are measured by it."
            )
            return fail("clock", found, todo)
        return ok("clock", found)

    async def reads() -> Finding:
        venue = await PublicVenue.connect(endpoints)
        try:
            now = (await venue.clock()).venue_time(datetime.now(UTC))
        finally:
            await venue.close()
        lag = now - await reads_until(endpoints)
        found = f"{lag.total_seconds():.0f} s behind"
        if lag > READS_LAG_MAX:
            return warn("data api", found, "Whales' trades are still seen by the streams; wait for the venue.")
        return ok("data api", found)

    async def streams() -> Sequence[Finding]:
        return await _streams(endpoints)

    return [
        Check("clock", clock, LATER),
        Check("data api", reads, LATER),
        Check("streams", streams, LATER),
    ]


async def _streams(endpoints: Endpoints) -> Sequence[Finding]:
    """Open both public streams and listen until each said anything, a pong included."""
    venue = await PublicVenue.connect(endpoints)
    try:
        token = await any_token(endpoints)
        whales, books = venue.whale_feed(), venue.book_feed()
        await whales.follow(["0x" + "00" * 20])  # type: ignore[list-item]
        await books.watch([TokenId(token)] if token else [])
        listening = [asyncio.create_task(_drain(feed)) for feed in (whales, books)]
        began = datetime.now(UTC)
        try:
            for _ in range(int(LISTEN_S / 0.1)):
                if all(_heard(venue, name, began) for name in ("rtds", "market")):
                    break
                await asyncio.sleep(0.1)
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
        return [_stream(venue, name, began) for name in ("rtds", "market")]
    finally:
        await venue.close()


async def _drain(feed: object) -> None:
    async for update in feed:  # type: ignore[attr-defined]
        assert update is not None or isinstance(update, FeedGap)


def _heard(venue: PublicVenue, name: str, began: datetime) -> bool:
    at = venue.last_message_at().get(name)
    return at is not None and at > began


def _stream(venue: PublicVenue, name: str, began: datetime) -> Finding:
    at = venue.last_message_at().get(name)
    if at is None:
        return fail(f"{name} stream", "cannot be opened", LATER)
    return ok(f"{name} stream", f"answered after {(at - began).total_seconds():.1f} s")
