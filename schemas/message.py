"""What every message that crosses a Temporal boundary has in common."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from remora.domain.clock import VenueClock


class Message(BaseModel):
    """Frozen, and strict about names: an unknown field is a mistake of the sender."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class News(Message):
    """Told once, by a process that may be newer than whoever hears it: what it says beyond that is left out.

    Temporal drops a signal that cannot be read, and a whale's sale would be lost with it.
    """

    model_config = ConfigDict(extra="ignore")


class TraceContext(News):
    """W3C trace context of the sender; empty when nothing is traced."""

    traceparent: str = ""
    tracestate: str = ""


class ClockMessage(News):
    """A :class:`remora.domain.clock.VenueClock` on the wire."""

    wall_origin: datetime
    venue_origin: datetime
    speed: float = 1.0

    @classmethod
    def of(cls, clock: VenueClock) -> "ClockMessage":
        """Return the message for a clock."""
        return cls(wall_origin=clock.wall_origin, venue_origin=clock.venue_origin, speed=clock.speed)

    def clock(self) -> VenueClock:
        """Return the clock."""
        return VenueClock(wall_origin=self.wall_origin, venue_origin=self.venue_origin, speed=self.speed)
