"""Pulling the public history into the store: resumable, every wallet complete or flagged with a reason."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from remora.research.batches import Batch, Manifest, unfinished
from remora.research.formats import FORMATS
from remora.research.imports import stage
from remora.research.queries import configured, quoted, rows
from remora.research.store import ResearchStore
from remora.venues.polymarket.history import BadPage, MarketFacts
from remora.venues.venue import VenueError

AT_ONCE = 4
FLUSH_ROWS = 50_000
OVERLAP = timedelta(hours=1)
"""How far before the end of what is known a later pull starts: the public history lags."""

HARMLESS = frozenset({"redeem", "not_a_trade"})
TRADES = next(form for form in FORMATS if form.name == "trades")
TAPE = pa.schema(
    [
        *(("ts", pa.float64()), ("wallet", pa.string()), ("market", pa.string()), ("outcome_index", pa.int16())),
        *(("side", pa.string()), ("price", pa.float64()), ("size", pa.float64()), ("kind", pa.string())),
        *(("tx", pa.string()),),
    ]
)


class HistorySource(Protocol):
    """Where a pull reads; see :class:`remora.venues.polymarket.history.PublicHistory`."""

    name: str

    def activity(self, wallet: str, *, since: datetime | None) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield pages of one wallet's history, oldest first."""

    async def markets_traded(self, wallet: str) -> int | None:
        """Return in how many markets a wallet ever traded."""

    async def markets(self, condition_ids: Sequence[str]) -> list[MarketFacts]:
        """Return markets and their results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What a pull brought; `incomplete` are wallets by the reason for which their history is not whole."""

    manifest: Manifest
    wallets: int
    trades: int
    incomplete: Mapping[str, int]


@dataclass(slots=True, kw_only=True)
class _Found:
    wallet: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    repeated: int = 0
    reason: str = "whole"


async def pull(
    store: ResearchStore,
    source: HistorySource,
    wallets: Sequence[str],
    *,
    now: datetime,
    progress: Callable[[int, int], None],
) -> Pulled:
    """Read the history of `wallets` and of the markets they traded; go on with a pull that was interrupted.

    A wallet whose history is in the store already is read from a little before where that ended.
    """
    batch = _begin(store, source.name, now)
    done: dict[str, str] = batch.manifest.marks.setdefault("wallets", {})
    due = [wallet for wallet in dict.fromkeys(map(str.lower, wallets)) if wallet not in done]
    known = _known_through(store)
    total = len(due) + len(done)
    waiting: list[_Found] = []
    with configured(spill=str(store.root / "spill")) as connection:
        for first in range(0, len(due), AT_ONCE):
            some = due[first : first + AT_ONCE]
            waiting += await asyncio.gather(*(_read(source, wallet, known.get(wallet)) for wallet in some))
            last = first + AT_ONCE >= len(due)
            if last or sum(len(found.rows) for found in waiting) >= FLUSH_ROWS:
                _flush(batch, connection, waiting, now)
                waiting = []
            progress(min(len(done) + len(waiting), total), total)
        await _markets(batch, connection, store, source, now)
    batch.commit(now.isoformat())
    reasons = Counter(done.values())
    return Pulled(
        manifest=batch.manifest,
        wallets=len(done),
        trades=batch.manifest.rows("trades"),
        incomplete={reason: count for reason, count in sorted(reasons.items()) if reason != "whole"},
    )


def _begin(store: ResearchStore, name: str, now: datetime) -> Batch:
    interrupted = [m.batch for m in unfinished(store.root) if m.batch.startswith(f"pull-{name}-")]
    chosen = interrupted[0] if interrupted else f"pull-{name}-{now:%Y%m%dT%H%M%S%f}"
    return Batch.begin(store.root, chosen, source=f"pull from {name}", started_at=now.isoformat())


def _known_through(store: ResearchStore) -> dict[str, datetime]:
    """Return until when each wallet's history is whole."""

    with store.connect() as connection:
        found = rows(
            connection, "SELECT wallet, epoch_us(max(through)) FROM coverage WHERE complete GROUP BY wallet"
        )
    return {str(wallet): datetime.fromtimestamp(micros / 1e6, tz=UTC) for wallet, micros in found}


async def _read(source: HistorySource, wallet: str, through: datetime | None) -> _Found:
    found = _Found(wallet=wallet)
    since = None if through is None else through - OVERLAP
    pages: list[list[dict[str, Any]]] = []
    try:
        expected = None if since is not None else await source.markets_traded(wallet)
        async for page in source.activity(wallet, since=since):
            pages += [[_tape_row(row) for row in page]]  # what was read before a page breaks is kept
    except BadPage:
        found.reason = "pages_broken"
    except VenueError:
        found.reason = "unavailable"
    else:
        seen = {row["market"] for page in pages for row in page}
        if expected is not None and len(seen) < expected:
            found.reason = "truncated"
    found.rows, found.repeated = joined(pages)
    return found


def joined(pages: Sequence[Sequence[dict[str, Any]]]) -> tuple[list[dict[str, Any]], int]:
    """Return the rows of consecutive pages and how many of them had come before.

    Equal rows are several fills of one transaction and all count; but where a page goes back behind the last
    second of the pages before it, it overlaps, and what it repeats counts once.
    """
    kept: list[dict[str, Any]] = []
    seen: Counter[tuple[Any, ...]] = Counter()
    newest = float("-inf")
    repeated = 0
    for page in pages:
        keys = [tuple(row.values()) for row in page]
        overlaps = any(key in seen and (row["ts"] or 0.0) < newest for key, row in zip(keys, page, strict=True))
        before = Counter(seen) if overlaps else Counter[tuple[Any, ...]]()
        for key, row in zip(keys, page, strict=True):
            if before[key] > 0:
                before[key] -= 1
                repeated += 1
                continue
            seen[key] += 1
            kept.append(row)
        newest = max([newest, *((row["ts"] or 0.0) for row in page)])
    return kept, repeated


def _tape_row(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of the venue as a row of a tape; what is not of the expected type becomes NULL."""
    kind = str(raw.get("type") or "TRADE").upper()
    size = _number(raw.get("size"))
    return {
        "ts": _number(raw.get("timestamp")),
        "wallet": _text(raw.get("proxy_wallet")),
        "market": _text(raw.get("condition_id")),
        "outcome_index": _index(raw.get("outcome_index")),
        "side": _text(raw.get("side")),
        "price": _number(raw.get("price")),
        "size": _number(raw.get("usdc_size")) if size is None and kind != "TRADE" else size,
        "kind": kind,
        "tx": _text(raw.get("transaction_hash")),
    }


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _index(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1000 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _flush(batch: Batch, connection: duckdb.DuckDBPyConnection, found: Sequence[_Found], now: datetime) -> None:
    """Write what was read of some wallets, then mark them as done."""
    number = batch.manifest.marks.get("parts", 0)
    values = {"batch": batch.manifest.batch, "event": None, "snapshot": round(now.timestamp() * 1e6)}
    table = pa.Table.from_pylist([row for one in found for row in one.rows], schema=TAPE)
    if table.num_rows:
        stage(batch, connection, table, TRADES, values, number, only=("trades",))
        for wallet, reason in rows(
            connection, "SELECT DISTINCT wallet, reason FROM staged WHERE reason IS NOT NULL"
        ):
            one = next((one for one in found if one.wallet == wallet), None)
            if one is not None and one.reason == "whole" and reason not in HARMLESS:
                one.reason = "unusable_rows"
    batch.manifest.notes.update({"repeated_by_pages": sum(one.repeated for one in found)})
    at = f"to_timestamp({values['snapshot']} / 1e6)"
    listed = ", ".join(f"({quoted(one.wallet)}, {one.reason == 'whole'}, {quoted(one.reason)})" for one in found)
    if listed:
        batch.write(
            connection,
            "coverage",
            f"SELECT wallet, complete, reason, {at} AS through, {at} AS known_at, "
            f"{quoted(batch.manifest.batch)} AS batch FROM (VALUES {listed}) AS v(wallet, complete, reason)",
            number=number,
        )
    batch.manifest.marks["wallets"].update({one.wallet: one.reason for one in found})
    batch.manifest.marks["parts"] = number + 1
    batch.save()


async def _markets(
    batch: Batch,
    connection: duckdb.DuckDBPyConnection,
    store: ResearchStore,
    source: HistorySource,
    now: datetime,
) -> None:
    """Read the markets of this pull, and those of the store that had no result yet."""
    wanted = _unsettled(batch, store)
    facts = await source.markets(wanted)
    batch.manifest.notes.update({"markets_unknown_to_venue": len(set(wanted) - {f.condition_id for f in facts})})
    if not facts:
        return
    columns = ("condition_id", "question", "slug", "event_id", "category", "fee_rate", "opened_at", "ends_at")
    schema = pa.schema(
        [
            *((name, pa.string()) for name in columns[:5]),
            ("fee_rate", pa.float64()),
            *((name, pa.timestamp("us", tz="UTC")) for name in ("opened_at", "ends_at", "resolved_at")),
            *((name, pa.float64()) for name in ("payout_first", "payout_second")),
        ]
    )
    listed = [
        {name: getattr(fact, name) for name in (*columns, "resolved_at")}
        | dict(zip(("payout_first", "payout_second"), fact.payouts or (None, None), strict=True))
        for fact in facts
    ]
    connection.register("listed_markets", pa.Table.from_pylist(listed, schema=schema))
    at, name = f"to_timestamp({round(now.timestamp() * 1e6)} / 1e6)", quoted(batch.manifest.batch)
    batch.write(
        connection,
        "markets",
        f"SELECT {', '.join(columns)}, {at} AS known_at, {name} AS batch FROM listed_markets",
        number=0,
    )
    batch.write(
        connection,
        "resolutions",
        f"SELECT coalesce(resolved_at, {at}) AS happened_at, coalesce(resolved_at, {at}) AS known_at, "
        "condition_id, payout_first, payout_second, "
        "CASE WHEN resolved_at IS NULL THEN 'snapshot' ELSE 'settled' END AS basis, "
        f"{name} AS batch FROM listed_markets WHERE payout_first IS NOT NULL",
        number=0,
    )
    connection.unregister("listed_markets")


def _unsettled(batch: Batch, store: ResearchStore) -> list[str]:
    files = [quoted(store.root / name) for name in batch.manifest.parts if name.startswith("trades/")]
    with store.connect() as connection:
        new = f"SELECT condition_id FROM read_parquet([{', '.join(files)}]) UNION" if files else ""
        found = rows(
            connection,
            f"SELECT condition_id FROM ({new} SELECT condition_id FROM trades) "
            "WHERE condition_id NOT IN (SELECT condition_id FROM resolutions WHERE basis = 'settled') ORDER BY 1",
        )
    return [str(row[0]) for row in found]
