"""Rows of results and how they are printed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Row:
    """One measured quantity: where, what, how often, median and 99th percentile in `unit`."""

    where: str
    what: str
    count: int
    p50: float
    p99: float
    unit: str


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile."""
    p50, p99 = np.percentile(np.asarray(values, dtype=np.float64), [50, 99])
    return float(p50), float(p99)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| where | what | n | p50 | p99 | unit |", "|---|---|---:|---:|---:|---|"]
    lines += [
        f"| {row.where} | {row.what} | {row.count} | {row.p50:.1f} | {row.p99:.1f} | {row.unit} |" for row in rows
    ]
    return "\n".join(lines)
