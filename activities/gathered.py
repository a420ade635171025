"""What a comparison found so far, part by part: what the venue does not tell of one keeps no other waiting."""

from collections.abc import Awaitable
from dataclasses import dataclass, field

from remora.domain.ids import OrderDigest
from remora.domain.reconcile import Difference, DifferenceCode
from remora.venues.venue import VenueError
from schemas.reconcile import NewsFor

ATTEMPTS = 5
"""So often the whole comparison is tried again, within seconds, before a part without an answer is left out."""

DETAIL_MAX = 300

Found = tuple[list[Difference], list[NewsFor]]


@dataclass(slots=True, kw_only=True)
class Gathered:
    """Differences, and the news that positions have not heard; `attempt` counts the runs of the activity.

    `booked` are orders, by position, whose fills were written here and not by the position's own activities.
    """

    attempt: int
    differences: list[Difference] = field(default_factory=list)
    news: list[NewsFor] = field(default_factory=list)
    booked: dict[str, OrderDigest] = field(default_factory=dict)

    async def take(self, what: str, part: Awaitable[list[Difference]]) -> bool:
        """Take a part in; False if the venue did not answer often enough, which is a difference of its own."""
        try:
            self.differences += await part
        except VenueError as error:
            if self.attempt < ATTEMPTS:
                raise
            cause = f"{type(error).__name__}: {error}"[:DETAIL_MAX]
            self.differences.append(Difference(code=DifferenceCode.NOT_COMPARED, subject=what, detail=cause))
            return False
        return True

    def told(self, found: Found) -> list[Difference]:
        """Take the news in and return the differences."""
        self.news += found[1]
        return found[0]
