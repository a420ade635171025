"""Which faults are on, and which really happened."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Protocol


class FaultKind(StrEnum):
    """Everything that can go wrong, by where it strikes."""

    # replies to POST /order
    TIMEOUT_BEFORE_ACCEPT = "timeout_before_accept"
    TIMEOUT_AFTER_ACCEPT = "timeout_after_accept"
    CUT_MID_REPLY = "cut_mid_reply"
    ERROR_AFTER_ACCEPT = "error_after_accept"
    # replies about orders
    ORDER_SHOWN_LIVE = "order_shown_live"
    # any request
    RESTARTING = "restarting"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TRADING_DISABLED = "trading_disabled"
    CANCEL_ONLY = "cancel_only"
    POST_ONLY = "post_only"
    # orders themselves
    ORDER_DELAYED = "order_delayed"
    PARTIAL_FILLS = "partial_fills"
    TICK_IN_FLIGHT = "tick_in_flight"
    CLOSE_IN_FLIGHT = "close_in_flight"
    # websockets
    WS_DUPLICATE = "ws_duplicate"
    WS_REORDER = "ws_reorder"
    WS_DELAY = "ws_delay"
    WS_DROP = "ws_drop"
    WS_SILENT = "ws_silent"
    # the Data API
    DATA_STALE = "data_stale"
    # settlement
    SETTLE_RETRYING = "settle_retrying"
    SETTLE_FAILED = "settle_failed"
    HASH_LATE = "hash_late"
    HASH_MISSING = "hash_missing"
    # redemption
    REDEEM_SHORT = "redeem_short"
    # markets, at once
    PROPOSED = "resolution_proposed"
    DISPUTED = "resolution_disputed"
    RESOLVED_EARLY = "resolution_early"
    RESOLVED_LATE = "resolution_late"
    FIFTY_FIFTY = "resolution_fifty_fifty"
    # messages of another shape
    WS_NEW_FIELD = "ws_new_field"
    WS_MISSING_FIELD = "ws_missing_field"
    # the node of the chain
    NODE_LAGS = "node_lags"
    NODE_HIDES_LOGS = "node_hides_logs"
    NODE_WRONG_CHAIN = "node_wrong_chain"


MARKET_KINDS = frozenset(
    {
        FaultKind.PROPOSED,
        FaultKind.DISPUTED,
        FaultKind.RESOLVED_EARLY,
        FaultKind.RESOLVED_LATE,
        FaultKind.FIFTY_FIFTY,
    }
)
"""Faults that are done at once and never armed."""

NODE_KINDS = frozenset({FaultKind.NODE_LAGS, FaultKind.NODE_HIDES_LOGS, FaultKind.NODE_WRONG_CHAIN})
"""Lies of the node, told call by call: a crowd of nodes behind one address lies like that."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One armed fault. It strikes with probability `rate`, at most `left` times; None is without end.

    `seconds` is how long a delay, a silence or a staleness lasts; `on` limits it to one service or channel.
    """

    kind: FaultKind
    rate: float = 1.0
    left: int | None = None
    seconds: float = 1.0
    on: str = ""


class Noting(Protocol):
    """Is told of every question about a fault; see :mod:`remora.venues.twin.faults.diary`."""

    def asked(self, kind: FaultKind, answer: Fault | None) -> Fault | None:
        """Take note; return the answer."""


class Prompting(Protocol):
    """Knows every answer beforehand."""

    @property
    def empty(self) -> bool:
        """Whether it is always no."""

    def asked(self, kind: FaultKind) -> Fault | None:
        """Return the answer."""


class Switchboard:
    """Armed faults and tallies; every kind has a stream of chance of its own: the seed decides its n-th draw."""

    def __init__(self, seed: int = 0) -> None:
        self.armed: dict[FaultKind, Fault] = {}
        self.happened: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.seed = seed
        self.diary: Noting | None = None
        self.script: Prompting | None = None
        self._streams: dict[FaultKind, Random] = {}

    @property
    def calm(self) -> bool:
        """Whether no fault can strike."""
        return not self.armed if self.script is None else self.script.empty

    def arm(self, fault: Fault) -> None:
        """Switch a fault on, in place of an earlier one of its kind."""
        self.armed[fault.kind] = fault

    def clear(self, kind: FaultKind | None = None) -> None:
        """Switch one fault off, or all of them; what happened stays counted."""
        if kind is None:
            self.armed.clear()
        else:
            self.armed.pop(kind, None)

    def reseed(self, seed: int) -> None:
        """Start every stream of draws anew."""
        self.seed = seed
        self._streams.clear()

    def stream(self, kind: FaultKind) -> Random:
        """Return the source of chance of one kind."""
        if kind not in self._streams:
            self._streams[kind] = Random(f"{self.seed}/{kind.value}")  # noqa: S311 (faults, not secrets)
        return self._streams[kind]

    def strikes(self, kind: FaultKind, on: str = "") -> Fault | None:
        """Return the fault if it strikes here and now, and count it."""
        if self.script is not None:
            return self.script.asked(kind)
        fault = self._drawn(kind, on)
        return fault if self.diary is None else self.diary.asked(kind, fault)

    def _drawn(self, kind: FaultKind, on: str) -> Fault | None:
        fault = self.armed.get(kind)
        if fault is None or (fault.on and on and fault.on != on):
            return None
        if fault.rate < 1.0 and self.stream(kind).random() >= fault.rate:
            return None
        if fault.left is not None:
            fault.left -= 1
            if fault.left <= 0:
                del self.armed[kind]
        self.happened[kind.value] += 1
        return fault

    def first(self, kinds: Collection[FaultKind], on: str = "") -> Fault | None:
        """Return the first of `kinds` that strikes."""
        for kind in kinds:
            fault = self.strikes(kind, on)
            if fault is not None:
                return fault
        return None
