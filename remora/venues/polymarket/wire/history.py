"""Rows of the public history that are read one by one: what cannot be used counts as not said."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from remora.domain.ids import WalletAddress
from remora.domain.money import MICRO, ONE
from remora.venues.polymarket.wire.values import number, text_of

ADDRESS = re.compile(r"0x[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Result:
    """What a market paid per share, and when that was final; None for what the venue does not say."""

    resolved_at: datetime | None = None
    payouts: tuple[float, float] | None = None


def wallet_of(row: object, name: str) -> WalletAddress | None:
    """Return the wallet that a row names in a field, None if that is none."""
    found = (text_of(row.get(name)) or "").lower() if isinstance(row, Mapping) else ""
    return WalletAddress(found) if ADDRESS.fullmatch(found) else None


def count_of(row: object, name: str) -> int | None:
    """Return the whole number, 0 or more, in a field of a row; None if that is none."""
    found = number(row.get(name)) if isinstance(row, Mapping) else None
    return None if found is None or found < 0 or found != int(found) else int(found)


def results_of(rows: object) -> dict[str, Result]:
    """Return the results among rows of resolutions, by lower-case condition."""
    found: dict[str, Result] = {}
    for row in rows if isinstance(rows, list) else []:
        condition = text_of(row.get("condition_id")) if isinstance(row, Mapping) else None
        if condition is not None:
            paid = row.get("payouts")
            found[condition.lower()] = Result(_instant(row.get("resolved_at")) if paid else None, _payouts(paid))
    return found


def _payouts(paid: object) -> tuple[float, float] | None:
    """Return dollars per share from the venue's millionths, (0.5, 0.5) included."""
    shares = [number(value) for value in paid] if isinstance(paid, list) else []
    if len(shares) != 2 or shares[0] is None or shares[1] is None or min(shares[0], shares[1]) < 0:
        return None
    first, second = shares[0] * MICRO, shares[1] * MICRO
    return (float(first), float(second)) if first + second == ONE else None


def _instant(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(text_of(value) or "")
        return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
