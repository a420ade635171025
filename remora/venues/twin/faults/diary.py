"""Which faults struck while one step was done: written down, and played back when the step is done again."""

from collections import Counter
from collections.abc import Iterable

from remora.venues.twin.faults.switchboard import Fault, FaultKind

STEP_KINDS = frozenset(
    {
        FaultKind.ORDER_DELAYED,
        FaultKind.PARTIAL_FILLS,
        FaultKind.TICK_IN_FLIGHT,
        FaultKind.CLOSE_IN_FLIGHT,
        FaultKind.SETTLE_RETRYING,
        FaultKind.SETTLE_FAILED,
        FaultKind.HASH_LATE,
        FaultKind.HASH_MISSING,
        FaultKind.REDEEM_SHORT,
    }
)
"""Faults that change the exchange itself; all others only change what somebody is told of it."""

Struck = list[tuple[str, int, float]]
"""Kind, at which question about that kind within the step (from 1), and the fault's seconds."""


class Diary:
    """Notes each fault that strikes during a step."""

    def __init__(self) -> None:
        self.struck: Struck = []
        self._asked: Counter[FaultKind] = Counter()

    def asked(self, kind: FaultKind, answer: Fault | None) -> Fault | None:
        """Note a question and its answer; return the answer."""
        if kind in STEP_KINDS:
            self._asked[kind] += 1
            if answer is not None:
                self.struck.append((kind.value, self._asked[kind], answer.seconds))
        return answer


class Script:
    """Answers each question as it was answered when the step was done first; no other fault strikes."""

    def __init__(self, struck: Iterable[tuple[str, int, float]]) -> None:
        self._strikes = {
            (FaultKind(kind), number): Fault(kind=FaultKind(kind), seconds=s) for kind, number, s in struck
        }
        self._asked: Counter[FaultKind] = Counter()

    @property
    def empty(self) -> bool:
        """Whether nothing struck."""
        return not self._strikes

    def asked(self, kind: FaultKind) -> Fault | None:
        """Return the fault if it struck then."""
        if kind not in STEP_KINDS:
            return None
        self._asked[kind] += 1
        return self._strikes.get((kind, self._asked[kind]))
