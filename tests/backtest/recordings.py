"""Small recordings to replay: markets by hand, and strategies for odd ones."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import strategies as st

from remora.backtest.history import BUY, NEVER, SELL, TRADE, History, Listing, Prints, winner_payouts
from remora.backtest.spec import Spec
from remora.domain.limits import Limits
from remora.domain.market import MarketClass

WHALE = "0x" + "aa" * 20
OTHERS = tuple("0x" + f"{number:02x}" * 20 for number in range(1, 6))
WALLETS = (WHALE, *OTHERS)
START = 1_700_000_000.0
HOUR, DAY = 3600.0, 86_400.0
LIMITS = Limits(volume_24h_min_usd=Decimal(0), spread_max=Decimal("0.5"))

Row = tuple[float, int, int, int, int, float, float]
"""Seconds after the start, wallet, market, outcome, side, price, size."""


def listing(number: int = 0, **changes: Any) -> Listing:
    """Return a market listed at the start that ends in ten days and has no result."""
    values: dict[str, Any] = {
        "key": f"m{number}",
        "question": f"Will {number} happen?",
        "slug": f"will-{number}",
        "event": f"e{number}",
        "cluster": f"e{number}",
        "category": "weather",
        "market_class": MarketClass.STANDARD,
        "listed_at": START,
        "end_at": START + 10 * DAY,
        "end_source": "the tape",
    }
    return Listing(**(values | changes))


def resolved(number: int, winner: int, at: float, **changes: Any) -> Listing:
    """Return a market that paid for `winner` at `at` seconds after the start."""
    return listing(
        number,
        proposed_at=START + at - 4 * HOUR,
        closed_at=START + at,
        resolved_at=START + at,
        payouts=winner_payouts(winner),
        **changes,
    )


def recording(rows: Sequence[Row], listings: Sequence[Listing] = (), **changes: Any) -> History:
    """Return a recording of rows in order of time."""
    columns = [np.array(column) for column in zip(*sorted(rows), strict=True)]
    at, wallet, market, outcome, side, price, size = columns
    return History(
        name="by hand",
        wallets=list(WALLETS),
        listings=list(listings) or [listing()],
        prints=Prints(
            at=at.astype(float) + START,
            wallet=wallet.astype(np.int32),
            market=market.astype(np.int32),
            outcome=outcome.astype(np.int8),
            side=side.astype(np.int8),
            price=price.astype(float),
            size=size.astype(float),
            kind=np.full(at.size, TRADE, dtype=np.int8),
        ),
        **changes,
    )


def spec(**changes: Any) -> Spec:
    """Return a month behind the whale, two seconds late."""
    values: dict[str, Any] = {"start": START, "end": START + 30 * DAY, "whales": (WHALE,), "latency": "2"}
    return Spec(**(values | changes))


@st.composite
def recordings(draw: st.DrawFn) -> History:
    """Draw a few markets, some of them resolved, with up to 60 trades of six wallets over twelve days."""
    count = draw(st.integers(1, 3))
    listings = []
    for number in range(count):
        ends = draw(st.floats(2 * DAY, 11 * DAY))
        fine = draw(st.sampled_from([NEVER, START + 3 * DAY]))
        made = listing(number, end_at=START + ends, fine_tick_at=fine, event=f"e{draw(st.integers(0, 1))}")
        if draw(st.booleans()):
            closed = draw(st.floats(DAY, 12 * DAY))
            made = resolved(number, draw(st.integers(0, 1)), closed, end_at=START + ends, fine_tick_at=fine)
        listings.append(made)
    row = st.tuples(
        st.one_of(st.floats(0, 12 * DAY), st.integers(0, 300).map(lambda s: DAY + 20.0 * s)),
        st.integers(0, len(WALLETS) - 1),
        st.integers(0, count - 1),
        st.integers(0, 1),
        st.sampled_from([BUY, BUY, SELL]),
        st.integers(2, 98).map(lambda cents: cents / 100),
        st.floats(1, 50_000).map(lambda size: round(size, 2)),
    )
    rows = draw(st.lists(row, min_size=5, max_size=60))
    return recording(rows, listings)
