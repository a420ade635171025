"""What is made once for all replays equals what would be made anew at every instant."""

from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.backtest.history import History
from remora.backtest.shelf import FINE, TICKS, shelf_of, unpacked
from remora.backtest.track import DAY, decimal
from remora.backtest.tracks import Tracks
from remora.domain.market import ResolutionStatus

from .recordings import START, recordings

SHELF = shelf_of(Decimal(1000))


@settings(max_examples=60, deadline=None)
@given(history=recordings(), instants=st.lists(st.floats(0, 14 * DAY), min_size=1, max_size=20))
def test_a_market_met_again_is_the_market_of_that_instant(history: History, instants: list[float]) -> None:
    tracks = Tracks(history.prints, history.listings, spread_ticks=1)
    prints = history.prints
    for at in [*(START + value for value in instants), *(START + value for value in instants)]:
        for code in set(prints.market.tolist()):
            track, known = tracks[code], history.listings[code]
            row = track.index(at)
            market = track.market(row, at)
            day = (prints.market == code) & (prints.at <= at) & (prints.at > at - DAY)
            spent = float((prints.price[day] * prints.size[day]).sum())

            assert abs(market.volume_24h_usd - decimal(round(spent, 6))) <= Decimal("0.001")
            assert market.tick_size == TICKS[FINE if known.fine_tick_at <= at else 100]
            assert market.closed == (known.closed_at <= at)
            assert (market.resolution is ResolutionStatus.RESOLVED) == (known.resolved_at <= at)
            assert (market.payouts is not None) == (known.resolved_at <= at)


@settings(max_examples=60, deadline=None)
@given(history=recordings(), seed=st.integers(0, 9))
def test_a_book_met_again_has_the_touch_of_its_row(history: History, seed: int) -> None:
    tracks = Tracks(history.prints, history.listings, spread_ticks=1)
    rng = np.random.default_rng(seed)
    for code in set(history.prints.market.tolist()):
        track = tracks[code]
        for row in rng.integers(0, len(track.times), 20).tolist():
            for outcome in (0, 1):
                book = track.book(row, outcome, SHELF)
                bid, ask, unit = unpacked(track.touch.item(row))
                best = (bid, ask) if outcome == 0 else (unit - ask, unit - bid)
                assert book is not None
                assert (book.best_bid, book.best_ask) == tuple(n * TICKS[unit] for n in best)
                assert book.as_of.timestamp() <= track.times[row] + 1e-6
                assert book.sound
                assert track.executable_bid(row, outcome, SHELF, Decimal(1)) == book.best_bid
