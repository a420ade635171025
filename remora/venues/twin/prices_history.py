"""Price history of one outcome: last price per bucket, oldest first."""

from datetime import UTC, datetime, timedelta
from typing import Any

from remora.venues.twin.data_query import Query, bad_request
from remora.venues.twin.listings import Listing

INTERVALS = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "1d": timedelta(days=1),
    "1w": timedelta(days=7),
    "1m": timedelta(days=30),
}
BUCKETS = {"1h": 60, "6h": 60, "1d": 300, "1w": 1800, "1m": 3600}
BUCKET_DEFAULT = 3600
SPAN_MAX = timedelta(days=15)


def history_rows(query: Query, listing: Listing, index: int, now: datetime) -> list[dict[str, Any]]:
    """Return the rows that ``/v2/prices-history`` pages through."""
    as_of = query.epoch("as_of")
    if as_of is not None:
        known = listing.price_at(min(datetime.fromtimestamp(as_of, UTC), now), index)
        return [] if known is None else [_row(as_of, float(known), 0)]
    start, end, bucket = _window(query, listing, now)
    rows: list[dict[str, Any]] = []
    for at, first in listing.history:
        if not start <= at <= end:
            continue
        price = float(first) if index == 0 else 1.0 - float(first)
        stamp = int(at.timestamp()) // bucket * bucket
        if rows and rows[-1]["timestamp"] == stamp:
            rows[-1]["price"] = round(price, 6)
        else:
            rows.append(_row(stamp, round(price, 6), bucket))
    return rows


def _window(query: Query, listing: Listing, now: datetime) -> tuple[datetime, datetime, int]:
    interval, start = query.text("interval"), query.epoch("start")
    if (interval is None) == (start is None):
        raise bad_request("exactly one of interval, start and as_of is required", "interval")
    bucket = int(query.number("bucket_seconds") or 0)
    if start is not None:
        opened = datetime.fromtimestamp(start, UTC)
        end = query.epoch("end")
        until = now if end is None else min(now, datetime.fromtimestamp(end, UTC))
        if until < opened or until - opened > SPAN_MAX:
            raise bad_request("a window must not end before it starts or exceed 15 days", "start")
        return opened, until, bucket or BUCKET_DEFAULT
    if interval in ("max", "all"):
        return listing.opened_at, now, bucket or BUCKET_DEFAULT
    if interval not in INTERVALS:
        raise bad_request(f"unknown interval {interval}", "interval")
    return now - INTERVALS[interval], now, bucket or BUCKETS[interval]


def _row(timestamp: int, price: float, resolution: int) -> dict[str, Any]:
    return {"timestamp": timestamp, "price": price, "resolution_seconds": resolution}
