"""Importing recorded Parquet files: in chunks, resumable, every row kept or counted under a reason."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from remora.research.batches import Batch, Manifest, is_committed
from remora.research.formats import Format, UnknownFormat, recognise
from remora.research.queries import configured, rows, scalar
from remora.research.store import ResearchStore

CHUNK = 100_000
VERSION = 1
"""Raised when rows are read differently, so that a file can be imported again."""

Progress = Callable[[int, int], None]
"""Told the rows done and the rows there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What a file does not say of itself.

    `complete`: it holds every trade of its wallets. `event`: all of its markets are one event. `snapshot_at`:
    when it was taken; without it the newest time it mentions.
    """

    complete: bool = False
    event: str | None = None
    snapshot_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did; `repeated` means that the store had this very file already."""

    path: Path
    format: str
    manifest: Manifest
    repeated: bool


def import_file(
    store: ResearchStore, path: Path, options: ImportOptions, *, now: datetime, progress: Progress
) -> Imported:
    """Read one file into the store, going on where an interrupted import of it stopped.

    Raises UnknownFormat for a file that is not Parquet or has the columns of no known kind.
    """
    try:
        source = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnknownFormat(f"{path}: expected a Parquet file, found {error}") from None
    form = recognise(source.schema_arrow.names)
    batch = _identity(path, options)
    if is_committed(store.root, batch):
        manifest = Manifest.read(store.root / "batches" / f"{batch}.json")
        return Imported(path=path, format=form.name, manifest=manifest, repeated=True)
    work = Batch.begin(store.root, batch, source=path.name, started_at=now.isoformat())
    with configured(spill=str(store.root / "spill")) as connection:
        values = {
            "batch": batch,
            "event": options.event,
            "snapshot": _snapshot(path, form, options, now),
            "complete": options.complete,
            "coverage": "whole" if options.complete else "recorded_part",
        }
        work.manifest.facts |= {"format": form.name, "path": str(path.name), "rows": source.metadata.num_rows}
        _take(work, connection, source, form, values, progress)
    work.commit(now.isoformat())
    return Imported(path=path, format=form.name, manifest=work.manifest, repeated=False)


def _take(
    work: Batch,
    connection: duckdb.DuckDBPyConnection,
    source: pq.ParquetFile,
    form: Format,
    values: dict[str, Any],
    progress: Progress,
) -> None:
    total, done = source.metadata.num_rows, 0
    wanted = [name for name in source.schema_arrow.names if name in form.columns | form.optional.keys()]
    for number, found in enumerate(source.iter_batches(batch_size=CHUNK, columns=wanted)):
        if work.manifest.marks.get("chunks", 0) <= number:
            stage(work, connection, pa.Table.from_batches([found]), form, values, number)
            work.manifest.marks["chunks"] = number + 1
            work.save()
        done += found.num_rows
        progress(done, total)


def stage(
    work: Batch,
    connection: duckdb.DuckDBPyConnection,
    table: pa.Table,
    form: Format,
    values: dict[str, Any],
    number: int,
    *,
    only: Collection[str] | None = None,
) -> None:
    """Write the rows of `table` as part `number` of every table of its format, or `only` of some.

    The staged rows stay in the connection's temporary table `staged`.
    """
    connection.register("rows_of_file", table)
    absent = [
        f"CAST(NULL AS {kind}) AS {name}" for name, kind in form.optional.items() if name not in table.schema.names
    ]
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW chunk AS SELECT {', '.join(['*', *absent])} FROM rows_of_file"
    )
    _variables(connection, values)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE staged AS {_bound(form.staged)}")
    for name, query in form.tables.items():
        if only is not None and name not in only:
            continue
        work.write(connection, name, _bound(query), number=number)
    reasons = rows(connection, "SELECT reason, count(*) FROM staged WHERE reason IS NOT NULL GROUP BY reason")
    work.manifest.rejected.update({str(reason): int(count) for reason, count in reasons})
    for note, condition in form.notes.items():
        counted = scalar(connection, f"SELECT count(*) FROM staged WHERE {condition}")
        work.manifest.notes.update({note: int(counted)})
    connection.unregister("rows_of_file")


def _variables(connection: duckdb.DuckDBPyConnection, values: dict[str, Any]) -> None:
    for name, value in values.items():
        connection.execute(f"SET VARIABLE {name} = $value", {"value": value})


def _bound(query: str) -> str:
    """Read what the queries call $name from variables: a COPY takes no parameters."""
    for name in ("batch", "event", "snapshot", "complete", "coverage"):
        query = query.replace(f"${name}", f"getvariable('{name}')")
    return query


def _snapshot(path: Path, form: Format, options: ImportOptions, now: datetime) -> int:
    """Return when the file was taken, in microseconds: as said, or the newest past time that it mentions."""
    if options.snapshot_at is not None:
        return round(options.snapshot_at.timestamp() * 1e6)
    column = {"positions": "last_ts", "trades": "ts"}.get(form.name)
    names = pq.read_schema(path).names
    if column is not None:
        newest = (
            f"max(CASE WHEN CAST({column} AS DOUBLE) BETWEEN 0 AND 32503680000 "
            f"THEN CAST({column} AS DOUBLE) * 1e6 END)"
        )
    elif "closed_time" in names:
        newest = "epoch_us(max(try_cast(closed_time AS TIMESTAMP WITH TIME ZONE)))"
    else:
        newest = "NULL"
    with duckdb.connect() as connection:
        query = f"SELECT {newest} FROM read_parquet($path)"
        found = scalar(connection, query, {"path": str(path)})
    limit = round(now.timestamp() * 1e6)
    return limit if found is None else min(round(float(found)), limit)


def _identity(path: Path, options: ImportOptions) -> str:
    digest = hashlib.sha256(f"{VERSION}|{options}".encode())
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return f"import-{digest.hexdigest()[:20]}"
