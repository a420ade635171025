"""Whales' trades as the activity stream and the Data API write them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.money import ZERO, Side
from remora.domain.trade_key import trade_key
from remora.domain.trades import TradeKind, TradeSource, WhaleTrade
from remora.venues.polymarket.wire.values import Malformed, number, text_of

TOKEN = re.compile(r"[0-9]{1,78}")
SECONDS_MAX = 32_503_680_000
KINDS = {
    "TRADE": TradeKind.TRADE,
    "MERGE": TradeKind.MERGE,
    "SPLIT": TradeKind.SPLIT,
    "CONVERSION": TradeKind.CONVERSION,
    "REDEEM": TradeKind.REDEEM,
}


def parse_trade(raw: object, *, seen_at: datetime, source: TradeSource) -> WhaleTrade | Malformed:
    """Return the trade in a row of the stream (camelCase) or of Data API v2 (snake_case); never raises."""
    if isinstance(raw, Malformed):
        return raw
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
    if TOKEN.fullmatch(token) is None and (token or kind is TradeKind.TRADE):
        return Malformed("bad_token", f"token {token:.90}")
    side = _side(raw, kind)
    size, price = number(raw.get("size")), number(raw.get("price"))
    seconds = number(raw.get("timestamp"))
    if kind is not TradeKind.TRADE:
        price = ZERO if price is None else price
        size = number(raw.get("usdc_size")) if size is None else size
    if side is None or size is None or price is None:
        return Malformed("bad_number", f"side {raw.get('side')!r:.20}, size or price is not a finite number")
    if seconds is None or not 0 < seconds < SECONDS_MAX:
        return Malformed("bad_time", f"timestamp {raw.get('timestamp')!r:.40}")
    transaction = _text(raw, "transactionHash", "transaction_hash")
    if not _is_hex(transaction, 64):
        return Malformed("bad_transaction", f"transaction {transaction:.70}")
    return WhaleTrade(
        key=trade_key(
            transaction_hash=transaction,
            whale=whale,
            token_id=token or condition,
            side=side,
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
        row=f"{size:.6f}@{price:.6f}",
    )


def _side(raw: Mapping[Any, Any], kind: TradeKind) -> Side | None:
    if kind is not TradeKind.TRADE:
        return Side.BUY if kind is TradeKind.SPLIT else Side.SELL
    found = str(raw.get("side")).upper()
    return Side(found) if found in ("BUY", "SELL") else None


def _text(raw: Mapping[Any, Any], *names: str) -> str:
    return next((found for name in names if (found := text_of(raw.get(name))) is not None), "")


def _is_hex(value: str, digits: int) -> bool:
    return (
        len(value) == digits + 2
        and value[:2] in ("0x", "0X")
        and all(character in "0123456789abcdefABCDEF" for character in value[2:])
    )
