"""Gamma's list of markets, as far as the official client does not read it."""

from collections.abc import Mapping

from remora.domain.ids import TokenId
from remora.venues.polymarket.wire.values import json_value


def names_token(raw: object, token_id: TokenId) -> bool:
    """Whether a page of markets has one with this token; False for anything malformed."""
    rows = raw.get("markets") if isinstance(raw, Mapping) else None
    return isinstance(rows, list) and any(_tokens(row).count(token_id) for row in rows)


def _tokens(row: object) -> list[object]:
    named = row.get("clobTokenIds") if isinstance(row, Mapping) else None
    found = json_value(named) if isinstance(named, str) else named
    return found if isinstance(found, list) else []
