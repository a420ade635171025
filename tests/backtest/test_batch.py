import itertools
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.backtest.batch import Batch, Batches, whole
from remora.backtest.costs import FillLevel
from remora.backtest.desk import Desk
from remora.backtest.engine import Engine
from remora.backtest.history import BUY, MERGE, SELL, History, instant
from remora.backtest.holding import Holding
from remora.backtest.marking import Marks
from remora.backtest.outcome import Outcome
from remora.backtest.rosters import NamedRoster
from remora.backtest.shelf import shelf_of
from remora.domain.ids import WalletAddress
from remora.domain.money import ZERO

from .recordings import DAY, HOUR, LIMITS, START, WHALE, Row, listing, recording, recordings, spec

FOLLOWED = frozenset(range(3))


def replayed(history: History, batches: list[Batch], level: FillLevel) -> Outcome:
    engine = Engine(
        roster=NamedRoster(frozenset(history.wallets[:3])),
        limits=LIMITS,
        costs=spec(fills=level.value).costs(),
        capital=Decimal(1000),
        start=START,
        end=START + 30 * DAY,
        rng=np.random.default_rng(1),
    )
    return engine.run(batches)


def streamed(history: History, cuts: list[float]) -> list[Batch]:
    """Return the recording cut at some seconds after the start."""
    prints = history.prints
    edges = [0, *sorted(int(prints.at.searchsorted(START + cut, "left")) for cut in cuts), len(prints)]
    parts = [prints.take(slice(low, high)) for low, high in itertools.pairwise(edges)]
    return list(Batches(history.wallets, history.listings, FOLLOWED).of(parts))


CUTS = st.lists(st.floats(0, 12 * DAY), max_size=4)


@settings(max_examples=60, deadline=None)
@given(history=recordings(), cuts=CUTS, level=st.sampled_from(list(FillLevel)))
def test_a_stream_of_batches_decides_what_the_whole_recording_decides(
    history: History, cuts: list[float], level: FillLevel
) -> None:
    in_parts = replayed(history, streamed(history, cuts), level)
    at_once = replayed(history, [whole(history, FOLLOWED)], level)

    assert in_parts.decisions == at_once.decisions
    assert in_parts.equity == at_once.equity


@settings(max_examples=60, deadline=None)
@given(history=recordings(), cuts=CUTS)
def test_touches_go_by_the_same_numbers_however_a_recording_is_cut(history: History, cuts: list[float]) -> None:
    at_once = whole(history, FOLLOWED).tracks
    for batch in streamed(history, cuts):
        for code in filter(at_once.has, range(len(history.listings))):
            if batch.tracks.has(code):
                part, track = batch.tracks[code], at_once[code]
                end = track.index(batch.horizon) + 1
                assert part.number.tolist() == track.number[end - part.number.size : end].tolist()


def test_a_market_keeps_its_last_price_whatever_came_after_it() -> None:
    rows: list[Row] = [(at * DAY, 4, market, 0, BUY, 0.5, 10.0) for at, market in ((0, 0), (1, 0), (3, 1), (5, 1))]
    history = recording(rows, [listing(), listing(1)])
    history.prints.kind[1] = MERGE

    assert streamed(history, [2 * DAY, 4 * DAY])[-1].tracks.has(0)


def test_a_move_at_which_nobody_looked_before_the_next_batch_counts() -> None:
    prices = ((0.0, 0.50), (HOUR, 0.60), (2 * HOUR, 0.60))
    rows: list[Row] = [(at, 4, 0, 0, BUY, price, 10.0) for at, price in prices]
    before, after = streamed(recording(rows), [1.5 * HOUR])
    desk = Desk.opened(Decimal(1000), instant(START))
    marks = Marks(desk, shelf_of(Decimal(1000)))
    marks.load(before.tracks)
    marks.follow(held(Decimal(10)), before.tracks[0], START)
    marks.load(after.tracks)
    marks.advance(after.tracks, START + 1.6 * HOUR)

    assert desk.value == Decimal("5.9")


def held(shares: Decimal) -> Holding:
    """Return a position bought at the start."""
    holding = Holding(
        number=0,
        whale=WalletAddress(WHALE),
        token="m0:0",
        condition="m0",
        market=0,
        outcome=0,
        event="e0",
        approved_at=START,
        whale_price=Decimal("0.5"),
        unproven=True,
        edge=ZERO,
        forecast=ZERO,
    )
    holding.fill(shares, Decimal("0.5"), ZERO, buying=True, at=START)
    return holding


def test_a_crossing_of_one_batch_is_over_with_the_first_touch_of_the_next() -> None:
    began = DAY + 2 * HOUR
    rows: list[Row] = [
        (0.0, 4, 0, 0, BUY, 0.45, 10.0),
        (DAY + HOUR, 0, 0, 0, BUY, 0.50, 1000.0),
        (DAY + HOUR + 60, 4, 0, 0, BUY, 0.51, 400.0),
        (began, 4, 0, 0, SELL, 0.40, 500.0),
        (began + 1, 4, 0, 0, BUY, 0.52, 500.0),
        (began + 3, 4, 0, 0, SELL, 0.40, 500.0),
        (began + 4.5, 4, 0, 0, BUY, 0.52, 500.0),
        (began + 60, 4, 0, 0, SELL, 0.51, 4000.0),
    ]
    history = recording(rows)

    for batches in ([whole(history, FOLLOWED)], streamed(history, [began + 0.5])):
        (holding,) = replayed(history, batches, FillLevel.REALISTIC).filled
        assert holding.books.sold_shares == 0
