"""Writing to the research store: a batch is visible once its manifest is complete, and can be resumed before."""

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from remora.research.queries import quoted, scalar
from remora.research.tables import COLUMNS

OPEN, DONE = ".open.json", ".json"
ROW_GROUP = 20_000
"""Rows between which readers can skip: small, because shards read ranges of buckets."""


class StoreDamaged(Exception):
    """A file of the store is missing, unreadable or not what its manifest says."""


@dataclass(slots=True, kw_only=True)
class Manifest:
    """What a batch holds.

    `parts` gives the rows of each file by name, `rejected` counts rows left out by reason, `notes` counts what
    was kept but is worth knowing, `marks` are how far each unit of work (a chunk, a wallet) has got.
    """

    batch: str
    source: str
    started_at: str
    finished_at: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    marks: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Return the manifest in a file; raise StoreDamaged when it is none."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            rejected, notes = Counter(found.pop("rejected")), Counter(found.pop("notes"))
            return cls(**found, rejected=rejected, notes=notes)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreDamaged(
                f"{path}: expected a manifest, found {error}; remove it and import again"
            ) from error

    def rows(self, table: str) -> int:
        """Return how many rows of a table the batch holds."""
        return sum(rows for name, rows in self.parts.items() if name.startswith(f"{table}/"))


class Batch:
    """One import or pull: parts are written one after another, then everything becomes visible at once."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self._root = root
        self.manifest = manifest

    @classmethod
    def begin(cls, root: Path, batch: str, *, source: str, started_at: str) -> "Batch":
        """Start a batch, or go on with one that was interrupted."""
        path = root / "batches" / f"{batch}{OPEN}"
        if path.exists():
            return cls(root, Manifest.read(path))
        begun = cls(root, Manifest(batch=batch, source=source, started_at=started_at))
        begun.save()
        return begun

    def write(self, connection: duckdb.DuckDBPyConnection, table: str, query: str, *, number: int) -> int:
        """Write the result of `query` as part `number` of a table and return its rows; no rows, no part."""
        name = f"{table}/{self.manifest.batch}-{number:05d}.parquet"
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        order = "ORDER BY bucket, wallet, condition_id, happened_at" if table == "trades" else ""
        columns = ", ".join(f"CAST({column} AS {kind}) AS {column}" for column, kind in COLUMNS[table].items())
        # the names are ours; the draft's path is quoted
        connection.execute(
            f"COPY (SELECT {columns} FROM ({query}) {order}) TO {quoted(draft)} "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )
        counted = int(scalar(connection, f"SELECT count(*) FROM read_parquet({quoted(draft)})"))
        if counted:
            draft.replace(path)
            self.manifest.parts[name] = counted
        else:
            draft.unlink()
        return counted

    def save(self) -> None:
        """Keep how far the batch has got."""
        _write(self._root / "batches" / f"{self.manifest.batch}{OPEN}", self.manifest)

    def commit(self, finished_at: str) -> None:
        """Make everything visible."""
        self.manifest.finished_at = finished_at
        _write(self._root / "batches" / f"{self.manifest.batch}{DONE}", self.manifest)
        with contextlib.suppress(FileNotFoundError):
            (self._root / "batches" / f"{self.manifest.batch}{OPEN}").unlink()


def committed(root: Path) -> Iterator[Manifest]:
    """Yield the manifests of all visible batches, by name."""
    for path in sorted((root / "batches").glob(f"*{DONE}")):
        if not path.name.endswith(OPEN):
            yield Manifest.read(path)


def unfinished(root: Path) -> Iterator[Manifest]:
    """Yield the manifests of batches that were begun and not finished."""
    for path in sorted((root / "batches").glob(f"*{OPEN}")):
        yield Manifest.read(path)


def is_committed(root: Path, batch: str) -> bool:
    """Tell whether a batch is visible."""
    return (root / "batches" / f"{batch}{DONE}").exists()


def _write(path: Path, manifest: Manifest) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.draft")
    values: Mapping[str, Any] = {name: getattr(manifest, name) for name in Manifest.__slots__}
    with draft.open("w", encoding="utf-8") as stream:
        json.dump(values, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
