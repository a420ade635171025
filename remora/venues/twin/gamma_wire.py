"""Gamma's JSON for markets and events, arrays in strings included."""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from remora.domain.money import ONE
from remora.venues.twin.chain.contracts import is_second_protocol
from remora.venues.twin.listings import Listing
from remora.venues.twin.scenario.identifiers import numeric_id

Json = dict[str, Any]


def timestamp(at: datetime | None) -> str | None:
    """Return an instant as Gamma writes it."""
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def tag_json(label: str) -> Json:
    """Return one tag."""
    return {"id": numeric_id("tag", label), "label": label, "slug": label.lower().replace(" ", "-")}


def market_json(listing: Listing, now: datetime, *, include_tag: bool = False, events: bool = True) -> Json:
    """Return one market as of venue time `now`."""
    spec = listing.spec
    prices = [_price(listing.price_of(index)) for index in (0, 1)]
    second = is_second_protocol(spec.tokens[0])
    body: Json = {
        "id": spec.gamma_id,
        "version": "v2" if second else "v1",
        "question": spec.question,
        "conditionId": spec.condition_id,
        "slug": spec.slug,
        "resolutionSource": "",
        "startDate": timestamp(spec.start_at),
        "endDate": timestamp(spec.end_at),
        "closedTime": timestamp(listing.resolved_at),
        "image": "",
        "icon": "",
        "description": f"{spec.question} (played by the exchange twin)",
        "outcomes": json.dumps(list(spec.labels)),
        "outcomePrices": json.dumps(prices),
        ("positionIds" if second else "clobTokenIds"): json.dumps(list(spec.tokens)),
        "active": True,
        "closed": listing.closed,
        "archived": False,
        "restricted": False,
        "acceptingOrders": listing.accepting,
        "enableOrderBook": True,
        "negRisk": spec.neg_risk,
        "questionID": listing.question_id,
        "umaResolutionStatus": listing.uma_status,
        "orderPriceMinTickSize": float(listing.tick_size),
        "orderMinSize": float(spec.min_order_size),
        "secondsDelay": int(spec.taker_delay.total_seconds()),
        "createdAt": timestamp(listing.opened_at),
        "updatedAt": timestamp(now),
        **_category(listing),
        **_fees(listing),
        **_volumes(listing, now),
        **_quotes(listing, now),
    }
    if events:
        body["events"] = [_event_head(listing)]
    if include_tag:
        body["tags"] = [tag_json(label) for label in spec.tags]
    return body


def event_json(markets: Sequence[Listing], now: datetime) -> Json:
    """Return one event with all its markets."""
    first = markets[0].spec
    closed = all(listing.closed for listing in markets)
    day = sum((listing.volume_24h(now) for listing in markets), Decimal(0))
    total = sum((listing.volume_usd for listing in markets), Decimal(0))
    return {
        **_event_head(markets[0]),
        "description": f"{first.event_title} (played by the exchange twin)",
        "startDate": timestamp(min(listing.spec.start_at for listing in markets)),
        "creationDate": timestamp(min(listing.opened_at for listing in markets)),
        "endDate": timestamp(max(listing.spec.end_at for listing in markets)),
        "active": True,
        "closed": closed,
        "archived": False,
        "new": False,
        "featured": False,
        "restricted": False,
        "volume": float(total),
        "volume24hr": float(day),
        "enableOrderBook": True,
        "negRisk": first.neg_risk,
        "negRiskMarketID": markets[0].question_id if first.neg_risk else "",
        "tags": [tag_json(label) for label in first.tags],
        "markets": [market_json(listing, now, events=False) for listing in markets],
    }


def _event_head(listing: Listing) -> Json:
    spec = listing.spec
    return {"id": spec.event_id, "ticker": spec.event_slug, "slug": spec.event_slug, "title": spec.event_title}


def _category(listing: Listing) -> Json:
    return {} if listing.spec.category is None else {"category": listing.spec.category}


def _fees(listing: Listing) -> Json:
    spec = listing.spec
    if spec.fee_rate == 0:
        return {"feesEnabled": False}
    return {
        "feesEnabled": True,
        "feeType": f"{(spec.category or 'other').lower()}_fees",
        "feeSchedule": {
            "exponent": spec.fee_exponent,
            "rate": float(spec.fee_rate),
            "takerOnly": True,
            "rebateRate": float(spec.rebate_rate),
        },
    }


def _volumes(listing: Listing, now: datetime) -> Json:
    day, total = float(listing.volume_24h(now)), float(listing.volume_usd)
    return {
        "volume": f"{total:.6f}".rstrip("0").rstrip("."),
        "volumeNum": total,
        "volumeClob": total,
        "volume24hr": day,
        "volume24hrClob": day,
        "liquidity": str(listing.spec.depth_usd),
        "liquidityNum": float(listing.spec.depth_usd),
        "liquidityClob": float(listing.spec.depth_usd),
    }


def _quotes(listing: Listing, now: datetime) -> Json:
    body: Json = {"lastTradePrice": float(listing.price if listing.last_print is None else listing.last_print)}
    before = listing.price_at(now.replace(minute=0, second=0, microsecond=0), 0)
    if before is not None:
        body["oneHourPriceChange"] = float(listing.price - before)
    if listing.best is not None:
        bid, ask = listing.best
        body |= {"bestBid": float(bid), "bestAsk": float(ask), "spread": float(ask - bid)}
    return body


def _price(price: Decimal) -> str:
    if price in (0, ONE):
        return str(int(price))
    return f"{price.normalize():f}"
