"""Contracts of the venue that write what we read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """Lower-case addresses: exchanges log executed orders, share contracts log transfers."""

    exchanges: frozenset[str]
    shares: frozenset[str]
