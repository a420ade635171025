from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from remora.research.discovery import discover
from remora.research.sharding import decode, encode, score_shard, score_together
from remora.research.store import ResearchStore, Shard
from remora.statistics.scoring_params import RankBy, ScoringParams
from remora.statistics.track_record import TrackRecord, no_record
from tests.research.seasons import season_store


def same(first: TrackRecord, second: TrackRecord) -> None:
    for field in fields(TrackRecord):
        assert_array_equal(getattr(first, field.name), getattr(second, field.name))


def test_parameters_survive_being_recorded() -> None:
    params = ScoringParams(fee_rate=0.04, resamples=99, rank_by=RankBy.EDGE)

    assert ScoringParams.from_recorded(params.recorded()) == params
    assert ScoringParams.from_recorded({"source": "elsewhere"}) == ScoringParams()


def test_an_empty_shard_is_a_shard() -> None:
    assert decode(encode([], frozenset())) == ([], set())
    (one,), cut_off = decode(encode([no_record("a")], frozenset({"a"})))
    same(one, no_record("a"))
    assert cut_off == {"a"}


@pytest.mark.parametrize("count", [1, 5])
def test_shards_together_are_the_whole(tmp_path: Path, count: int) -> None:
    store, season = season_store(tmp_path, 7)
    params = ScoringParams(resamples=199)
    at = season.window_start
    shards = [score_shard(store.root, Shard(n, count), as_of=at, params=params.recorded()) for n in range(count)]
    together = score_together([shard.blob for shard in shards], as_of=at, params=params.recorded(), seed=3)
    whole = discover(store, as_of=at, params=params, rng=np.random.default_rng(3), controls=False)

    assert sum(shard.wallets for shard in shards) == whole.wallets
    assert together.funnel == whole.result.funnel
    assert {p.wallet: p.edge for p in together.roster} == pytest.approx(
        {p.wallet: p.edge for p in whole.result.roster}
    )
    for wallet, found in whole.result.evidence.items():
        same(together.evidence[wallet].record, found.record)


def test_an_empty_store_has_empty_shards(tmp_path: Path) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    shard = score_shard(ResearchStore(tmp_path).root, Shard(0, 2), as_of=at, params=ScoringParams().recorded())

    assert shard.wallets == 0
    assert score_together([shard.blob], as_of=at, params={}, seed=0).roster == ()
