"""Messages of the user channel: which of our trades moved."""

from collections.abc import Mapping
from dataclasses import dataclass

from remora.venues.polymarket.wire.market import Ignored
from remora.venues.polymarket.wire.values import Malformed, text_of


@dataclass(frozen=True, slots=True)
class TradeMoved:
    """A trade of ours was matched or moved through settlement."""

    trade_id: str


def parse_user_message(raw: object) -> TradeMoved | Ignored | Malformed:
    """Return what one message says; never raises."""
    if isinstance(raw, Malformed):
        return raw
    if not isinstance(raw, Mapping):
        return Malformed("not_an_object", f"expected an object, found {type(raw).__name__}")
    if raw.get("event_type") != "trade":
        return Ignored()
    trade_id = text_of(raw.get("id"))
    return Malformed("bad_trade", f"id {raw.get('id')!r:.40}") if trade_id is None else TradeMoved(trade_id)
