"""Negative controls: what the same machine earns behind random wallets, on the other side, or at another time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from remora.backtest.batch import Batch, whole
from remora.backtest.engine import Roster
from remora.backtest.history import BUY, TRADE, History, instant
from remora.backtest.run import Case, Replayed, replay
from remora.backtest.signals import Seed, SignalReader
from remora.backtest.track import DAY, decimal
from remora.domain.decide import WhaleStanding
from remora.domain.money import ONE, ZERO

RANDOM_DRAWS = 20
SHIFTS_DAYS = (0.25, 1.0, 3.0)
PURCHASES_MIN = 5
"""Wallets that bought less often would make a control that never trades."""


@dataclass(frozen=True, slots=True)
class Disguised:
    """A roster whose wallets stand for others: `real` names whose standing each of ours has."""

    roster: Roster
    real: Mapping[str, str]

    def standing(self, whale: str, at: float) -> WhaleStanding:
        """Return the standing of the wallet that this one stands for."""
        return self.roster.standing(self.real.get(whale, ""), at)


def random_wallets(case: Case, history: History, followed: frozenset[str], draw: int) -> Replayed:
    """Replay behind as many wallets drawn at random from all that bought often enough in the period."""
    prints, spec = history.prints, case.spec
    inside = (prints.at >= spec.start) & (prints.at < spec.end) & (prints.kind == TRADE) & (prints.side == BUY)
    counts = np.bincount(prints.wallet[inside], minlength=len(history.wallets))
    pool = [
        code for code in np.flatnonzero(counts >= PURCHASES_MIN).tolist() if history.wallets[code] not in followed
    ]
    rng = np.random.default_rng([spec.seed, 3, draw])
    chosen = rng.choice(pool, size=min(len(followed), len(pool)), replace=False).tolist() if pool else []
    names = [history.wallets[code] for code in chosen]
    disguise = Disguised(case.roster, dict(zip(names, sorted(followed), strict=False)))
    batch = whole(history, chosen, spread_ticks=spec.spread_ticks)
    return replay(replace(case, roster=disguise, batch=batch), record=False)


def reversed_side(case: Case, history: History, followed: frozenset[str]) -> Replayed:
    """Replay as if each whale had bought the other outcome at the other price."""
    prints = history.prints
    codes = {history.codes[wallet] for wallet in followed if wallet in history.codes}
    mine = np.isin(prints.wallet, np.fromiter(codes, dtype=np.int32, count=len(codes))) & (prints.kind == TRADE)
    turned = replace(
        prints,
        outcome=np.where(mine, 1 - prints.outcome, prints.outcome).astype(np.int8),
        price=np.where(mine, 1.0 - prints.price, prints.price),
    )
    seeds = SignalReader(history.wallets, history.listings, codes).read(turned)
    return replay(replace(case, batch=_with(case.batch, seeds)), record=False)


def shifted(case: Case, days: float) -> Replayed:
    """Replay with every signal `days` later, at the price of then."""
    seeds = []
    for seed in case.batch.seeds:
        at = seed.at + days * DAY
        track = case.batch.tracks[seed.market]
        row = track.index(at)
        price = decimal(round(track.price.item(row), 6))
        signal = replace(
            seed.signal,
            happened_at=instant(at),
            seen_at=instant(at),
            price=min(max(price if seed.outcome == 0 else ONE - price, ZERO), ONE),
        )
        seeds.append(replace(seed, at=at, made=signal))
    return replay(replace(case, batch=_with(case.batch, seeds)), record=False)


def _with(batch: Batch, seeds: list[Seed]) -> Batch:
    return replace(batch, seeds=seeds)
