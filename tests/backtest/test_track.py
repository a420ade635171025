"""What is made once for all replays equals what would be made anew at every instant."""

import pickle
from dataclasses import replace
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.backtest.history import History, instant
from remora.backtest.shelf import FINE, TICKS, shelf_of, unpacked
from remora.backtest.signals import _micros
from remora.backtest.track import DAY, decimal
from remora.backtest.tracks import Tracks
from remora.domain.ids import TokenId
from remora.domain.market import ResolutionStatus
from remora.domain.money import micros

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


@settings(max_examples=60, deadline=None)
@given(history=recordings())
def test_the_next_change_is_the_first_row_with_another_touch(history: History) -> None:
    tracks = Tracks(history.prints, history.listings, spread_ticks=1)
    for code in set(history.prints.market.tolist()):
        track = tracks[code]
        touches = track.touch.tolist()
        for row, touch in enumerate(touches):
            later = (n for n in range(row + 1, len(touches)) if touches[n] != touch)
            first = max(n for n in range(row + 1) if n == 0 or touches[n - 1] != touches[n])
            assert track.next_change(row) == next(later, len(touches))
            assert track.since(row) == track.times[first]


@settings(max_examples=30, deadline=None)
@given(history=recordings())
def test_a_copy_of_the_tracks_makes_the_same_ones_anew(history: History) -> None:
    tracks = Tracks(history.prints, history.listings, spread_ticks=1)
    codes = sorted(set(history.prints.market.tolist()))
    made = [tracks[code] for code in codes]
    copied = pickle.loads(pickle.dumps(tracks))
    assert not copied
    for code, track in zip(codes, made, strict=True):
        other = copied[code]
        assert (other.times, other.side, other.kind, other.turns) == (
            track.times,
            track.side,
            track.kind,
            track.turns,
        )
        for name in ("price", "size", "bid", "ask", "unit", "spent", "touch", "number", "changes"):
            assert np.array_equal(getattr(other, name), getattr(track, name))


def test_the_same_levels_elsewhere_are_a_book_like_any_other() -> None:
    pattern = SHELF.book((40 * 1024 + 41) * 1024 + 100, 0)
    token, at = TokenId("t"), instant(START)
    assert pattern.elsewhere(token, at) == replace(pattern, token_id=token, as_of=at)
    assert pattern.token_id == ""


@given(st.lists(st.floats(0.0, 1e9) | st.integers(0, 10**12).map(lambda n: (n + 0.5) / 1e6), min_size=1))
def test_shares_are_counted_as_the_domain_rounds_them(sizes: list[float]) -> None:
    assert _micros(np.array(sizes)) == [micros(decimal(size)) for size in sizes]
