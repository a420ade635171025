"""What followed wallets do on a tape, as signals that are seen some seconds later; for the nautilus_trader run."""

# mypy: ignore-errors

from collections.abc import Callable, Iterator

import numpy as np

MERGE, TRADE = 2, 0
DRAWS = 256


def signals_of(tape: dict) -> list:
    """Return (at, market, outcome, whale, buys, price, shares, held, held of the other outcome) in order of time.

    What a wallet does in one token on one side within one second is one signal.
    """
    mine = np.flatnonzero(np.isin(tape["wallet"], tape["followed"]) & (tape["kind"] == TRADE))
    columns = (
        tape[name][mine].tolist() for name in ("at", "wallet", "market", "outcome", "side", "price", "size")
    )
    bursts = {}
    for at, wallet, market, outcome, side, price, size in zip(*columns, strict=True):
        bursts.setdefault((at, wallet, market, outcome, side), []).append((price, size))
    held, short, signals = {}, set(), []
    for (at, wallet, market, outcome, side), fills in bursts.items():
        shares = sum([size for _, size in fills])
        price = fills[0][0] if len(fills) == 1 else sum([price * size for price, size in fills]) / shares
        key, other = (wallet, market, outcome), (wallet, market, 1 - outcome)
        before = held.get(key, 0.0)
        after = before + shares if side > 0 else before - shares
        if after < -0.01 * shares - 0.01:
            short.add(key)
        held[key] = max(0.0, after)
        known = None if key in short else before
        against = None if other in short else held.get(other, 0.0)
        signals.append((at, market, outcome, wallet, side > 0, price, shares, known, against))
    return signals


def latencies(policy: dict) -> tuple:
    """Return a draw of both parts of the latency for entries, and an endless one for exits."""
    seeds = np.random.default_rng([policy["seed"]]).integers(0, 2**63, 3)
    entries, exits = np.random.default_rng(seeds[0]), np.random.default_rng(seeds[2])
    return lambda count: _draw(policy, count, entries), _endless(policy, exits)


def delayed(signals: list, policy: dict, draw: Callable) -> list:
    """Return signals as (seen at, sent after, ...) of the period."""
    chosen = [one for one in signals if policy["start"] <= one[0] < policy["end"]]
    seen, sent = draw(len(chosen))
    return [(one[0] + d, o, *one[1:]) for one, d, o in zip(chosen, seen, sent, strict=True)]


def _draw(policy: dict, count: int, rng: np.random.Generator) -> Iterator:
    shares = rng.random((count, 2))
    return (
        np.interp(shares[:, part], np.linspace(0.0, 1.0, len(values)), values).tolist()
        for part, values in enumerate((policy["detection"], policy["order"]))
    )


def _endless(policy: dict, rng: np.random.Generator) -> Iterator:
    while True:
        yield from zip(*_draw(policy, DRAWS, rng), strict=True)
