"""Asking DuckDB: whole results only, since an unread rest would block the connection."""

from collections.abc import Mapping
from typing import Any

import duckdb
import pandas as pd

MEMORY = "400MB"


def configured(*, spill: str, threads: int = 2) -> duckdb.DuckDBPyConnection:
    """Return a connection in UTC that keeps at most `MEMORY` and spills the rest into a directory."""
    connection = duckdb.connect(config={"memory_limit": MEMORY, "threads": threads, "temp_directory": spill})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    return connection


def rows(
    connection: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    found: list[tuple[Any, ...]] = connection.execute(query, dict(values) if values else None).fetchall()
    return found


def scalar(connection: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, Any] | None = None) -> Any:
    """Return the first column of the first row of a query that has one."""
    return rows(connection, query, values)[0][0]


def frame(
    connection: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Return a query's result as a table; times are aware of UTC."""
    relation = connection.sql(query, params=dict(values)) if values else connection.sql(query)
    table: pd.DataFrame = relation.to_arrow_table().to_pandas()
    return table


def quoted(text: object) -> str:
    """Return a text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"
