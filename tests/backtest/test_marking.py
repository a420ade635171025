"""Looked up at once or followed move by move, what is held is worth the same."""

import itertools
from dataclasses import replace
from decimal import Decimal
from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.backtest import marking
from remora.backtest.batch import Batch, Batches, whole
from remora.backtest.costs import FillLevel
from remora.backtest.engine import Engine
from remora.backtest.history import History
from remora.backtest.outcome import Outcome
from remora.backtest.rosters import NamedRoster
from remora.backtest.shelf import TICKS, shelf_of
from remora.domain.books import Level
from remora.domain.limits import Limits
from remora.domain.money import ONE

from .recordings import DAY, LIMITS, START, recordings, spec

FOLLOWED = frozenset(range(3))
NERVOUS = replace(LIMITS, daily_loss_share=Decimal("0.001"), drawdown_share=Decimal("0.002"))


def replayed(
    history: History, batches: list[Batch], *, level: FillLevel, depth: float, limits: Limits, many: int, few: int
) -> Outcome:
    engine = Engine(
        roster=NamedRoster(frozenset(history.wallets[:3])),
        limits=limits,
        costs=replace(spec(fills=level.value).costs(), depth_usd=depth),
        capital=Decimal(1000),
        start=START,
        end=START + 30 * DAY,
        rng=np.random.default_rng(1),
    )
    with mock.patch.multiple(marking, MANY=many, FEW=few):
        return engine.run(batches)


def streamed(history: History, cut: float) -> list[Batch]:
    """Return the recording in two batches."""
    prints = history.prints
    edges = [0, int(prints.at.searchsorted(START + cut, "left")), len(prints)]
    parts = [prints.take(slice(low, high)) for low, high in itertools.pairwise(edges)]
    return list(Batches(history.wallets, history.listings, FOLLOWED).of(parts))


@settings(max_examples=120, deadline=None)
@given(
    history=recordings(),
    cut=st.one_of(st.none(), st.floats(0, 12 * DAY)),
    level=st.sampled_from(list(FillLevel)),
    depth=st.sampled_from([1000.0, 4.0]),
    limits=st.sampled_from([LIMITS, NERVOUS]),
    switch=st.sampled_from([(1, 0), (1, 1), (2, 2), (3, 1)]),
)
def test_how_holdings_are_valued_changes_no_decision_and_no_dollar(
    history: History,
    cut: float | None,
    level: FillLevel,
    depth: float,
    limits: Limits,
    switch: tuple[int, int],
) -> None:
    def outcome(many: int, few: int) -> Outcome:
        batches = [whole(history, FOLLOWED)] if cut is None else streamed(history, cut)
        return replayed(history, batches, level=level, depth=depth, limits=limits, many=many, few=few)

    by_moves, at_once = outcome(10**9, 0), outcome(*switch)

    assert at_once.decisions == by_moves.decisions
    assert at_once.equity == by_moves.equity
    assert [(h.value, h.flows) for h in at_once.holdings] == [(h.value, h.flows) for h in by_moves.holdings]


@settings(max_examples=60, deadline=None)
@given(
    bid=st.integers(1, 98),
    width=st.integers(1, 40),
    unit=st.sampled_from(list(TICKS)),
    depth=st.sampled_from([1000, 3]),
)
def test_the_other_outcome_has_the_mirror_of_a_ladder(bid: int, width: int, unit: int, depth: int) -> None:
    shelf, ask = shelf_of(Decimal(depth)), min(bid + width, unit - 1)
    touch = (bid * 1024 + ask) * 1024 + unit
    bids, asks = shelf.sides(touch, 0)

    assert shelf.sides(touch, 1) == tuple(
        tuple(Level(ONE - level.price, level.size) for level in side) for side in (asks, bids)
    )
    assert [level.price for level in bids[:1] + asks[:1]] == [bid * TICKS[unit], ask * TICKS[unit]]
