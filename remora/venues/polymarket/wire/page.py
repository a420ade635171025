"""One page of Data API v2."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remora.venues.polymarket.wire.values import Malformed


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as they came, and where the next ones are; None at the end."""

    rows: tuple[Any, ...]
    next_cursor: str | None


def parse_page(raw: object) -> Page | Malformed:
    """Return the page in an answer; never raises."""
    if isinstance(raw, Malformed):
        return raw
    if not isinstance(raw, Mapping):
        return Malformed("not_an_object", f"expected an object, found {type(raw).__name__}")
    rows, paging = raw.get("data"), raw.get("pagination")
    if not isinstance(rows, list) or not isinstance(paging, Mapping):
        return Malformed("bad_page", "expected the list data and the object pagination")
    cursor = paging.get("next_cursor")
    if cursor is not None and (not isinstance(cursor, str) or not cursor):
        return Malformed("bad_page", f"next_cursor {cursor!r:.40}")
    return Page(tuple(rows), cursor)
