"""Stable codes: why a signal was skipped, why a position was left, how a desk stands."""

from enum import StrEnum


class SkipReason(StrEnum):
    """Why a signal was not copied; one per check of the risk transaction and of the parsers before it."""

    MALFORMED = "malformed"
    FUTURE_DATED = "future_dated"
    STALE = "stale"
    DUPLICATE = "duplicate"
    ORPHANED = "orphaned"
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105
    NOT_BINARY = "not_binary"
    NO_BOOK = "no_book"
    PRICE_OUT_OF_RANGE = "price_out_of_range"
    SIZE_OUT_OF_RANGE = "size_out_of_range"
    NOT_ON_ROSTER = "not_on_roster"
    ROSTER_STALE = "roster_stale"
    PROBATION = "probation"
    DEMOTED = "demoted"
    NOT_CONFIRMED = "not_confirmed"
    ACCESS_UNKNOWN = "access_unknown"
    REGION_BLOCKED = "region_blocked"
    CLOSED_ONLY = "closed_only"
    FIRST_DAY = "first_day_limit"
    DESK_PAUSED = "desk_paused"
    DESK_HALTED = "desk_halted"
    DAILY_LOSS = "daily_loss"
    WHALE_SHARE = "whale_share"
    POSITION_LIMIT = "position_limit"
    MARKET_LIMIT = "market_limit"
    EVENT_LIMIT = "event_limit"
    OPPOSITE_HELD = "opposite_held"
    CASH = "cash"
    ORDER_RATE = "order_rate"
    VOLUME = "volume"
    SPREAD = "spread"
    DRIFT = "drift"
    DEPTH = "depth"
    TIME_TO_RESOLUTION = "time_to_resolution"
    MARKET_CLASS = "market_class"
    MARKET_CLOSED = "market_closed"
    BELOW_MINIMUM = "below_minimum"
    NO_EDGE = "no_edge"
    NOT_HELD = "not_held"
    NOT_A_PURCHASE = "not_a_purchase"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    ORDER_REJECTED = "order_rejected"


BEING_LEFT = "the position is being left"
"""Detail of a stale purchase: what is left of an earlier one cannot be sold, and nothing is added to it."""


class ExitReason(StrEnum):
    """Why a position was left."""

    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    WHALE_EXIT = "whale_exit"
    PRE_RESOLUTION = "pre_resolution"
    RESOLVED = "resolved"
    OPERATOR = "operator"
    CANCELLED = "cancelled"
    HALT = "halt"
    REDUCED = "reduced"
    MARKET_HALTED = "market_halted"


class PositionState(StrEnum):
    """Where a position stands in its life."""

    SIGNALLED = "signalled"
    SKIPPED = "skipped"
    ENTERING = "entering"
    UNFILLED = "unfilled"
    OPEN = "open"
    EXITING = "exiting"
    AWAITING_RESOLUTION = "awaiting_resolution"
    REDEEMING = "redeeming"
    CLOSED = "closed"
    NEEDS_ATTENTION = "needs_attention"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to the position."""
        return self in (PositionState.SKIPPED, PositionState.UNFILLED, PositionState.CLOSED)


class DeskMode(StrEnum):
    """Whether entries are allowed; exits always are."""

    TRADING = "trading"
    PAUSED = "paused"
    HALTED = "halted"
