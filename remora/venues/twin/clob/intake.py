"""What came over the wire as an order: refused, or verified and ready for the exchange."""

from datetime import datetime
from typing import Any

from remora.domain.ids import OrderDigest, TokenId
from remora.domain.money import Side
from remora.venues.twin.auth.eip712 import Unsigned, WireOrder
from remora.venues.twin.auth.keys import Credentials
from remora.venues.twin.auth.session_keys import SessionKeys
from remora.venues.twin.auth.wallets import SignatureType
from remora.venues.twin.chain.allowances import UNLIMITED, Allowances
from remora.venues.twin.chain.contracts import exchange_of, token_contract
from remora.venues.twin.clob import wire
from remora.venues.twin.clob.state import whole
from remora.venues.twin.engine.exchange import Exchange
from remora.venues.twin.engine.records import Listing, NewOrder, Refusal

INVALID = Refusal(400, "Invalid order payload")
V1_FIELDS = ("nonce", "feeRateBps", "taker")
"""Signed fields of the orders that the venue stopped taking."""


def verified(
    payload: Any, who: Credentials, received_at: datetime, exchange: Exchange, sessions: SessionKeys
) -> NewOrder | Refusal:
    """Return the order behind one entry of ``POST /order(s)`` once its signature is known to be good."""
    if not isinstance(payload, dict) or not isinstance(payload.get("order"), dict):
        return INVALID
    raw = payload["order"]
    if any(field in raw for field in V1_FIELDS):
        return Refusal(400, "order_version_mismatch")
    kind = wire.order_type(payload.get("orderType"))
    if kind is None:
        return INVALID
    if payload.get("owner") != who.api_key:
        return Refusal(400, "the order owner has to be the owner of the API KEY")
    found = exchange.listing_of(TokenId(str(raw.get("tokenId"))))
    neg_risk = found is not None and found[0].spec.neg_risk
    try:
        order = WireOrder.parse(raw)
        digest = order.digest(neg_risk=neg_risk)
        refusal = _refuse_signer(order, who, sessions, neg_risk=neg_risk)
    except Unsigned as problem:
        return Refusal(400, str(problem))
    if refusal is not None:
        return refusal
    return NewOrder(
        digest=OrderDigest(digest),
        owner=order.maker,
        api_key=who.api_key,
        token_id=TokenId(str(order.token_id)),
        side=Side(order.side),
        maker_amount=order.maker_amount,
        taker_amount=order.taker_amount,
        order_type=kind,
        post_only=payload.get("postOnly") is True,
        expiration=whole(raw.get("expiration", "0")),
        received_at=received_at,
    )


def _refuse_signer(order: WireOrder, who: Credentials, sessions: SessionKeys, *, neg_risk: bool) -> Refusal | None:
    """Refuse an order that its wallet's key did not sign; a deposit wallet is its own signer, the key others'."""
    wallets = sessions.wallets_of(who.address, order.signature_type)
    speaks = order.maker if order.signature_type is SignatureType.DEPOSIT else who.address
    if order.signer != speaks:
        return Refusal(400, "the order signer address has to be the address of the API KEY")
    if order.maker not in wallets or order.signed_by(neg_risk=neg_risk) != who.address:
        return Refusal(400, "invalid signature")
    return None


def refuse_allowance(order: NewOrder, listing: Listing, allowances: Allowances) -> Refusal | None:
    """Refuse an order whose wallet did not let the exchange move what it sells or pays with."""
    exchange = exchange_of(order.token_id, neg_risk=listing.spec.neg_risk)
    wallet = order.owner.lower()
    if order.side is Side.BUY:
        allowed = allowances.dollars(wallet, exchange)
    else:
        allowed = UNLIMITED * allowances.shares(token_contract(order.token_id), wallet, exchange)
    if allowed >= order.maker_amount:
        return None
    return Refusal(
        400,
        "not enough balance / allowance: the allowance is not enough -> "
        f"spender: {exchange}, allowance: {allowed}, order amount: {order.maker_amount}",
    )
