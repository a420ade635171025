"""Resampling in blocks, by sums: a Sharpe ratio needs only the sums of x and x squared."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from remora.statistics.arrays import Floats, finite_vector

CHUNK = 32_000
"""Block sums held at once: few enough to stay in the cache of a processor, which is half of the time."""

ROUNDING = 1e-12
"""Share of a sum of squares that is rounding alone: a resample that repeats one block has no other spread."""


def block_size(n: int) -> int:
    """Return the default length of a block, ``max(1, round(n ** (1/3)))``."""
    return max(1, round(math.cbrt(n)))


def check_resampling(n: int, *, resamples: int, block: int) -> None:
    """Raise ValueError unless `n` observations give at least two blocks and there is a resample."""
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, was {resamples}")
    if not 1 <= block <= n // 2:
        raise ValueError(f"block must lie in [1, {n // 2}] for {n} observations, was {block}")


def sharpe_block_t(returns: ArrayLike, *, resamples: int, block: int, rng: np.random.Generator) -> Floats:
    """Return the studentised errors ``(SR* - SR) / se*`` of circular-block resamples (Ledoit and Wolf 2008).

    The remainder of n modulo `block` is left out of every resample. A resample without any variation has no
    Sharpe ratio and is left out; ValueError is raised when none is left, or when the returns do not vary.
    """
    series = finite_vector(returns, name="returns", at_least=4)
    check_resampling(series.size, resamples=resamples, block=block)
    deviation = series.std()
    if deviation == 0.0:
        raise ValueError("returns must vary, were constant")
    drawing = _Drawing.of(series / deviation, block, resamples)
    errors = np.concatenate([drawing.errors(rows, rng) for rows in drawing.chunks(resamples)])
    if errors.size == 0:
        raise ValueError("no resample varied: the returns hold too few different values")
    return errors


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Sums of all blocks of a series of deviation 1, centred; and room for those that a chunk draws.

    With the sums ``a`` of x and ``q`` of x squared of the blocks drawn, mean and deviation need their totals, and
    the studentising error the totals of ``a a``, ``a q`` and ``q q``: no array as large as the chunk is made.
    """

    first: Floats
    second: Floats
    middle: tuple[float, float]
    ratio: float
    block: int
    room: tuple[Floats, Floats]

    @classmethod
    def of(cls, series: Floats, block: int, resamples: int) -> "_Drawing":
        first, second = circular_block_sums(series, block), circular_block_sums(series**2, block)
        middle = float(first.mean()), float(second.mean())
        blocks = series.size // block
        shape = min(resamples, max(1, CHUNK // blocks)), blocks
        room = np.empty(shape), np.empty(shape)
        ratio = float(series.mean() / series.std())
        return cls(first - middle[0], second - middle[1], middle, ratio, block, room)

    def chunks(self, resamples: int) -> Iterator[int]:
        """Yield how many resamples to draw at once."""
        most = self.room[0].shape[0]
        return (min(most, resamples - done) for done in range(0, resamples, most))

    def errors(self, resamples: int, rng: np.random.Generator) -> Floats:
        """Draw resamples and return the studentised error of each that varies."""
        a, q = (array[:resamples] for array in self.room)
        blocks = a.shape[1]
        start = rng.integers(0, self.first.size, a.shape)
        # starts lie within the series by construction: clipping only spares the check of each
        np.take(self.first, start, out=a, mode="clip")
        np.take(self.second, start, out=q, mode="clip")
        ones, used = np.ones(blocks), blocks * self.block
        total_a, total_q = a @ ones, q @ ones
        power_a, both, power_q = (np.einsum("ij,ij->i", x, y) for x, y in ((a, a), (a, q), (q, q)))
        mean, square = total_a / used + self.middle[0] / self.block, total_q / used + self.middle[1] / self.block
        variance = square - mean**2
        spread = (
            square**2 * (power_a - total_a**2 / blocks)
            - square * mean * (both - total_a * total_q / blocks)
            + 0.25 * mean**2 * (power_q - total_q**2 / blocks)
        )
        usable = (variance > 1e-12) & (spread > ROUNDING * (square**2 * power_a + 0.25 * mean**2 * power_q))
        variance, spread, mean = variance[usable], spread[usable], mean[usable]
        errors: Floats = (mean / np.sqrt(variance) - self.ratio) * used / np.sqrt(spread / variance**3)
        return errors


def circular_block_sums(series: Floats, block: int) -> Floats:
    """Return, for each start, the sum of `block` values from there on, continued at the beginning."""
    running = np.concatenate([[0.0], np.cumsum(np.concatenate([series, series[: block - 1]]))])
    sums: Floats = running[block:] - running[:-block]
    return sums
