"""Read recorded trades from Parquet: keep what the venue could have printed, count what it could not."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from remora.domain.ids import WalletAddress
from remora.domain.money import MICRO, ONE, Side

REQUIRED = ("ts", "wallet", "market", "outcome_index", "side", "price", "size")
OPTIONAL = ("outcome", "title", "slug", "tx", "kind", "winner_index", "end_at")
SIZE_MAX = 10_000_000.0
"""Shares in one fill beyond which a row is a mistake: more than any market has ever held on one side."""

_BEYOND_ANY_SIZE = 1e15
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_EARLIEST = datetime(2018, 1, 1, tzinfo=UTC).timestamp()
_LATEST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


class TapeError(Exception):
    """A tape cannot be played; the message says what was expected, what was found and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeRow:
    """One recorded fill that the venue could have printed."""

    at: datetime
    wallet: WalletAddress
    market: str
    outcome_index: int
    outcome: str | None
    side: Side
    price: Decimal
    size: Decimal
    transaction_hash: str | None
    title: str | None
    slug: str | None
    winner_index: int | None
    end_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """The kept rows by time, how many were kept out and why, and what a reader should know."""

    rows: tuple[TapeRow, ...]
    rejected: Mapping[str, int]
    notices: tuple[str, ...]


def read_tape(path: Path) -> Tape:
    """Read `path`; raise TapeError if it cannot be played at all."""
    table = _table(path)
    missing = [name for name in REQUIRED if name not in table.column_names]
    if missing:
        raise TapeError(
            f"tape {path} lacks the columns {', '.join(missing)}; expected at least {', '.join(REQUIRED)}, "
            f"found {', '.join(table.column_names) or 'none'}"
        )
    rejected: Counter[str] = Counter()
    rows: list[TapeRow] = []
    for record in _records(table):
        parsed = _parse(record)
        if isinstance(parsed, str):
            rejected[parsed] += 1
        else:
            rows.append(parsed)
    if not rows:
        found = ", ".join(f"{reason} {count}" for reason, count in sorted(rejected.items())) or "no rows"
        raise TapeError(f"tape {path} holds no trade that could be played ({found})")
    return Tape(rows=_sorted(rows), rejected=dict(rejected), notices=_notices(rows, rejected))


def _table(path: Path) -> Any:
    if not path.exists():
        raise TapeError(f"tape {path} does not exist")
    try:
        names = pq.read_schema(path).names
        return pq.read_table(path, columns=[name for name in (*REQUIRED, *OPTIONAL) if name in names])
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TapeError(f"tape {path} cannot be read as Parquet: {first}") from error


def _records(table: Any) -> Iterator[dict[str, Any]]:
    names = table.column_names
    for batch in table.to_batches(max_chunksize=10_000):
        columns = [batch.column(index).to_pylist() for index in range(len(names))]
        for values in zip(*columns, strict=True):
            yield dict(zip(names, values, strict=True))


def _parse(record: dict[str, Any]) -> TapeRow | str:
    """Return the row, or the reason code for keeping it out."""
    if str(record.get("kind") or "TRADE").upper() != "TRADE":
        return "not_a_trade"
    at, wallet = _instant(record["ts"]), str(record["wallet"] or "").lower()
    side, index = str(record["side"] or "").upper(), record["outcome_index"]
    if at is None or not _ADDRESS.fullmatch(wallet) or side not in ("BUY", "SELL"):
        return "malformed"
    if index not in (0, 1) or not record["market"]:
        return "not_binary"
    price, size = _decimal(record["price"]), _decimal(record["size"])
    if price is None or not 0 < price < ONE:
        return "price_out_of_range"
    if size is None or not 0 < size <= SIZE_MAX:
        return "size_out_of_range"
    winner = record.get("winner_index")
    return TapeRow(
        at=at,
        wallet=WalletAddress(wallet),
        market=str(record["market"]),
        outcome_index=int(index),
        outcome=_text(record.get("outcome")),
        side=Side(side),
        price=price,
        size=size,
        transaction_hash=_text(record.get("tx")),
        title=_text(record.get("title")),
        slug=_text(record.get("slug")),
        winner_index=int(winner) if winner in (0, 1) else None,
        end_at=_instant(record.get("end_at")),
    )


def _instant(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        value = (value.replace(tzinfo=UTC) if value.tzinfo is None else value).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = float(value)
    return datetime.fromtimestamp(seconds, UTC) if _EARLIEST <= seconds <= _LATEST else None


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if not math.isfinite(value) or abs(float(value)) > _BEYOND_ANY_SIZE:
        return None
    return Decimal(repr(value) if isinstance(value, float) else value).quantize(MICRO)


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _sorted(rows: list[TapeRow]) -> tuple[TapeRow, ...]:
    return tuple(sorted(rows, key=lambda row: row.at))


def _notices(rows: list[TapeRow], rejected: Mapping[str, int]) -> tuple[str, ...]:
    notices = []
    unsorted = sum(later.at < earlier.at for earlier, later in itertools.pairwise(rows))
    if unsorted:
        notices.append(f"The tape was not in order of time ({unsorted} rows out of place) and has been sorted.")
    if rejected:
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(rejected.items()))
        notices.append(f"Rows of the tape that were kept out, by reason: {counts}.")
    return tuple(notices)
