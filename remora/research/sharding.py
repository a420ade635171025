"""Scoring in shards: each gives the records of its wallets as bytes, all together give the roster."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from remora.research.store import ResearchStore, Shard
from remora.statistics.arrays import Floats
from remora.statistics.scoring import ScoringResult, score_records, wallet_records
from remora.statistics.scoring_params import ScoringParams
from remora.statistics.track_record import TrackRecord, no_record

SERIES = ("returns", "daily")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRecords:
    """What a shard found: records as compressed Arrow, and rows that could not be used by reason."""

    blob: bytes
    wallets: int
    left_out: Mapping[str, int]


def score_shard(root: Path, shard: Shard, *, as_of: datetime, params: Mapping[str, Any]) -> ShardRecords:
    """Return the records of a shard's wallets; runs in a process of its own."""
    policy = ScoringParams.from_recorded(params)
    evidence = ResearchStore(root).evidence(as_of=as_of, shard=shard, latency=policy.latency)
    found, rejected = wallet_records(evidence.trades, evidence.resolutions, as_of=as_of, params=policy)
    records = [found.get(wallet) or no_record(wallet) for wallet in evidence.wallets]
    left_out = Counter(evidence.left_out)
    left_out["unusable"] += rejected
    return ShardRecords(
        blob=encode(records, evidence.incomplete),
        wallets=len(records),
        left_out={reason: count for reason, count in left_out.items() if count},
    )


def score_together(
    blobs: Sequence[bytes], *, as_of: datetime, params: Mapping[str, Any], seed: int
) -> ScoringResult:
    """Return the result from the records of all shards."""
    records: dict[str, TrackRecord] = {}
    incomplete: set[str] = set()
    for blob in blobs:
        found, cut_off = decode(blob)
        records |= {record.wallet: record for record in found}
        incomplete |= cut_off
    return score_records(
        dict(sorted(records.items())),
        as_of=as_of,
        params=ScoringParams.from_recorded(params),
        rng=np.random.default_rng(seed),
        incomplete=frozenset(incomplete),
    )


def encode(records: Sequence[TrackRecord], incomplete: frozenset[str]) -> bytes:
    """Return records as a compressed Arrow stream; what :func:`decode` reads."""
    columns: dict[str, Any] = {
        field.name: [getattr(record, field.name) for record in records] for field in fields(TrackRecord)
    }
    schema = pa.schema(
        [
            ("wallet", pa.string()),
            *((name, pa.int64()) for name in ("trades", "closed_events", "open_events", "wins")),
            ("complete", pa.bool_()),
            *((name, pa.list_(pa.float64())) for name in SERIES),
            *(
                (field.name, pa.float64())
                for field in fields(TrackRecord)
                if field.name
                not in {"wallet", "trades", "closed_events", "open_events", "wins", "complete", *SERIES}
            ),
            ("cut_off", pa.bool_()),
        ]
    )
    columns["cut_off"] = [record.wallet in incomplete for record in records]
    table = pa.Table.from_pydict(columns, schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    blob: bytes = sink.getvalue().to_pybytes()
    return blob


def decode(blob: bytes) -> tuple[list[TrackRecord], set[str]]:
    """Return the records, and the wallets whose histories are not whole."""
    with pa.ipc.open_stream(blob) as reader:
        table = reader.read_all().combine_chunks()
    series = {name: _slices(table.column(name)) for name in SERIES}
    rows = table.drop_columns(list(SERIES)).to_pylist()
    incomplete = {row["wallet"] for row in rows if row.pop("cut_off")}
    for number, row in enumerate(rows):
        row.update({name: values[number] for name, values in series.items()})
    return [TrackRecord(**row) for row in rows], incomplete


def _slices(column: pa.ChunkedArray) -> list[Floats]:
    """Return the lists of a column as views of one array."""
    found: list[Floats] = []
    for chunk in column.chunks:
        values, offsets = chunk.values.to_numpy(), chunk.offsets.to_numpy()
        found += [values[first:last] for first, last in itertools.pairwise(offsets)]
    return found
