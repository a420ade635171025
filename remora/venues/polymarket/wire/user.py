"""Messages of the user channel: which of our trades moved, and which of our orders ended without one."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from remora.domain.ids import OrderDigest
from remora.venues.polymarket.wire.market import Ignored
from remora.venues.polymarket.wire.values import Malformed, number, text_of

ENDED = ("UNMATCHED", "INVALID", "CANCELED")
"""Beginnings of the statuses of orders that match nothing any more."""

STATUS_MAX = 200
"""Characters of a status that are kept: the venue puts a sentence into some."""


@dataclass(frozen=True, slots=True)
class TradeMoved:
    """A trade of ours was matched or moved through settlement."""

    trade_id: str


@dataclass(frozen=True, slots=True)
class EndedUnmatched:
    """An order of ours ended before anything of it had matched; `status` is the venue's word."""

    digest: OrderDigest
    status: str


def parse_user_message(raw: object) -> TradeMoved | EndedUnmatched | Ignored | Malformed:
    """Return what one message says; never raises."""
    if isinstance(raw, Malformed):
        return raw
    if not isinstance(raw, Mapping):
        return Malformed("not_an_object", f"expected an object, found {type(raw).__name__}")
    kind = raw.get("event_type")
    if kind == "order":
        return _order(raw)
    if kind != "trade":
        return Ignored()
    trade_id = text_of(raw.get("id"))
    return Malformed("bad_trade", f"id {raw.get('id')!r:.40}") if trade_id is None else TradeMoved(trade_id)


def _order(raw: Mapping[str, object]) -> EndedUnmatched | Ignored | Malformed:
    """Take an order for ended only if its status says so: the type of the message alone does not.

    Of an order that was killed at once the venue says that nothing matched by an empty text.
    """
    status, size = str(raw.get("status")).upper(), raw.get("size_matched")
    if not status.startswith(ENDED):
        return Ignored()
    digest, matched = text_of(raw.get("id")), Decimal(0) if size == "" else number(size)
    if digest is None or matched is None:
        return Malformed("bad_order", f"id {raw.get('id')!r:.80}, matched {size!r:.40}")
    return (
        Ignored()
        if matched or raw.get("associate_trades")
        else EndedUnmatched(OrderDigest(digest), status[:STATUS_MAX].replace("\0", ""))
    )
