"""Facts about recorded markets: when they were listed, were due to end, and resolved, and how sure that is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from remora.backtest.history import NEVER, TRADE, Listing, winner_payouts
from remora.domain.market import MarketClass
from remora.domain.money import ONE
from remora.venues.twin.scenario.fees import fee_terms

MIDTERMS_END = datetime(2022, 11, 15, tzinfo=UTC).timestamp()
"""What the venue itself listed as endDate of its 2022 midterm markets."""

MIDTERMS_FROM, MIDTERMS_DAY = (datetime(2022, m, d, tzinfo=UTC).timestamp() for m, d in ((1, 1), (11, 8)))
MIDTERMS = re.compile(r"senate|governor|house", re.IGNORECASE)
UPDOWN = re.compile(r"-updown-(\d+)m-(\d{10})$")
AFTER_LAST_S = 60.0
FINE_BELOW = 0.04
ELECTIONS = ("politics",)


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """The kept rows in order of time, the market code of each, and the market of each code."""

    rows: pd.DataFrame
    codes: NDArray[Any]
    keys: Sequence[str]


def listings(
    found: MarketFacts, side: pd.DataFrame | None, assumed_life: timedelta | None
) -> tuple[list[Listing], list[str]]:
    """Return the listing of each market code, and what a reader must know about them.

    A scheduled end is taken from the tape, the table of markets, the market's own name, or (marked as such) from
    `assumed_life` after the first row: never from the last trade, which nobody knew in advance.
    """
    rows = found.rows.assign(code=found.codes)
    first: Any = rows.drop_duplicates("code").set_index("code")
    last_at = rows.groupby("code")["at"].max()
    extreme = rows[(rows["kind"] == TRADE) & ((rows["price"] < FINE_BELOW) | (rows["price"] > 1 - FINE_BELOW))]
    fine_at = extreme.groupby("code")["at"].min()
    rows_of = dict(zip(first.index.astype(int), first.to_dict("records"), strict=True))
    known = _side_facts(side)
    labels = _labels(rows)
    made = [
        _listing(
            key,
            rows_of[int(code)],
            last_at=float(last_at[code]),
            fine_at=float(fine_at.get(code, NEVER)),
            known=known.get(key, {}),
            labels=labels.get(code, {}),
            assumed_life=assumed_life,
        )
        for code, key in enumerate(found.keys)
    ]
    return made, _notices(made)


def _side_facts(side: pd.DataFrame | None) -> dict[str, dict[str, Any]]:
    if side is None:
        return {}
    wanted = [
        n
        for n in ("market", "question", "end_date", "closed_time", "winner_index", "payout_first")
        if n in side.columns
    ]
    rows: list[Any] = side[wanted].drop_duplicates("market").to_dict("records")
    return {str(row["market"]): row for row in rows}


def _labels(rows: pd.DataFrame) -> dict[int, dict[int, str]]:
    named = rows[rows["label_outcome"].notna()].drop_duplicates(["code", "outcome"])
    found: dict[int, dict[int, str]] = {}
    for code, outcome, label in zip(named["code"], named["outcome"], named["label_outcome"], strict=True):
        found.setdefault(int(code), {})[int(outcome)] = str(label)
    return found


def _listing(
    key: str,
    row: dict[str, Any],
    *,
    last_at: float,
    fine_at: float,
    known: dict[str, Any],
    labels: dict[int, str],
    assumed_life: timedelta | None,
) -> Listing:
    slug = _text(row["slug"]) or key
    category, event = _family(slug, row)
    listed_at = float(row["at"])
    end_at, end_source = _end(slug, row, known, listed_at, assumed_life)
    winner = _winner(row["winner_index"], known.get("winner_index"))
    payouts = _payouts(winner, known.get("payout_first"))
    resolved_at = NEVER if payouts is None else _resolved_at(last_at, known, end_at)
    terms = fee_terms(category)
    day = None if end_at is None else datetime.fromtimestamp(end_at, UTC).date().isoformat()
    return Listing(
        key=key,
        question=_text(row["title"]) or _text(known.get("question")) or slug,
        slug=slug,
        event=event,
        cluster=f"{category} {day}" if category in ELECTIONS and end_source == "its family" else event,
        category=category or "other",
        market_class=MarketClass.SHORT_CRYPTO if "updown" in slug else MarketClass.STANDARD,
        labels=(labels.get(0, "Yes"), labels.get(1, "No")),
        fee_rate=terms.rate,
        listed_at=listed_at,
        end_at=end_at,
        end_source=end_source,
        fine_tick_at=fine_at,
        proposed_at=NEVER,  # recorded nowhere: a guess would tell which trade was the last one
        closed_at=resolved_at,
        resolved_at=resolved_at,
        payouts=payouts,
    )


def _family(slug: str, row: dict[str, Any]) -> tuple[str, str]:
    event = _text(row["event"]) or slug
    if category := _text(row["category"]):
        return category.lower(), event
    if UPDOWN.search(slug):
        return "crypto", event
    return ("politics" if MIDTERMS.search(slug) else ""), event


def _end(
    slug: str, row: dict[str, Any], known: dict[str, Any], listed_at: float, assumed_life: timedelta | None
) -> tuple[float | None, str]:
    if (at := _instant(row["end_at"])) is not None:
        return at, "the tape"
    if (at := _instant(known.get("end_date"))) is not None and at > listed_at:
        return at, "the table of markets"
    if (short := UPDOWN.search(slug)) is not None:
        return float(short[2]) + 60.0 * int(short[1]), "its name"
    if MIDTERMS.search(slug) and MIDTERMS_FROM <= listed_at <= MIDTERMS_DAY:
        return MIDTERMS_END, "its family"
    if assumed_life is not None:
        return listed_at + assumed_life.total_seconds(), "assumed"
    return None, "unknown"


def _payouts(winner: int | None, first: Any) -> tuple[Decimal, Decimal] | None:
    """Return dollars per share of both outcomes: as recorded, 50/50 and voided markets too, else by the winner."""
    if first is not None and 0.0 <= (paid := float(first)) <= 1.0:
        return Decimal(str(paid)), ONE - Decimal(str(paid))
    return None if winner is None else winner_payouts(winner)


def _resolved_at(last_at: float, known: dict[str, Any], end_at: float | None) -> float:
    """Return when the result was known: as recorded, else after the last trade and not before the scheduled end.

    A recording may stop, or a market fall silent, long before anybody knows: the last trade alone proves nothing.
    """
    closed = _instant(known.get("closed_time"))
    if closed is not None and closed >= last_at:
        return closed
    after = last_at + AFTER_LAST_S
    return after if end_at is None else max(after, end_at)


def _winner(of_tape: Any, of_table: Any) -> int | None:
    for value in (of_tape, of_table):
        number = pd.to_numeric(value, errors="coerce") if value is not None else np.nan
        if number in (0, 1):
            return int(number)
    return None


def _text(value: Any) -> str:
    return "" if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)) else str(value)


def _instant(value: Any) -> float | None:
    """Return a time in seconds, whatever way it was written; None if it cannot be told."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float | np.integer | np.floating):
        return float(value) if np.isfinite(value) else None
    found = pd.to_datetime(str(value), utc=True, errors="coerce")
    return None if pd.isna(found) else float(found.timestamp())


def _notices(made: Sequence[Listing]) -> list[str]:
    notices = []
    unknown = sum(listing.end_at is None for listing in made)
    if unknown:
        notices.append(
            f"{unknown} of {len(made)} markets have no recorded end: the decision core refuses them. "
            "--assume-end-days gives them one, and the report says so."
        )
    assumed = sum(listing.end_source == "assumed" for listing in made)
    if assumed:
        notices.append(f"{assumed} of {len(made)} markets have an assumed end, counted from their first trade.")
    unresolved = sum(listing.payouts is None for listing in made)
    if unresolved:
        notices.append(
            f"{unresolved} of {len(made)} markets have no recorded result: holdings are valued at the bid."
        )
    return notices
