"""Puts what wallets do on the chain: every transaction hash that any feed shows is one that the chain has."""

from collections.abc import Callable, Sequence
from functools import partial

from remora.domain.ids import ConditionId
from remora.domain.trades import TradeKind
from remora.venues.twin.activity import Activity
from remora.venues.twin.chain import contracts as at
from remora.venues.twin.chain.activity_logs import change_entries, settlement_entries
from remora.venues.twin.chain.blocks import Chain, Transaction
from remora.venues.twin.chain.logs import Entry
from remora.venues.twin.scenario.model import MarketSpec

SpecOf = Callable[[ConditionId], MarketSpec]


class ChainRecorder:
    """Collects the rows of a transaction until its block is made, because makers' logs come before the taker's."""

    def __init__(self, chain: Chain, spec_of: SpecOf) -> None:
        self._chain = chain
        self._spec_of = spec_of
        self._rows: dict[str, list[Activity]] = {}

    def record(self, row: Activity) -> None:
        """Take in one row of the public record."""
        name = row.transaction_hash
        if self._chain.running(name):
            self._chain.add(name, self._entries([row]))
            return
        waiting = self._rows.get(name)
        if waiting is not None:
            waiting.append(row)
        elif self._chain.find(name) is None:
            self._rows[name] = [row]
            spec = self._spec_of(row.condition_id)
            self._chain.submit(
                Transaction(
                    hash=name,
                    sender=at.OPERATOR,
                    to=at.exchange_of(spec.tokens[0], neg_risk=spec.neg_risk),
                    run=partial(self._mined, name),
                )
            )

    def _mined(self, name: str) -> list[Entry]:
        return self._entries(self._rows.pop(name))

    def _entries(self, rows: Sequence[Activity]) -> list[Entry]:
        entries: list[Entry] = []
        for condition in dict.fromkeys(row.condition_id for row in rows):
            spec = self._spec_of(condition)
            mine = [row for row in rows if row.condition_id == condition]
            fills = [row for row in mine if row.kind is TradeKind.TRADE]
            changes = [row for row in mine if row.kind is not TradeKind.TRADE]
            entries += settlement_entries(spec, fills) if fills else []
            entries += change_entries(spec, changes) if changes else []
        return entries
