"""Opaque cursors over lists that only grow."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class BadCursor(Exception):
    """A cursor is not one of ours; the message goes to the client."""


def encode(position: int) -> str:
    """Return the cursor for a position."""
    return base64.urlsafe_b64encode(f"p:{position}".encode()).decode()


def decode(cursor: str) -> int:
    """Return the position of a cursor; raise BadCursor."""
    try:
        kind, _, number = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
        position = int(number)
    except (binascii.Error, UnicodeError, ValueError):
        raise BadCursor(f"invalid cursor {cursor!r}") from None
    if kind != "p" or position < 0:
        raise BadCursor(f"invalid cursor {cursor!r}")
    return position


def page(rows: Sequence[T], cursor: str | None, limit: int) -> tuple[Sequence[T], str | None]:
    """Return the rows after `cursor` and the cursor after them, None at the end."""
    start = 0 if not cursor else decode(cursor)
    shown = rows[start : start + limit]
    more = start + limit < len(rows)
    return shown, encode(start + limit) if more else None
