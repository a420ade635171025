"""Rows of the Data API, version 2, and the trade payload that RTDS sends."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from remora.domain.ids import WalletAddress
from remora.domain.money import ZERO
from remora.domain.trades import TradeKind
from remora.venues.twin.activity import Activity, HeldPosition
from remora.venues.twin.listings import CHALLENGE, Listing
from remora.venues.twin.public_side import PublicSide
from remora.venues.twin.scenario.identifiers import pseudonym, transaction_hash

Json = dict[str, Any]
UNSET_PRICE = "69"
"""What the venue writes for a price nobody proposed."""


def seconds(at: datetime) -> int:
    """Return epoch seconds, the resolution of every public row."""
    return int(at.timestamp())


def profile_json(public: PublicSide, wallet: WalletAddress) -> Json:
    """Return a wallet's display fields."""
    return {
        "name": public.name_of(wallet),
        "pseudonym": pseudonym(wallet),
        "bio": "",
        "profile_image": "",
        "profile_image_optimized": "",
    }


def trade_row(public: PublicSide, listing: Listing, activity: Activity) -> Json:
    """Return one row of ``/v2/trades``."""
    index = activity.outcome_index or 0
    spec = listing.spec
    return {
        "proxy_wallet": activity.wallet,
        "token_id": spec.tokens[index],
        "condition_id": spec.condition_id,
        "side": activity.side,
        "size": float(activity.size),
        "price": float(activity.price),
        "timestamp": seconds(activity.at),
        "transaction_hash": activity.transaction_hash,
        **_market_head(listing),
        "outcome": spec.labels[index],
        "outcome_index": index,
        **profile_json(public, activity.wallet),
    }


def stream_payload(public: PublicSide, listing: Listing, activity: Activity) -> Json:
    """Return the RTDS payload of a fill: the same facts in camel case."""
    index = activity.outcome_index or 0
    spec = listing.spec
    return {
        "asset": spec.tokens[index],
        "bio": "",
        "conditionId": spec.condition_id,
        "eventSlug": spec.event_slug,
        "icon": "",
        "name": public.name_of(activity.wallet),
        "outcome": spec.labels[index],
        "outcomeIndex": index,
        "price": float(activity.price),
        "profileImage": "",
        "proxyWallet": activity.wallet,
        "pseudonym": pseudonym(activity.wallet),
        "side": activity.side,
        "size": float(activity.size),
        "slug": spec.slug,
        "timestamp": seconds(activity.at),
        "title": spec.question,
        "transactionHash": activity.transaction_hash,
    }


def activity_row(public: PublicSide, listing: Listing, activity: Activity) -> Json:
    """Return one row of ``/v2/activity``."""
    row: Json = {
        "proxy_wallet": activity.wallet,
        "timestamp": seconds(activity.at),
        "transaction_hash": activity.transaction_hash,
        "type": activity.kind.value.upper(),
        "condition_id": activity.condition_id,
        "usdc_size": float(activity.usd),
        "is_combo": False,
        **_market_head(listing),
        **profile_json(public, activity.wallet),
    }
    index = activity.outcome_index
    if index is not None:
        row |= {"outcome": listing.spec.labels[index], "outcome_index": index}
    if activity.kind is TradeKind.TRADE and index is not None:
        row |= {
            "token_id": listing.spec.tokens[index],
            "side": activity.side,
            "size": float(activity.size),
            "price": float(activity.price),
        }
    else:
        row["size"] = float(activity.size)
    return row


def position_row(
    public: PublicSide, listing: Listing, wallet: WalletAddress, index: int, held: HeldPosition, *, mergeable: bool
) -> Json:
    """Return one row of ``/v2/positions``."""
    spec = listing.spec
    price = listing.price_of(index)
    value = held.shares * price
    unrealized = value - held.cost
    return {
        "proxy_wallet": wallet,
        "token_id": spec.tokens[index],
        "condition_id": spec.condition_id,
        "current_size": float(held.shares),
        "avg_price": float(held.average),
        "entry_cost_usdc": float(held.cost),
        "entry_fees_usdc": 0.0,
        "total_cost_usdc": float(held.bought_cost),
        "current_price": float(price),
        "current_value": float(value),
        "total_size": float(held.bought_shares),
        "realized_pnl": float(held.realized),
        "unrealized_pnl": float(unrealized),
        "total_pnl": float(held.realized + unrealized),
        "percent_pnl": _percent(held.realized + unrealized, held.bought_cost),
        "percent_realized_pnl": _percent(held.realized, held.bought_cost),
        "status": position_status(listing, held),
        "redeemable": listing.closed and held.shares > 0,
        "mergeable": mergeable,
        "negative_risk": spec.neg_risk,
        "archived": False,
        "verified": False,
        **_market_head(listing),
        "outcome": spec.labels[index],
        "opposite_outcome": spec.labels[1 - index],
        "event_id": int(spec.event_id),
        "outcome_index": index,
        "opposite_token_id": spec.tokens[1 - index],
        "end_date": spec.end_at.date().isoformat(),
        "last_event_at": None if held.last_at is None else seconds(held.last_at),
        "first_entry_at": None if held.first_at is None else seconds(held.first_at),
        "name": public.name_of(wallet),
        "profile_image": "",
    }


def position_status(listing: Listing, held: HeldPosition) -> str:
    """Return OPEN, REDEEMABLE (won or lost) or CLOSED."""
    if held.shares <= 0:
        return "CLOSED"
    return "REDEEMABLE" if listing.closed else "OPEN"


def token_row(listing: Listing, index: int) -> Json:
    """Return one row of ``/v2/tokens``."""
    spec = listing.spec
    return {
        "token_id": spec.tokens[index],
        "condition_id": spec.condition_id,
        "structural_condition_id": None,
        "module": "v1_ctf",
        "outcome_index": index,
        "clob_index": index,
        "outcome": spec.labels[index],
        "opposite_token_id": spec.tokens[1 - index],
        "resolved": listing.closed,
        "final_price": None if listing.payouts is None else float(listing.payouts[index]),
        "title": spec.question,
        "market_slug": spec.slug,
        "closed": listing.closed,
        "neg_risk": spec.neg_risk,
        "neg_risk_market_id": None,
        "question_index": None,
        "event_id": int(spec.event_id),
        "event_slug": spec.event_slug,
    }


def resolution_row(listing: Listing) -> Json:
    """Return one row of ``/v2/resolutions``."""
    status, updated = "initialized", listing.opened_at
    expected = None
    if listing.proposed_at is not None:
        status, updated = "proposed", listing.proposed_at
        expected = (listing.proposed_at + CHALLENGE).isoformat()
    if listing.resolved_at is not None:
        status, updated = "resolved", listing.resolved_at
    row: Json = {
        "question_id": listing.question_id,
        "condition_id": listing.spec.condition_id,
        "status": status,
        "extended_review": False,
        "expected_settlement_time": expected,
        "settlement_time_basis": "liveness" if status == "proposed" else None,
        "was_disputed": listing.disputed,
        "new_version_q": False,
        "proposed_price": UNSET_PRICE,
        "reproposed_price": UNSET_PRICE,
        "price": UNSET_PRICE,
        "transaction_hash": transaction_hash("resolution", listing.spec.condition_id, status),
        "log_index": None,
        "last_update_timestamp": seconds(updated),
        "market_type": "INCREMENTAL_NEGRISK" if listing.spec.neg_risk else "BINARY",
        "payouts": None,
        "resolution_source": None,
        "reporter": "UMA_OO",
        "was_arbitrated": False,
        "resolved_block": None,
        "resolved_at": None,
    }
    if listing.payouts is not None and listing.resolved_at is not None:
        row["payouts"] = [int(payout * 1_000_000) for payout in listing.payouts]
        row["price"] = row["proposed_price"] = float(listing.payouts[0])
        row["resolution_source"] = "reported"
        row["resolved_at"] = listing.resolved_at.isoformat()
    return row


def _market_head(listing: Listing) -> Json:
    spec = listing.spec
    return {"title": spec.question, "slug": spec.slug, "icon": "", "event_slug": spec.event_slug}


def _percent(part: Decimal, whole: Decimal) -> float:
    return 0.0 if whole == ZERO else float(part / whole * 100)
