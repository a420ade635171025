"""Turn a recorded tape into a scenario: markets with derived ids, prints, resolutions."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from remora.domain.ids import EventId
from remora.venues.twin.scenario.fees import fee_terms
from remora.venues.twin.scenario.identifiers import condition_id, numeric_id, token_ids, transaction_hash
from remora.venues.twin.scenario.lifecycle import COARSE_TICK, ending, price_of_first, scheduled_end, tick_change
from remora.venues.twin.scenario.model import (
    SYNTHETIC_DEPTH,
    ExternalTrade,
    MarketOpened,
    MarketSpec,
    Scenario,
    ScenarioEvent,
    in_order,
)
from remora.venues.twin.scenario.tape import Tape, TapeError, TapeRow, read_tape
from remora.venues.twin.scenario.window import choose_window

DEPTH_USD = Decimal(1000)
"""Money on the first synthetic price level of a recorded market."""

MIN_ORDER_SIZE = Decimal(5)

_PAIRS = (("Democrat", "Republican"), ("Democratic", "Republican"), ("Up", "Down"))
"""Outcome names that come in pairs, for a tape on which only one of them ever traded."""


def tape_scenario(
    path: Path, *, start: datetime | None = None, end: datetime | None = None, speed: float | None = None
) -> Scenario:
    """Read a tape and return what to play of it; raise TapeError if it cannot be played."""
    tape = read_tape(path)
    try:
        window = choose_window([row.at for row in tape.rows], start=start, end=end, speed=speed)
    except ValueError as error:
        raise TapeError(f"tape {path}: {error}") from error
    markets, events = _play(tape)
    times = [event.at for event in events]
    events = events[: bisect_left(times, window.end)]
    inside = events[bisect_left(times, window.start) :]
    trades = [event for event in inside if isinstance(event, ExternalTrade)]
    return Scenario(
        name=path.stem,
        source=f"recorded trades from {path.name}",
        markets=tuple(markets),
        events=tuple(events),
        window_start=window.start,
        window_end=window.end,
        speed=window.speed,
        notices=(SYNTHETIC_DEPTH, *tape.notices),
        rejected=tape.rejected,
        details={"trades": len(trades), "wallets": len({trade.wallet for trade in trades})},
    )


def _play(tape: Tape) -> tuple[list[MarketSpec], list[ScenarioEvent]]:
    by_market: dict[str, list[TapeRow]] = defaultdict(list)
    for row in tape.rows:
        by_market[row.market].append(row)
    markets: list[MarketSpec] = []
    events: list[ScenarioEvent] = []
    for market_key, rows in by_market.items():
        market = _market(market_key, rows)
        markets.append(market)
        events.append(MarketOpened(rows[0].at, market, price_of_first(rows[0].outcome_index, rows[0].price)))
        events.extend(tick_change(market.condition_id, rows))
        events.extend(_print(market, number, row) for number, row in enumerate(rows))
        events.extend(ending(market.condition_id, rows))
    return markets, in_order(events)


def _market(market_key: str, rows: Sequence[TapeRow]) -> MarketSpec:
    condition = condition_id(market_key)
    first = rows[0]
    slug = first.slug or market_key
    category, tags, event = _family(slug)
    terms = fee_terms(category)
    return MarketSpec(
        condition_id=condition,
        question=first.title or slug,
        slug=slug,
        event_id=EventId(numeric_id("event", event)),
        event_slug=event,
        event_title=first.title or slug,
        category=category,
        tags=tags,
        labels=_labels(rows),
        tokens=token_ids(condition),
        gamma_id=numeric_id("market", condition),
        tick_size=COARSE_TICK,
        min_order_size=MIN_ORDER_SIZE,
        neg_risk=False,
        fee_rate=terms.rate,
        fee_exponent=1,
        rebate_rate=terms.rebate_rate,
        start_at=first.at,
        end_at=scheduled_end(rows),
        depth_usd=DEPTH_USD,
    )


def _family(slug: str) -> tuple[str | None, tuple[str, ...], str]:
    """Return category, tags and event slug; every market of a tape without event names is its own event."""
    if "-updown-" in slug:
        return "Crypto", ("Crypto", "Up or Down", "Recurring"), slug
    if any(word in slug for word in ("senate", "governor", "house")):
        return "Politics", ("Politics", "US Election"), slug
    return None, (), slug


def _labels(rows: Sequence[TapeRow]) -> tuple[str, str]:
    found: dict[int, str] = {}
    for row in rows:
        if row.outcome and row.outcome_index not in found:
            found[row.outcome_index] = row.outcome
        if len(found) == 2:
            break
    known = set(found.values())
    pair = next((pair for pair in _PAIRS if known & set(pair)), ("Yes", "No"))
    return found.get(0) or pair[0], found.get(1) or pair[1]


def _print(market: MarketSpec, number: int, row: TapeRow) -> ExternalTrade:
    return ExternalTrade(
        at=row.at,
        wallet=row.wallet,
        condition_id=market.condition_id,
        outcome_index=row.outcome_index,
        side=row.side,
        price=row.price,
        size=row.size,
        transaction_hash=row.transaction_hash or transaction_hash(market.condition_id, number, row.at.timestamp()),
    )
