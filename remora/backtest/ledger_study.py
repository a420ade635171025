"""The tearsheet of what an account really did, from its rows: a backtest's sections, as far as they go."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from remora.backtest.attribution import attribution, calibration
from remora.backtest.history import Floats, Listing, instant
from remora.backtest.holding import Holding
from remora.backtest.outcome import Outcome, days_of
from remora.backtest.overfitting import deflated
from remora.backtest.run import Replayed
from remora.backtest.run_log import RunLog
from remora.backtest.simulate import COLUMNS, Grouping, by_unit, distribution, drawn
from remora.backtest.summary import curves, exits, funnel, money, monthly
from remora.backtest.track import DAY
from remora.backtest.verdict import verdict
from remora.domain.market import MarketClass
from remora.domain.money import ZERO
from remora.domain.pnl import PositionBooks
from remora.domain.reasons import ExitReason

DRAWS = 1000


def ledger_report(log: RunLog, *, name: str, mode: str, seed: int = 0) -> dict[str, Any]:
    """Return the report of an account; profits are counted when they were realised, open positions at their mark.

    A single history cannot be replayed with other latencies or wallets: those sections are empty, and their
    questions stay open.
    """
    events = sorted({str(row["event_id"]) for row in log.positions})
    listings = [_listing(event) for event in events]
    outcome = _outcome(log, events)
    made = Replayed(outcome, _daily(log, outcome))
    found = made.performance
    group = Grouping("event", dict(enumerate(events)), len(events), len(events))
    report: dict[str, Any] = {
        "key": name,
        "spec": {
            "start": instant(outcome.start).isoformat(),
            "end": instant(outcome.end).isoformat(),
            "select": any(not row["unproven"] for row in log.positions),
            "mode": mode,
        },
        "limits": {},
        "costs": {"fills": f"as they happened ({mode})"},
        "data": _data(log, name, outcome, events),
        "notices": [
            "Profits are counted on the day they were realised; open positions at their last mark.",
            "One history cannot be replayed: controls, latencies and other fills need `remora backtest`.",
        ],
        "performance": found.as_json(),
        "money": money(outcome),
        "funnel": funnel(outcome),
        "roster": {"how": mode, "wallets": sorted({str(row["whale"]) for row in log.positions}), "editions": []},
        "exits": exits(outcome),
        "attribution": attribution(outcome, listings),
        "calibration": calibration(outcome, listings),
        "deflated": deflated(found, [0.0 if found.sharpe is None else found.sharpe]),
        "monthly": monthly(made, outcome.start),
        "simulations": _redrawn(made, group, seed),
        "fills": [],
        "latencies": [],
        "controls": [],
        "overfitting": {"policies": 1, "pbo": None, "null": {}, "why_not": "one history has one policy"},
        "curves": curves(made, {}),
    }
    report["verdict"] = verdict(report)
    return report


def _listing(event: str) -> Listing:
    return Listing(
        key=event,
        question="",
        slug="",
        event=event,
        cluster=event,
        category="all",
        market_class=MarketClass.STANDARD,
        listed_at=0.0,
        end_at=None,
        end_source="the venue",
    )


def _outcome(log: RunLog, events: Sequence[str]) -> Outcome:
    times = [row["happened_at"].timestamp() for row in log.decisions]
    times += [row["matched_at"].timestamp() for row in log.fills]
    times += [row["closed_at"].timestamp() for row in log.positions if row["closed_at"] is not None]
    outcome = Outcome(capital=float(log.opening_cash), start=min(times), end=max(times) + 1.0)
    words = Counter(row["reason"] or row["outcome"] for row in log.decisions)
    outcome.copies, outcome.exits = words.pop("copy", 0), words.pop("exit", 0)
    outcome.skips = words
    outcome.signals = outcome.copies + sum(words.values())
    outcome.holdings = [_holding(n, row, events) for n, row in enumerate(log.positions)]
    outcome.equity = outcome.capital + sum(float(holding.pnl) for holding in outcome.holdings)
    return outcome


def _holding(number: int, row: Mapping[str, Any], events: Sequence[str]) -> Holding:
    books = PositionBooks(
        bought_shares=row["bought_shares"],
        bought_notional=row["bought_notional"],
        sold_shares=row["sold_shares"],
        sold_notional=row["sold_notional"],
        redeemed_shares=row["redeemed_shares"],
        redeemed_dollars=row["redeemed_dollars"],
        cost=row["cost"],
        fees=row["fees"],
    )
    ended = row["closed_at"]
    mark = ZERO if ended is not None else row["mark_price"] or books.average_price or ZERO
    return Holding(
        number=number,
        whale=row["whale"],
        token=row["token_id"],
        condition=row["condition_id"],
        market=list(events).index(str(row["event_id"])),
        outcome=0,
        event=str(row["event_id"]),
        approved_at=row["opened_at"].timestamp(),
        whale_price=row["whale_price"],
        unproven=row["unproven"],
        edge=ZERO,
        forecast=books.average_price or ZERO,
        books=books,
        shares=books.shares,
        mark=mark,
        value=books.shares * mark,
        exit_reason=None if row["exit_reason"] is None else ExitReason(row["exit_reason"]),
        ended_at=None if ended is None else ended.timestamp(),
    )


def _daily(log: RunLog, outcome: Outcome) -> Floats:
    """Return realised profits by UTC day, one row per position that bought anything."""
    days = days_of(outcome.start, outcome.end)
    first = int(outcome.start // DAY)
    ids = [row["id"] for row in log.positions if row["bought_shares"] > 0]
    places = {position: place for place, position in enumerate(ids)}
    books = [PositionBooks()] * len(ids)
    matrix = np.zeros((len(ids), days))
    for fill in log.fills:
        place = places.get(fill["position_id"])
        if place is None or fill["status"] == "FAILED":
            continue
        before = books[place]
        change = before.sold if fill["side"] == "SELL" else before.bought
        books[place] = change(fill["shares"], fill["shares"] * fill["price"], fill["fee"])
        gain = books[place].realised_pnl - before.realised_pnl
        matrix[place, min(days - 1, int(fill["matched_at"].timestamp() // DAY) - first)] += float(gain)
    for holding, place in zip(outcome.filled, range(len(ids)), strict=True):
        day = days - 1 if holding.ended_at is None else int(holding.ended_at // DAY) - first
        matrix[place, min(days - 1, max(0, day))] += float(holding.pnl) - matrix[place].sum()
    return matrix


def _data(log: RunLog, name: str, outcome: Outcome, events: Sequence[str]) -> dict[str, Any]:
    held = sum(holding.ended_at is None for holding in outcome.filled)
    return {
        "name": name,
        "fingerprint": name,
        "trades": len(log.decisions),
        "trades_in_window": len(log.decisions),
        "wallets": len({row["whale"] for row in log.decisions}),
        "markets": len({row["condition_id"] for row in log.positions}),
        "clusters": len(events),
        "rejected": {},
        "silent_days": 0,
        "days": days_of(outcome.start, outcome.end),
        "longest_gap_h": 0.0,
        "longest_gap_from": None,
        "gaps": 0,
        "markets_without_result": held,
        "capital_without_result": 0.0,
        "markets_without_end": 0,
        "capital_on_assumed_end": 0.0,
        "markets_with_equal_rows": 0,
        "capital_with_equal_rows": 0.0,
        "capital_over_gaps": 0.0,
    }


def _redrawn(made: Replayed, group: Grouping, seed: int) -> dict[str, Any]:
    """Return the distribution over events drawn again; latencies and fills stay as they were."""
    if not made.outcome.filled:
        return distribution(np.zeros((0, len(COLUMNS))), group)
    matrix, rng = by_unit(made, group), np.random.default_rng([seed, 2])
    rows = np.array([drawn(matrix, group, made.outcome.capital, rng) for _ in range(DRAWS)])
    return distribution(rows, group) | {"replays": 0}
