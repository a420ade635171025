"""Which events a generated season has, when they start, end and resolve, and what is odd about them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np

from remora.venues.twin.scenario.season_titles import EventTitle, crypto_title, draw_title

WINDOW_START = datetime(2026, 3, 2, 8, tzinfo=UTC)
WINDOW = timedelta(hours=24)
HISTORY = timedelta(days=150)
WARM_UP = timedelta(hours=26)
"""Live markets trade at full rate for this long before the window, so that 24 h volumes mean something."""

PAST_EVENTS = 170
LIVE_EVENTS = 34
SHORT_CRYPTO = 10


class Shape(StrEnum):
    """How the markets of an event depend on each other."""

    BINARY = "one market"
    NESTED = "thresholds of one number"
    EXCLUSIVE = "exactly one market comes true (neg-risk)"


class Oddity(StrEnum):
    """What sets a live market apart from the ordinary."""

    NONE = "none"
    QUIET = "24 h volume below the floor"
    WIDE = "wide spread"
    THIN = "thin book"
    DRIED_UP = "bids and asks vanish hours before the end"
    HALTED = "trading stops without warning, hours before the end"
    EARLY = "a result is proposed hours before the end"
    SPLIT = "resolves 50/50"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPlan:
    """One event: `stop_at` ends trading, `resolve_at` pays; endDate is `end_at` whatever happens."""

    index: int
    live: bool
    shape: Shape
    title: EventTitle
    priors: tuple[float, ...]
    oddity: Oddity
    start_at: datetime
    end_at: datetime
    propose_at: datetime
    stop_at: datetime
    resolve_at: datetime
    short_crypto: bool = False


def calendar(seed: int) -> list[EventPlan]:
    """Return past and live events of a season by index, the same for the same seed."""
    rng = np.random.default_rng([seed, 2])
    plans = [_past(index, rng) for index in range(PAST_EVENTS)]
    plans += [_live(PAST_EVENTS + number, number, rng) for number in range(LIVE_EVENTS)]
    plans += [_short_crypto(PAST_EVENTS + LIVE_EVENTS + number, number, rng) for number in range(SHORT_CRYPTO)]
    return plans


def _past(index: int, rng: np.random.Generator) -> EventPlan:
    share = (index + float(rng.uniform())) / PAST_EVENTS
    end_at = WINDOW_START - WARM_UP - HISTORY * (1.0 - share)
    start_at = end_at - timedelta(hours=float(rng.uniform(30, 140)))
    shape = _shape(index, exclusive_every=23, nested_every=11)
    return EventPlan(
        index=index,
        live=False,
        shape=shape,
        title=draw_title(index, markets=len(priors := _priors(shape, rng)), rng=rng),
        priors=priors,
        oddity=Oddity.SPLIT if index % 57 == 56 else Oddity.NONE,
        start_at=start_at,
        end_at=end_at,
        propose_at=end_at + timedelta(hours=1),
        stop_at=end_at,
        resolve_at=end_at + timedelta(hours=3),
    )


_ODDITIES = (
    *(Oddity.NONE,) * 3,
    Oddity.QUIET,
    Oddity.NONE,
    Oddity.DRIED_UP,
    Oddity.NONE,
    Oddity.WIDE,
    Oddity.NONE,
    Oddity.HALTED,
    Oddity.NONE,
    Oddity.THIN,
    Oddity.EARLY,
    *(Oddity.NONE,) * 2,
    Oddity.QUIET,
    Oddity.SPLIT,
)


def _live(index: int, number: int, rng: np.random.Generator) -> EventPlan:
    """Two thirds end inside the window, from its sixth hour on; the others trade through it."""
    oddity = _ODDITIES[number % len(_ODDITIES)]
    ends_inside = number % 3 != 2 or oddity in (Oddity.DRIED_UP, Oddity.HALTED, Oddity.EARLY, Oddity.SPLIT)
    hours = float(rng.uniform(7, 22)) if ends_inside else float(rng.uniform(30, 72))
    end_at = WINDOW_START + timedelta(hours=hours)
    stop_at, propose_at = end_at, end_at + timedelta(minutes=15)
    if oddity is Oddity.HALTED:
        stop_at = end_at - timedelta(hours=float(rng.uniform(3.5, 4.5)))
        propose_at = stop_at + timedelta(minutes=20)
    elif oddity is Oddity.EARLY:
        propose_at = end_at - timedelta(hours=float(rng.uniform(4.0, 5.0)))
        stop_at = propose_at + timedelta(minutes=90)
    shape = _shape(number, exclusive_every=8, nested_every=5)
    opens_late = number % 6 == 0
    start_at = (
        WINDOW_START + timedelta(minutes=30 + 10 * number)
        if opens_late and not ends_inside
        else (WINDOW_START - WARM_UP - timedelta(hours=float(rng.uniform(0, 20))))
    )
    return EventPlan(
        index=index,
        live=True,
        shape=shape,
        title=draw_title(index, markets=len(priors := _priors(shape, rng)), rng=rng),
        priors=priors,
        oddity=oddity,
        start_at=start_at,
        end_at=end_at,
        propose_at=propose_at,
        stop_at=stop_at,
        resolve_at=max(stop_at, propose_at) + timedelta(minutes=30),
    )


def _short_crypto(index: int, number: int, rng: np.random.Generator) -> EventPlan:
    length = timedelta(minutes=15)
    start_at = WINDOW_START + timedelta(hours=1 + 2 * number)
    end_at = start_at + length
    return EventPlan(
        index=index,
        live=True,
        shape=Shape.BINARY,
        title=crypto_title(number, start_at=start_at),
        priors=(float(rng.uniform(0.45, 0.55)),),
        oddity=Oddity.NONE,
        start_at=start_at,
        end_at=end_at,
        propose_at=end_at,
        stop_at=end_at,
        resolve_at=end_at + timedelta(minutes=1),
        short_crypto=True,
    )


def _shape(number: int, *, exclusive_every: int, nested_every: int) -> Shape:
    if number % exclusive_every == exclusive_every - 1:
        return Shape.EXCLUSIVE
    return Shape.NESTED if number % nested_every == nested_every - 1 else Shape.BINARY


def _priors(shape: Shape, rng: np.random.Generator) -> tuple[float, ...]:
    if shape is Shape.BINARY:
        return (float(rng.uniform(0.35, 0.65)),)
    if shape is Shape.NESTED:
        top = float(rng.uniform(0.6, 0.75))
        return (top, top - 0.2, top - 0.4)
    weights = rng.dirichlet([3.0] * 4)
    return tuple(float(weight) for weight in weights)
