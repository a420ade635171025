import itertools
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.backtest.batch import Batch, Batches, whole
from remora.backtest.costs import FillLevel
from remora.backtest.engine import Engine
from remora.backtest.history import History
from remora.backtest.outcome import Outcome
from remora.backtest.rosters import NamedRoster

from .recordings import DAY, LIMITS, START, recordings, spec


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


@settings(max_examples=60, deadline=None)
@given(
    history=recordings(), cuts=st.lists(st.floats(0, 12 * DAY), max_size=4), level=st.sampled_from(list(FillLevel))
)
def test_a_stream_of_batches_decides_what_the_whole_recording_decides(
    history: History, cuts: list[float], level: FillLevel
) -> None:
    followed = frozenset(range(3))
    prints = history.prints
    edges = [0, *sorted(int(prints.at.searchsorted(START + cut, "left")) for cut in cuts), len(prints)]
    parts = [prints.take(slice(low, high)) for low, high in itertools.pairwise(edges)]
    streamed = replayed(history, list(Batches(history.wallets, history.listings, followed).of(parts)), level)
    at_once = replayed(history, [whole(history, followed)], level)

    assert streamed.decisions == at_once.decisions
    assert streamed.equity == at_once.equity
