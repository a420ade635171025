"""Whether the store is whole, and how much of the truth it holds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from remora.research.batches import Manifest, StoreDamaged, committed, unfinished
from remora.research.queries import rows, scalar
from remora.research.store import ResearchStore


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCheck:
    """What a check found.

    `problems` make the store unusable or stale: damaged files, imports that were interrupted. The rest are
    facts: `rows` by table, `rejected` and `notes` by reason over all batches, `flaws` of trades against their
    markets, `wallets` by completeness, `repeated` rows that several batches report. Markets with
    `resolution_conflicts` were resolved more than once and differently, `split_results` paid both sides.
    """

    problems: tuple[str, ...]
    batches: tuple[Mapping[str, Any], ...]
    rows: Mapping[str, int] = field(default_factory=dict)
    first_at: datetime | None = None
    last_at: datetime | None = None
    rejected: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)
    flaws: Mapping[str, int] = field(default_factory=dict)
    wallets: Mapping[str, int] = field(default_factory=dict)
    repeated: int = 0
    resolution_conflicts: int = 0
    split_results: int = 0
    unresolved_after_end: int = 0
    trades_in_unlisted_markets: int = 0

    @property
    def oddities(self) -> dict[str, int]:
        """Return everything that was left out, or kept and is worth knowing, by name: what a report counts."""
        return {
            **{f"left out when read: {reason}": count for reason, count in self.rejected.items()},
            **{f"kept, noted: {note}": count for note, count in self.notes.items()},
            **{f"trades that contradict their market: {flaw}": count for flaw, count in self.flaws.items()},
            "trades that several batches report, counted once": self.repeated,
            "trades in markets of which nothing is known": self.trades_in_unlisted_markets,
            "markets resolved more than once and differently: the newest result counts": self.resolution_conflicts,
            "markets that paid both sides, such as 50/50": self.split_results,
            "markets past their end without a result": self.unresolved_after_end,
        }

    @property
    def whole(self) -> bool:
        """Whether nothing is damaged or unfinished."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {"whole": self.whole, **asdict(self)}


def check_store(store: ResearchStore, *, now: datetime) -> StoreCheck:
    """Read every manifest and the head of every file, and count what is there."""
    try:
        manifests = list(committed(store.root))
        open_ones = list(unfinished(store.root))
    except StoreDamaged as error:
        return StoreCheck(problems=(str(error),), batches=())
    problems = [problem for manifest in manifests for problem in _damage(store, manifest)]
    problems += [
        f"{manifest.source}: begun {manifest.started_at} and not finished; run the same command again"
        for manifest in open_ones
    ]
    listed = tuple(_summary(manifest) for manifest in manifests)
    if any(_damage(store, manifest) for manifest in manifests):
        return StoreCheck(problems=tuple(problems), batches=listed)
    with store.connect() as connection:
        facts = _facts(connection, manifests, now)
    return StoreCheck(problems=tuple(problems), batches=listed, **facts)


def _damage(store: ResearchStore, manifest: Manifest) -> list[str]:
    found = []
    for name, expected in manifest.parts.items():
        try:
            there = pq.read_metadata(store.root / name).num_rows
        except (OSError, pa.ArrowInvalid) as error:
            found.append(
                f"{name}: expected {expected} rows, found {type(error).__name__}; import its source again"
            )
            continue
        if there != expected:
            found.append(f"{name}: expected {expected} rows, found {there}; import its source again")
    return found


def _summary(manifest: Manifest) -> dict[str, Any]:
    tables = sorted({name.split("/")[0] for name in manifest.parts})
    return {
        "batch": manifest.batch,
        "source": manifest.source,
        "finished_at": manifest.finished_at,
        "rows": {table: manifest.rows(table) for table in tables},
        "rejected": dict(manifest.rejected),
        "notes": {note: count for note, count in manifest.notes.items() if count},
    }


def _facts(connection: duckdb.DuckDBPyConnection, manifests: list[Manifest], now: datetime) -> dict[str, Any]:
    instant = {"now": round(now.timestamp() * 1e6)}
    held = {table: int(scalar(connection, f"SELECT count(*) FROM {table}")) for table in _TABLES}
    written = sum(manifest.rows("trades") for manifest in manifests)
    first, last = rows(connection, "SELECT epoch_us(min(happened_at)), epoch_us(max(happened_at)) FROM trades")[0]
    totals: dict[str, dict[str, int]] = {"rejected": {}, "notes": {}}
    for manifest in manifests:
        for name, kept in totals.items():
            for reason, count in getattr(manifest, name).items():
                kept[reason] = kept.get(reason, 0) + count
    return {
        "rows": held,
        "first_at": _instant(first),
        "last_at": _instant(last),
        "rejected": totals["rejected"],
        "notes": {note: count for note, count in totals["notes"].items() if count},
        "flaws": {str(flaw): int(count) for flaw, count in rows(connection, _FLAWS, instant)},
        "wallets": {str(state): int(count) for state, count in rows(connection, _WALLETS)},
        "repeated": written - held["trades"],
        "resolution_conflicts": int(scalar(connection, _CONFLICTS)),
        "split_results": int(scalar(connection, _SPLIT, instant)),
        "unresolved_after_end": int(scalar(connection, _OVERDUE, instant)),
        "trades_in_unlisted_markets": int(scalar(connection, _UNLISTED)),
    }


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else datetime.fromtimestamp(micros / 1e6, tz=UTC)


_TABLES = ("trades", "positions", "markets", "resolutions", "coverage")

_FLAWS = """
    SELECT flaw, count(*) FROM (
        SELECT CASE WHEN t.happened_at < m.opened_at THEN 'before_market_opened'
                    WHEN r.basis = 'settled' AND t.happened_at > r.happened_at THEN 'after_resolution' END AS flaw
        FROM trades t LEFT JOIN listed m USING (condition_id) LEFT JOIN resolved($now) r USING (condition_id)
    ) WHERE flaw IS NOT NULL GROUP BY flaw"""

_WALLETS = """
    SELECT CASE WHEN complete THEN 'complete' ELSE coalesce(reason, 'unknown') END, count(*) FROM (
        SELECT t.wallet, coalesce(bool_or(c.complete), false) AS complete, max(c.reason) AS reason
        FROM (SELECT DISTINCT wallet FROM trades) t LEFT JOIN coverage c USING (wallet) GROUP BY t.wallet
    ) GROUP BY 1 ORDER BY 1"""

_CONFLICTS = """
    SELECT count(*) FROM (SELECT condition_id FROM resolutions GROUP BY condition_id
        HAVING max(payout_first) - min(payout_first) > 1e-6)"""

_SPLIT = "SELECT count(*) FROM resolved($now) WHERE payout_first NOT IN (0, 1)"

_OVERDUE = """
    SELECT count(*) FROM listed m WHERE m.ends_at < to_timestamp($now / 1e6)
        AND m.condition_id IN (SELECT condition_id FROM trades)
        AND m.condition_id NOT IN (SELECT condition_id FROM resolutions)"""

_UNLISTED = """
    SELECT count(*) FROM trades WHERE condition_id NOT IN (SELECT condition_id FROM listed)"""
