"""Whales' trades as the activity stream and the Data API write them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.money import ZERO, Side
from remora.domain.trade_key import trade_key
from remora.domain.trades import TradeKind, TradeSource, WhaleTrade

MAGNITUDE_MAX = Decimal(10) ** 15
SECONDS_MAX = 32_503_680_000
KINDS = {
    "TRADE": TradeKind.TRADE,
    "MERGE": TradeKind.MERGE,
    "SPLIT": TradeKind.SPLIT,
    "CONVERSION": TradeKind.CONVERSION,
    "REDEEM": TradeKind.REDEEM,
}


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message that cannot be used; `reason` is stable, `detail` says what was expected and found."""

    reason: str
    detail: str


def parse_trade(raw: object, *, seen_at: datetime, source: TradeSource) -> WhaleTrade | Malformed:
    """Return the trade in a row of the stream (camelCase) or of Data API v2 (snake_case); never raises."""
    if not isinstance(raw, Mapping):
        return Malformed("not_an_object", f"expected an object, found {type(raw).__name__}")
    kind = KINDS.get(str(raw.get("type") or "TRADE").upper())
    if kind is None:
        return Malformed("unknown_kind", f"type {raw.get('type')!r:.40}")
    whale = _text(raw, "proxyWallet", "proxy_wallet")
    token = _text(raw, "asset", "token_id")
    condition = _text(raw, "conditionId", "condition_id")
    if not _is_hex(whale, 40) or not _is_hex(condition, 64):
        return Malformed("bad_identity", f"wallet {whale:.50}, condition {condition:.70}")
    if kind is TradeKind.TRADE and not token.isdecimal():
        return Malformed("bad_token", f"token {token:.90}")
    side = _side(raw, kind)
    size, price = number(raw.get("size")), number(raw.get("price"))
    seconds = number(raw.get("timestamp"))
    if kind is not TradeKind.TRADE:
        price = ZERO if price is None else price
        size = number(raw.get("usdc_size")) if size is None else size
    if side is None or size is None or price is None:
        return Malformed("badnumber", f"side {raw.get('side')!r:.20}, size or price is not a finite number")
    if seconds is None or not 0 < seconds < SECONDS_MAX:
        return Malformed("bad_time", f"timestamp {raw.get('timestamp')!r:.40}")
    transaction = _text(raw, "transactionHash", "transaction_hash")
    return WhaleTrade(
        key=trade_key(
            transaction_hash=transaction,
            whale=whale,
            token_id=token,
            side=side,
            size=size,
            price=price,
            kind=kind,
        ),
        whale=WalletAddress(whale.lower()),
        token_id=TokenId(token),
        condition_id=ConditionId(condition.lower()),
        side=side,
        price=price,
        size=size,
        happened_at=datetime.fromtimestamp(float(seconds), tz=UTC),
        seen_at=seen_at,
        source=source,
        transaction_hash=transaction,
        kind=kind,
    )


def _side(raw: Mapping[Any, Any], kind: TradeKind) -> Side | None:
    if kind is not TradeKind.TRADE:
        return Side.BUY if kind is TradeKind.SPLIT else Side.SELL
    found = str(raw.get("side")).upper()
    return Side(found) if found in ("BUY", "SELL") else None


def _text(raw: Mapping[Any, Any], *names: str) -> str:
    for name in names:
        value = raw.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _is_hex(value: str, digits: int) -> bool:
    return (
        len(value) == digits + 2
        and value[:2] in ("0x", "0X")
        and all(character in "0123456789abcdefABCDEF" for character in value[2:])
    )


def number(value: object) -> Decimal | None:
    """Return a finite number of a sane magnitude, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    if isinstance(value, int | str) and len(str(value)[:64]) > 60:
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) <= MAGNITUDE_MAX else None
