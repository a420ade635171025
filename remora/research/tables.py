"""Columns of the research store, as DuckDB types; facts carry when they happened and when they were known."""

from collections.abc import Mapping
from typing import Final

INSTANT: Final = "TIMESTAMP WITH TIME ZONE"

COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "trades": {
        "happened_at": INSTANT,
        "known_at": INSTANT,
        "wallet": "VARCHAR",
        "condition_id": "VARCHAR",
        "outcome_index": "TINYINT",
        "event_id": "VARCHAR",
        "side": "VARCHAR",
        "price": "DOUBLE",
        "size": "DOUBLE",
        "fee_rate": "DOUBLE",
        "category": "VARCHAR",
        "transaction_hash": "VARCHAR",
        "basis": "VARCHAR",
        "bucket": "SMALLINT",
        "batch": "VARCHAR",
    },
    "positions": {
        "happened_at": INSTANT,
        "known_at": INSTANT,
        "wallet": "VARCHAR",
        "condition_id": "VARCHAR",
        "outcome_index": "TINYINT",
        "event_id": "VARCHAR",
        "entry_price": "DOUBLE",
        "bought": "DOUBLE",
        "sold": "DOUBLE",
        "fills": "BIGINT",
        "batch": "VARCHAR",
    },
    "markets": {
        "condition_id": "VARCHAR",
        "question": "VARCHAR",
        "slug": "VARCHAR",
        "event_id": "VARCHAR",
        "category": "VARCHAR",
        "fee_rate": "DOUBLE",
        "opened_at": INSTANT,
        "ends_at": INSTANT,
        "known_at": INSTANT,
        "batch": "VARCHAR",
    },
    "resolutions": {
        "happened_at": INSTANT,
        "known_at": INSTANT,
        "condition_id": "VARCHAR",
        "payout_first": "DOUBLE",
        "payout_second": "DOUBLE",
        "basis": "VARCHAR",
        "batch": "VARCHAR",
    },
    "coverage": {
        "wallet": "VARCHAR",
        "complete": "BOOLEAN",
        "reason": "VARCHAR",
        "through": INSTANT,
        "known_at": INSTANT,
        "batch": "VARCHAR",
    },
}
"""Columns by table.

`basis` says how good a row is. Trades: ``fill`` is one fill, ``mean`` several fills at their mean price, known
once the last was; ``entry_only`` is an entry whose sale has no known price. Resolutions: ``settled`` has its own
time, ``snapshot`` was only known when the source was taken.
"""

BUCKETS: Final = 4096
"""Buckets of wallets, by the last three hexadecimal digits of the address; shards are ranges of them."""

BUCKET_SQL: Final = "coalesce(try_cast('0x' || right(wallet, 3) AS SMALLINT), 0)"
"""The bucket of a column `wallet`."""


def empty_sql(table: str) -> str:
    """Return a query that has the columns of a table and no rows."""
    columns = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in COLUMNS[table].items())
    return f"SELECT {columns} WHERE false"
