"""The research store: trades and results on disk, read as they were known at an instant."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from remora.research.batches import Manifest, StoreDamaged, committed
from remora.research.queries import configured, frame, quoted, rows, scalar
from remora.research.tables import BUCKET_SQL, BUCKETS, empty_sql

TRADE_COLUMNS = (
    *('"at"', "known_at", "wallet", "condition_id", "outcome_index", "event_id", "side", "price", "size"),
    *("fee_rate", "category", "transaction_hash", "basis"),
)


COPY_WINDOW = timedelta(minutes=10)
"""A trade that follows later than this says nothing about what a copier could have paid."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `number` of `count` of all wallets."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.count <= BUCKETS:
            raise ValueError(
                f"expected a shard number below a count of at most {BUCKETS}, were {self.number} and {self.count}"
            )

    def buckets(self) -> tuple[int, int]:
        """Return the first and the last bucket."""
        return BUCKETS * self.number // self.count, BUCKETS * (self.number + 1) // self.count - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was known at `as_of`, in the form that :func:`remora.statistics.scoring.score_wallets` reads.

    `wallets` are all that were seen by then, in order, also those without a trade that can be used.
    `incomplete` are wallets whose history is known to be cut off, or not known to be whole. `left_out` counts
    rows that contradict their market, by reason.
    """

    as_of: datetime
    wallets: tuple[str, ...]
    trades: pd.DataFrame
    resolutions: pd.DataFrame
    incomplete: frozenset[str]
    left_out: Mapping[str, int] = field(default_factory=dict)


class ResearchStore:
    """A directory of Parquet files; readers see only batches that are complete."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a connection with a view for each table; raise StoreDamaged when a file is missing."""
        connection = configured(spill=str(self.root / "spill"), threads=1)
        manifests = list(committed(self.root))
        for table in ("trades", "positions", "markets", "resolutions", "coverage"):
            self._view(connection, table, manifests)
        connection.execute(_RESOLVED)
        connection.execute(_LISTED)
        return connection

    def _view(self, connection: duckdb.DuckDBPyConnection, table: str, manifests: list[Manifest]) -> None:
        files = [str(self.root / name) for m in manifests for name in m.parts if name.startswith(f"{table}/")]
        missing = [name for name in files if not Path(name).exists()]
        if missing:
            raise StoreDamaged(
                f"{missing[0]}: expected a part of the store, found nothing; import its source again"
            )
        listed = ", ".join(map(quoted, files))
        source = f"SELECT * FROM read_parquet([{listed}])" if files else empty_sql(table)
        if table == "trades" and len({m.batch for m in manifests if m.rows("trades")}) > 1:
            source = _once(source)
        connection.execute(f"CREATE VIEW {table} AS {source}")

    def evidence(
        self,
        *,
        as_of: datetime,
        shard: Shard | None = None,
        wallets: Collection[str] | None = None,
        latency: timedelta | None = None,
    ) -> Evidence:
        """Return what was known at `as_of` of all wallets, of a shard, or of those named.

        With a `latency` each fill carries a `copy_price`: what anybody traded its outcome at first, that much
        later, within `COPY_WINDOW`; NaN where nobody did.
        """
        with self.connect() as connection:
            where, values = ["true"], dict[str, Any](now=_micros(as_of))
            if shard is not None:
                where.append("bucket BETWEEN $first AND $last")
                values["first"], values["last"] = shard.buckets()
            if wallets is not None:
                where.append("wallet = ANY($wallets)")
                values["wallets"] = [wallet.lower() for wallet in wallets]
            connection.execute(f"CREATE TEMP TABLE seen AS {_SEEN.format(where=' AND '.join(where))}", values)
            connection.execute(
                f"CREATE TEMP TABLE universe AS {_UNIVERSE.format(where=' AND '.join(where))}", values
            )
            trades = frame(connection, *_trades_query(latency, int(values["now"])))
            flaws = rows(connection, "SELECT flaw, count(*) FROM seen WHERE flaw IS NOT NULL GROUP BY flaw")
            results = frame(connection, _RESULTS, {"now": values["now"]})
            results["payouts"] = list(zip(results.pop("payout_first"), results.pop("payout_second"), strict=True))
            gone = rows(connection, _INCOMPLETE)
            everybody = rows(connection, "SELECT wallet FROM universe ORDER BY wallet")
        return Evidence(
            as_of=as_of,
            trades=trades,
            resolutions=results,
            wallets=tuple(str(row[0]) for row in everybody),
            incomplete=frozenset(str(row[0]) for row in gone),
            left_out={str(flaw): int(count) for flaw, count in flaws},
        )

    def later_prices(self, *, as_of: datetime, wallet: str, after: timedelta) -> pd.DataFrame:
        """Return for each fill of a wallet the last price of its outcome within `after`, by anybody; else NaN.

        Columns: at, condition_id, outcome_index, event_id, side, price, size, fee_rate (NaN if unknown), later,
        before_end_s (seconds until the market's end, NaN if unknown).
        """
        values: dict[str, Any] = {"now": _micros(as_of), "after": round(after.total_seconds() * 1e6)}
        with self.connect() as connection:
            wanted = _SEEN.format(where="wallet = $wallet")
            connection.execute(
                f"CREATE TEMP TABLE seen AS {wanted}", {"now": values["now"], "wallet": wallet.lower()}
            )
            return frame(connection, _LATER, values)

    def purchases(self, *, as_of: datetime, most: int) -> pd.DataFrame:
        """Return the newest purchases whose results were known at `as_of`, at most so many.

        Columns: at, wallet, condition_id, outcome_index, event_id, category, price, size, paid (dollars a share),
        result_known_at, ends_at (NaT if unknown).
        """
        values = {"now": _micros(as_of), "most": most}
        with self.connect() as connection:
            return frame(connection, _PURCHASES.format(seen=_SEEN.format(where="t.side = 'BUY'")), values)

    def count_wallets(self, *, as_of: datetime | None = None) -> int:
        """Return how many wallets were seen by `as_of`, without it how many there are."""
        everything = _FAR if as_of is None else _micros(as_of)
        with self.connect() as connection:
            query = f"SELECT count(*) FROM ({_UNIVERSE.format(where='true')})"
            return int(scalar(connection, query, {"now": everything}))

    def wallets(self) -> list[str]:
        """Return every wallet in the store, in order."""
        with self.connect() as connection:
            query = f"SELECT wallet FROM ({_UNIVERSE.format(where='true')}) ORDER BY wallet"
            return [str(row[0]) for row in rows(connection, query, {"now": _FAR})]

    def market_ends(self) -> dict[str, datetime]:
        """Return when each market ends, of those that say so."""
        with self.connect() as connection:
            found = rows(connection, "SELECT condition_id, epoch(ends_at) FROM listed WHERE ends_at IS NOT NULL")
        return {str(market): datetime.fromtimestamp(seconds, tz=UTC) for market, seconds in found}

    def questions(self, condition_ids: Collection[str]) -> dict[str, str]:
        """Return the question of each market that has one."""
        with self.connect() as connection:
            found = rows(
                connection,
                "SELECT condition_id, question FROM listed "
                "WHERE condition_id = ANY($ids) AND question IS NOT NULL",
                {"ids": list(condition_ids)},
            )
        return {str(condition): str(question) for condition, question in found}


def _trades_query(latency: timedelta | None, now: int) -> tuple[str, dict[str, Any]]:
    plain = f"SELECT {', '.join(TRADE_COLUMNS)} FROM seen WHERE flaw IS NULL"
    if latency is None:
        return plain, {}
    values = {"now": now, "latency": round(latency.total_seconds() * 1e6), "window": COPY_WINDOW.total_seconds()}
    return _COPY.format(columns=", ".join(f"s.{name}" for name in TRADE_COLUMNS), plain=plain), values


def _once(source: str) -> str:
    """Return each trade once: what several batches report counts as often as the batch that reports it most."""
    return f"""
        SELECT * EXCLUDE (copy) FROM (
            SELECT *, row_number() OVER (PARTITION BY batch, {_KEY}) AS copy FROM ({source})
        ) QUALIFY row_number() OVER (PARTITION BY copy, {_KEY} ORDER BY known_at, batch) = 1"""


_KEY = "wallet, condition_id, happened_at, transaction_hash, outcome_index, side, price, size"

# the price of the first outcome at every fill that anybody made
_COPY = """
    WITH prints AS (
        SELECT condition_id, happened_at, CASE WHEN outcome_index = 0 THEN price ELSE 1 - price END AS first
        FROM trades WHERE basis = 'fill' AND side IN ('BUY', 'SELL') AND known_at <= to_timestamp($now / 1e6)
            AND condition_id IN (SELECT condition_id FROM seen)),
    s AS (SELECT *, "at" + to_microseconds($latency) AS there FROM ({plain}))
    SELECT {columns}, CASE WHEN s.basis = 'fill' AND s.side IN ('BUY', 'SELL')
        AND epoch(n.happened_at) - epoch(s.there) <= $window
        THEN CASE WHEN s.outcome_index = 0 THEN n.first ELSE 1 - n.first END END AS copy_price
    FROM s ASOF LEFT JOIN prints n ON s.condition_id = n.condition_id AND s.there <= n.happened_at"""

_LATER = """
    WITH prints AS (
        SELECT condition_id, happened_at, CASE WHEN outcome_index = 0 THEN price ELSE 1 - price END AS first
        FROM trades WHERE basis = 'fill' AND side IN ('BUY', 'SELL') AND known_at <= to_timestamp($now / 1e6)
            AND condition_id IN (SELECT condition_id FROM seen)),
    s AS (SELECT *, "at" + to_microseconds($after) AS until FROM seen
          WHERE flaw IS NULL AND side IN ('BUY', 'SELL'))
    SELECT s."at", s.condition_id, s.outcome_index, s.event_id, s.side, s.price, s.size, s.fee_rate,
        s.category, CASE WHEN n.happened_at > s."at" AND s.until <= to_timestamp($now / 1e6)
             THEN CASE WHEN s.outcome_index = 0 THEN n.first ELSE 1 - n.first END END AS later,
        epoch(m.ends_at) - epoch(s."at") AS before_end_s
    FROM s ASOF LEFT JOIN prints n ON s.condition_id = n.condition_id AND s.until >= n.happened_at
    LEFT JOIN listed m ON m.condition_id = s.condition_id"""

_PURCHASES = """
    SELECT s."at", s.wallet, s.condition_id, s.outcome_index, s.event_id, s.category, s.price, s.size,
        CASE WHEN s.outcome_index = 0 THEN p.payout_first ELSE p.payout_second END AS paid,
        p.known_at AS result_known_at, m.ends_at
    FROM ({seen}) s JOIN resolved($now) p USING (condition_id) LEFT JOIN listed m USING (condition_id)
    WHERE s.flaw IS NULL
    ORDER BY s."at" DESC, s.wallet, s.condition_id, s.outcome_index, s.price, s.size LIMIT $most"""

_FAR = 32_503_680_000 * 10**6

_LISTED = """
    CREATE VIEW listed AS SELECT condition_id,
        arg_max(question, known_at) AS question, arg_max(event_id, known_at) AS event_id,
        arg_max(category, known_at) AS category, arg_max(fee_rate, known_at) AS fee_rate,
        arg_max(opened_at, known_at) AS opened_at, arg_max(ends_at, known_at) AS ends_at
    FROM markets GROUP BY condition_id"""

# the newest result counts, one with a time of its own before one that was only seen in a snapshot
_RESOLVED = """
    CREATE MACRO resolved(now) AS TABLE SELECT condition_id,
        arg_max(happened_at, rank) AS happened_at, arg_max(known_at, rank) AS known_at,
        arg_max(payout_first, rank) AS payout_first, arg_max(payout_second, rank) AS payout_second,
        arg_max(basis, rank) AS basis
    FROM (SELECT *, (basis = 'settled', epoch_us(known_at), batch) AS rank FROM resolutions
          WHERE known_at <= to_timestamp(now / 1e6))
    GROUP BY condition_id"""

_RESULTS = 'SELECT condition_id, known_at AS "at", payout_first, payout_second FROM resolved($now)'

_SEEN = """
    SELECT t.happened_at AS "at", t.known_at, t.wallet, t.condition_id, t.outcome_index,
        coalesce(t.event_id, m.event_id, t.condition_id) AS event_id, t.side, t.price, t.size,
        coalesce(t.fee_rate, m.fee_rate) AS fee_rate,
        coalesce(t.category, m.category, '') AS category, t.transaction_hash, t.basis,
        CASE WHEN t.happened_at < m.opened_at THEN 'before_market_opened'
             WHEN r.basis = 'settled' AND t.happened_at > r.happened_at THEN 'after_resolution' END AS flaw
    FROM trades t LEFT JOIN listed m USING (condition_id) LEFT JOIN resolved($now) r USING (condition_id)
    WHERE t.known_at <= to_timestamp($now / 1e6) AND {where}"""

_UNIVERSE = f"""
    SELECT DISTINCT wallet FROM (
        SELECT wallet, known_at, bucket FROM trades UNION ALL
        SELECT wallet, known_at, {BUCKET_SQL} AS bucket FROM positions
    ) WHERE known_at <= to_timestamp($now / 1e6) AND {{where}}"""

_INCOMPLETE = """
    SELECT wallet FROM universe WHERE wallet NOT IN (SELECT wallet FROM coverage WHERE complete)"""


def _micros(at: datetime) -> int:
    if at.tzinfo is None:
        raise ValueError(f"as_of must be timezone-aware, was {at}")
    return round(at.timestamp() * 1e6)
