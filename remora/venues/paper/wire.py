"""A paper order's bytes: persisted before they are sent and sent again as they are, like a live order's."""

import hashlib
import json
from decimal import Decimal

from remora.domain.ids import ConditionId, OrderDigest, TokenId
from remora.domain.money import Side
from remora.domain.orders import OrderRequest, OrderType, SignedOrder


def written(request: OrderRequest, *, account: str, salt: str) -> SignedOrder:
    """Return an order's bytes and their hash; `salt` makes two orders of one request differ."""
    payload = json.dumps(
        {
            "venue": "paper",
            "account": account,
            "salt": salt,
            "token_id": request.token_id,
            "condition_id": request.condition_id,
            "side": request.side.value,
            "order_type": request.order_type.value,
            "shares": str(request.shares),
            "limit_price": str(request.limit_price),
            "notional": None if request.notional is None else str(request.notional),
        },
        separators=(",", ":"),
    )
    return SignedOrder(digest=OrderDigest("0x" + hashlib.sha256(payload.encode()).hexdigest()), payload=payload)


def read(payload: str) -> OrderRequest:
    """Return what an order asks for; raise ValueError for bytes that are no paper order, such as a live one."""
    try:
        row = json.loads(payload)
        if row["venue"] != "paper":
            raise ValueError("not a paper order")
        return OrderRequest(
            token_id=TokenId(row["token_id"]),
            condition_id=ConditionId(row["condition_id"]),
            side=Side(row["side"]),
            order_type=OrderType(row["order_type"]),
            shares=Decimal(row["shares"]),
            limit_price=Decimal(row["limit_price"]),
            notional=None if row["notional"] is None else Decimal(row["notional"]),
        )
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ValueError("not a paper order") from error
