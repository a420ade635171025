"""Fills grouped by their order: one order is booked, refused and reported as a whole."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence

from remora.domain.ids import OrderDigest
from remora.domain.money import ZERO, Side
from remora.domain.orders import Fill, FillStatus
from remora.domain.reconcile import Difference, DifferenceCode, Repair


async def in_any_order(
    groups: Sequence[tuple[OrderDigest, list[Fill]]],
    write: Callable[[OrderDigest, Sequence[Fill]], Awaitable[str | None]],
) -> dict[OrderDigest, str]:
    """Write what can be written and return why the rest cannot; what one order brings another one may need."""
    left = groups
    while True:
        answers = [(digest, await write(digest, group)) for digest, group in left]
        refused = {digest: why for digest, why in answers if why is not None}
        if len(refused) in (0, len(left)):
            return refused
        left = [one for one in left if one[0] in refused]


def taken_back(group: Sequence[Fill]) -> bool:
    """Return whether an order's fills tell of a purchase that failed on chain."""
    return any(fill.side is Side.BUY and undone(fill) for fill in group)


def undone(fill: Fill) -> bool:
    """Return whether the chain took a fill back."""
    return fill.status is FillStatus.FAILED


def by_order(fills: Iterable[Fill]) -> list[tuple[OrderDigest, list[Fill]]]:
    """Group fills by order, oldest order first: money must come in before it is spent."""
    groups: dict[OrderDigest, list[Fill]] = defaultdict(list)
    for fill in sorted(fills, key=lambda fill: fill.matched_at):
        groups[fill.order_digest].append(fill)
    return list(groups.items())


def about(
    code: DifferenceCode,
    fills: Sequence[Fill],
    position_id: str | None,
    *,
    repaired: bool,
    why: str | None = None,
) -> Difference:
    """Return the difference that an order's fills make; `why` they could not be booked."""
    shares = sum((fill.shares for fill in fills), ZERO)
    repair = {
        DifferenceCode.LOST_RECORD: Repair.RESTORED,
        DifferenceCode.FOREIGN_FILL: Repair.NONE,
    }.get(code, Repair.ROLLED_FORWARD)
    return Difference(
        code=code,
        subject=fills[0].order_digest,
        position_id=position_id,
        theirs=f"{fills[0].side.value} {shares:f} in {len(fills)} fills",
        repair=repair if repaired else Repair.NONE,
        detail=f"token {fills[0].token_id}" if why is None else f"not booked: {why}",
    )
