"""How our books, the exchange's and the running workflows differ: stable codes, and the comparison itself."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from remora.domain.ids import OrderDigest, TokenId
from remora.domain.money import ZERO
from remora.domain.orders import Fill, FillStatus


class DifferenceCode(StrEnum):
    """What two of the three do not agree about."""

    MISSED_FILL = "missed_fill"
    FILL_MOVED = "fill_moved"
    FILL_CONTRADICTS = "fill_contradicts"
    FOREIGN_FILL = "foreign_fill"
    FOREIGN_ORDER = "foreign_order"
    UNSETTLED_ORDER = "unsettled_order"
    LOST_RECORD = "lost_record"
    HELD_AFTER_END = "held_after_end"
    ORPHANED_POSITION = "orphaned_position"
    TRIGGER_MISSING = "trigger_missing"
    MISSED_CROSSING = "missed_crossing"
    MARKET_MOVED_ON = "market_moved_on"
    BID_FOR_AGAIN = "bid_for_again"
    FORGOTTEN_WINNER = "forgotten_winner"
    RESERVATION_LEAKED = "reservation_leaked"
    DESK_MISSING = "desk_missing"
    DESK_BEHIND = "desk_behind"
    SHARES_HIGHER = "shares_higher"
    SHARES_LOWER = "shares_lower"
    CASH_HIGHER = "cash_higher"
    CASH_LOWER = "cash_lower"
    BOOKS_UNBALANCED = "books_unbalanced"
    NOT_QUIET = "not_quiet"
    NOT_COMPARED = "not_compared"


class Repair(StrEnum):
    """What was done about a difference; `none` means that a person has to look."""

    ROLLED_FORWARD = "rolled_forward"
    RESTORED = "restored"
    REOPENED = "reopened"
    ADOPTED = "adopted"
    SIGNALLED = "signalled"
    ARMED = "armed"
    REDEEMED = "redeemed"
    RELEASED = "released"
    RESTARTED = "restarted"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One disagreement. `subject` is the digest, token, position or account that it is about.

    `ours` and `theirs` are what our books and the other side say, as text.
    """

    code: DifferenceCode
    subject: str
    position_id: str | None = None
    ours: str = ""
    theirs: str = ""
    repair: Repair = Repair.NONE
    detail: str = ""


@dataclass(frozen=True, slots=True)
class KnownFill:
    """A fill as our ledger has it."""

    shares: Decimal
    price: Decimal
    status: FillStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class FillComparison:
    """The exchange's fills held against ours."""

    missed: tuple[Fill, ...] = ()
    moved: tuple[Fill, ...] = ()
    foreign: tuple[Fill, ...] = ()
    contradictions: tuple[Difference, ...] = field(default=())


def compare_fills(
    ours: Mapping[tuple[str, OrderDigest], KnownFill], theirs: Sequence[Fill], *, placed: Collection[OrderDigest]
) -> FillComparison:
    """Sort the exchange's fills: missing in our ledger, moved on in settlement, not of an order of ours.

    A fill that the ledger has with other shares, another price or another end contradicts it: nobody may guess
    which is right.
    """
    missed: list[Fill] = []
    moved: list[Fill] = []
    foreign: list[Fill] = []
    contradictions: list[Difference] = []
    for fill in theirs:
        known = ours.get((fill.trade_id, fill.order_digest))
        if known is None:
            (missed if fill.order_digest in placed else foreign).append(fill)
        elif (known.shares, known.price) != (fill.shares, fill.price):
            mine, shown = f"{known.shares} at {known.price}", f"{fill.shares} at {fill.price}"
            contradictions.append(_contradiction(fill, mine, shown))
        elif known.status is fill.status or not fill.status.final:
            continue
        elif known.status.final:
            contradictions.append(_contradiction(fill, known.status.value, fill.status.value))
        else:
            moved.append(fill)
    return FillComparison(
        missed=tuple(missed), moved=tuple(moved), foreign=tuple(foreign), contradictions=tuple(contradictions)
    )


def _contradiction(fill: Fill, ours: str, theirs: str) -> Difference:
    return Difference(
        code=DifferenceCode.FILL_CONTRADICTS,
        subject=fill.order_digest,
        ours=ours,
        theirs=theirs,
        detail=f"trade {fill.trade_id}",
    )


def look_again(age: timedelta) -> bool:
    """Whether an order of unknown fate is worth another look in this minute of its `age`.

    In each of the first eight, then in every second, fourth and so on, at last in one an hour.
    """
    minutes = int(age.total_seconds()) // 60
    return minutes % min(60, 1 << max(0, minutes.bit_length() - 3)) == 0


def compare_shares(ours: Mapping[TokenId, Decimal], theirs: Mapping[TokenId, Decimal]) -> list[Difference]:
    """Return the tokens of which the exchange shows more or fewer shares than our ledger."""
    differences = []
    for token in sorted(ours.keys() | theirs.keys()):
        held, shown = ours.get(token, ZERO), theirs.get(token, ZERO)
        if held != shown:
            code = DifferenceCode.SHARES_HIGHER if shown > held else DifferenceCode.SHARES_LOWER
            differences.append(Difference(code=code, subject=token, ours=f"{held:f}", theirs=f"{shown:f}"))
    return differences


def compare_cash(ours: Decimal, theirs: Decimal, *, account: str) -> list[Difference]:
    """Return the difference in dollars, if there is one."""
    if ours == theirs:
        return []
    code = DifferenceCode.CASH_HIGHER if theirs > ours else DifferenceCode.CASH_LOWER
    return [Difference(code=code, subject=account, ours=f"{ours:f}", theirs=f"{theirs:f}")]
