"""How often the watcher does what, on the wall clock."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Rhythm and bounds; durations are wall-clock seconds unless they say otherwise."""

    window: float = 0.003
    """Trades of one whale in one token that arrive within this time are one signal."""

    burst_max: int = 500
    recent_keys: int = 50_000
    waiting_max: int = 2_000
    """Deliveries that may wait before no further purchase is taken in."""

    entries_at_once: int = 16
    exits_at_once: int = 32
    records_at_once: int = 4

    refresh_every: float = 5.0
    refresh_debounce: float = 0.05
    clock_every: float = 5.0

    orders_grace: float = 2.0
    """News of an order goes to its position if whoever sent the order has not written it down by then."""

    overdue_every: float = 0.25
    repeat_crossing_after: timedelta = timedelta(seconds=15)
    marks_every: float = 2.0
    portfolio_every: float = 2.0
    desk_repeat_after: float = 5.0
    """Whatever should make the desk look is told again after this long."""

    activity_every: float = 15.0
    """Every followed wallet's public history is read this often: the back-stop of the streams."""

    activity_overlap: timedelta = timedelta(seconds=60)
    reread_after: tuple[float, ...] = (10.0, 30.0)
    """After a gap the public history is read again: it lags behind the stream."""

    backfill_max: timedelta = timedelta(hours=24)
    """How far back a whale without a position of ours is read at the start."""

    stream_grace: timedelta = timedelta(seconds=15)
    poll_grace: timedelta = timedelta(seconds=90)
    """How much later than the first source a stream, or the poll, may tell of a trade before it missed it."""

    blind_again_after: timedelta = timedelta(minutes=2)
    """A stream that misses too much is opened again, at the next node if there is one, and again after this."""

    sightings_every: float = 1.0

    market_every: timedelta = timedelta(seconds=30)
    """In venue time."""

    market_every_min: float = 1.0
    market_every_max: float = 30.0

    silent_after: float = 60.0
    silence_every: float = 5.0
    drain_for: float = 10.0
