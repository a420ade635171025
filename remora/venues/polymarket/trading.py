"""Our own account: sign once, send the same bytes, look up by digest."""

import contextlib
import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import httpx
from polymarket import AsyncSecureClient, OrderHeartbeatMismatchError, RequestRejectedError
from polymarket.models.clob.account import ClobTrade

from remora.domain.ids import AccountId, ConditionId, OrderDigest, TokenId, WalletAddress
from remora.domain.market import Market
from remora.domain.money import ZERO, Side, from_micros
from remora.domain.orders import (
    Accepted,
    Fill,
    OrderLookup,
    OrderRequest,
    OrderType,
    Rejected,
    SendOutcome,
    SignedOrder,
    Unknown,
)
from remora.venues.polymarket import sdk
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.onchain import OnChain
from remora.venues.polymarket.our_fills import our_fills
from remora.venues.polymarket.reads import Reads
from remora.venues.polymarket.translate import NOT_FOUND, translated
from remora.venues.polymarket.wire.values import json_value, number, text_of
from remora.venues.venue import Holding, VenueError, VenueRefused

SEND_TIMEOUT = httpx.Timeout(connect=2.0, read=3.0, write=2.0, pool=1.0)
"""Shorter than an order activity's heartbeat timeout: a hanging venue must not look like a dead worker."""

CODES = (
    ("not enough balance / allowance", "not_enough_balance"),
    ("no orders found to match with FAK order", "fak_not_filled"),
    ("couldn't be fully filled", "fok_not_filled"),
    ("breaks minimum tick size", "tick_size"),
    ("lower than the minimum", "below_minimum"),
    ("min size: $1", "below_minimum"),
    ("not yet ready to process", "market_not_ready"),
    ("order_version_mismatch", "order_version_mismatch"),
    ("closed only mode", "closed_only"),
    ("restricted in your region", "region_blocked"),
)
EXPIRES_EARLY = timedelta(seconds=60)
"""The venue takes an order out of the book this long before the expiration that it states."""

AMBIGUOUS_STATUS = (408, 425, 429)
RESTARTING = 425
MODE_STATUS = 503
MESSAGE_MAX = 2_000


class TradingSide:
    """Implements :class:`remora.venues.venue.Trading` on the official client."""

    def __init__(
        self, client: AsyncSecureClient, endpoints: Endpoints, reads: Reads, *, now: Callable[[], datetime]
    ) -> None:
        self._secure = client
        self._endpoints = endpoints
        self._reads = reads
        self._now = now
        self._heartbeat = ""
        self.chain = OnChain(client)
        self._http = httpx.AsyncClient(base_url=endpoints.clob_url, trust_env=False, timeout=SEND_TIMEOUT)

    async def close(self) -> None:
        """Close the connection that orders go over."""
        await self._http.aclose()

    @property
    def account(self) -> AccountId:
        """The wallet that holds the money."""
        return AccountId(str(self._secure.wallet).lower())

    async def sign(self, request: OrderRequest, market: Market) -> SignedOrder:
        """Sign once; every call makes a new order with a new digest."""
        async with translated("signing an order"):
            signed = await self._signed(request)
        return sdk.wire_order(signed, neg_risk=market.neg_risk, api_key=sdk.api_key(self._secure))

    async def _signed(self, request: OrderRequest) -> Any:
        if request.order_type in (OrderType.GTC, OrderType.GTD):
            return await self._secure.create_limit_order(
                token_id=request.token_id,
                price=request.limit_price,
                size=request.shares,
                side=request.side.value,
                expiration=_expiration(request),
            )
        kind: Literal["FAK", "FOK"] = "FAK" if request.order_type is OrderType.FAK else "FOK"
        if request.side is Side.BUY:
            if request.notional is None:
                raise VenueRefused("a market purchase needs the dollars it may spend")
            return await self._secure.create_market_order(
                token_id=request.token_id,
                side="BUY",
                amount=request.notional,
                max_price=request.limit_price,
                order_type=kind,
            )
        return await self._secure.create_market_order(
            token_id=request.token_id,
            side="SELL",
            shares=request.shares,
            min_price=request.limit_price,
            order_type=kind,
        )

    async def send(self, order: SignedOrder) -> SendOutcome:
        """Post the persisted bytes; whatever leaves doubt is Unknown, never an exception."""
        headers = sdk.request_headers(
            self._secure,
            method="POST",
            path="/order",
            body=order.payload,
            timestamp_s=int(self._now().timestamp()),
        )
        try:
            answer = await self._http.post(
                "/order", content=order.payload, headers={**headers, "Content-Type": "application/json"}
            )
        except httpx.HTTPError as error:
            return Unknown(digest=order.digest, cause=f"{type(error).__name__}: {error}")
        found = outcome(order.digest, answer.status_code, answer.text)
        if isinstance(found, Rejected) and found.code == "tick_size":
            await self._read_tick_again(order)
        return found

    async def _read_tick_again(self, order: SignedOrder) -> None:
        """Let the client forget a tick that the venue has changed: it would sign the next order wrong too."""
        token = str(json.loads(order.payload)["order"]["tokenId"])
        with contextlib.suppress(VenueError):
            async with translated("reading a market's tick"):
                await sdk.read_order_metadata(self._secure, token, again=True)

    async def look_up(
        self, digest: OrderDigest, *, condition_id: ConditionId, may_rest: bool = True
    ) -> OrderLookup:
        """Search open orders and account trades for a digest; only the trades unless it `may_rest`."""
        live = may_rest and await self._rests(digest)
        fills = [fill for fill in await self._fills(market=condition_id) if fill.order_digest == digest]
        return OrderLookup(digest=digest, found=live or bool(fills), live=live, fills=tuple(fills))

    async def _rests(self, digest: OrderDigest) -> bool:
        async with self._reads.limiter.reading("orders", "looking up an order"):
            try:
                order = await self._secure.get_order(order_id=digest)
            except RequestRejectedError as error:
                if error.status == NOT_FOUND:
                    return False
                raise
        return str(order.status).upper() in ("LIVE", "DELAYED")

    async def cancel(self, digest: OrderDigest) -> bool:
        """Cancel a resting order; False when the venue says that it no longer rests."""
        async with translated("cancelling an order"):
            answer = await self._secure.cancel_order(order_id=digest)
        return digest in {str(name) for name in answer.canceled}

    async def beat(self) -> None:
        """Say that we are there: from then on ten seconds of silence let the venue cancel what rests."""
        async with translated("sending a heartbeat"):
            try:
                answer = await self._secure.send_order_heartbeat(heartbeat_id=self._heartbeat)
            except OrderHeartbeatMismatchError as error:
                # another process beat in between, or the venue forgot us
                answer = await self._secure.send_order_heartbeat(heartbeat_id=error.heartbeat_id)
        self._heartbeat = answer.heartbeat_id

    async def open_orders(self) -> list[OrderDigest]:
        """Return the digests of all our resting orders."""
        async with self._reads.limiter.reading("orders", "listing open orders"):
            return [OrderDigest(row.id) async for row in self._secure.list_open_orders().iter_items()]

    async def fills(self, *, since: datetime) -> list[Fill]:
        """Return our fills matched since venue time `since`, oldest first."""
        return await self._fills(after=str(int(since.timestamp())))

    async def _fills(self, **filters: str) -> list[Fill]:
        async with self._reads.limiter.reading("orders", "listing our trades"):
            rows = [row async for row in self._secure.list_account_trades(**filters).iter_items()]
        found = [fill for row in rows for fill in await self.fills_of(row)]
        # listed newest first, stamped in whole seconds: within one of them the listing knows which came first
        found.reverse()
        return sorted(found, key=lambda fill: fill.matched_at)

    async def fills_of(self, row: ClobTrade) -> list[Fill]:
        """Return our side of a trade; raise VenueUnavailable when its numbers are none."""
        taker = row.trader_side == "TAKER"
        market = await self._reads.market(ConditionId(row.condition_id)) if taker else None
        return our_fills(row, self.account, market)

    async def cash(self) -> Decimal:
        """Return spendable dollars."""
        async with self._reads.limiter.reading("balance", "reading the balance"):
            found = await self._secure.get_balance_allowance(asset_type="COLLATERAL")
        return from_micros(found.balance)

    async def shares(self, token_id: TokenId) -> Decimal:
        """Return the shares we hold of a token."""
        async with self._reads.limiter.reading("balance", "reading a holding"):
            found = await self._secure.get_balance_allowance(asset_type="CONDITIONAL", token_id=token_id)
        return from_micros(found.balance)

    async def holdings(self) -> list[Holding]:
        """Return all shares the account holds, as the Data API lists them some seconds later."""
        async with self._reads.limiter.reading("data", "listing holdings"):
            rows = [row async for row in self._secure.list_positions(user=self.account).iter_items()]
        return [
            Holding(
                token_id=TokenId(str(row.asset_id)),
                condition_id=ConditionId(row.condition_id),
                shares=row.current_size,
                redeemable=bool(row.redeemable),
            )
            for row in rows
        ]

    async def redeem(self, condition_id: ConditionId) -> Decimal:
        """Redeem a resolved market's shares and return the dollars credited; 0 when nothing was left."""
        return await self.chain.redeem(await self._reads.market(condition_id))

    async def redeemed(self, condition_id: ConditionId) -> Decimal | None:
        """Return the dollars that a market's redemptions have paid us, as the Data API shows them later."""
        return await self._reads.redeemed_by(WalletAddress(self.account), condition_id)


def outcome(digest: OrderDigest, status: int, body: str) -> SendOutcome:
    """Return what a reply to ``POST /order`` means; anything unclear is Unknown."""
    parsed = json_value(body)
    if not isinstance(parsed, dict):
        return Unknown(digest=digest, cause=f"status {status} without a JSON object")
    mode = _mode(status, parsed)
    if mode is not None:
        return Rejected(digest=digest, code=mode, message=text_of(parsed.get("error")) or f"status {status}")
    if status in AMBIGUOUS_STATUS or not (200 <= status < 300 or 400 <= status < 500):
        return Unknown(digest=digest, cause=f"status {status}: {body[:200]}")
    if status >= 400:
        return _refused(digest, str(parsed.get("error", f"status {status}")))
    success, error = parsed.get("success"), parsed.get("errorMsg") or ""
    if success is False or text_of(error):
        return _refused(digest, text_of(error) or f"status {parsed.get('status')!r}")
    if success is not True or error or text_of(parsed.get("orderID")) is None:
        return Unknown(digest=digest, cause=f"status {status} says neither yes nor no: {body[:200]}")
    making, taking = _amount(parsed.get("makingAmount")), _amount(parsed.get("takingAmount"))
    state, trades = parsed.get("status"), parsed.get("tradeIDs")
    return Accepted(
        digest=digest,
        live=state == "live",
        delayed=state == "delayed",
        matched_shares=max(making, taking),
        matched_notional=min(making, taking),
        trade_ids=tuple(str(trade) for trade in trades) if isinstance(trades, list) else (),
    )


def _expiration(request: OrderRequest) -> int | None:
    """Return what a GTD order must state; None, which makes the client sign a GTC order, for a GTC order."""
    if request.order_type is not OrderType.GTD:
        return None
    if request.expires_at is None:
        raise VenueRefused("a GTD order needs the time at which it expires")
    return math.ceil((request.expires_at + EXPIRES_EARLY).timestamp())


def _mode(status: int, body: Mapping[Any, Any]) -> str | None:
    """Return which mode of the venue an answer names: it refused the order before its engine saw it."""
    error = text_of(body.get("error")) or ""
    if status == RESTARTING and error:
        return "venue_restarting"
    if status == MODE_STATUS and body.get("code") == "post_only_mode":
        return "post_only_mode"
    return "cancel_only_mode" if status == MODE_STATUS and "cancel-only" in error else None


def _refused(digest: OrderDigest, message: str) -> SendOutcome:
    if "Duplicated" in message:
        return Unknown(digest=digest, cause="the venue has this order already")
    code = next((code for text, code in CODES if text in message), "rejected")
    return Rejected(digest=digest, code=code, message=message[:MESSAGE_MAX].replace("\0", ""))


def _amount(value: object) -> Decimal:
    """Return an amount as far as it can be read; shares cost less than a dollar, so the larger one is shares."""
    return max(ZERO, number(value) or ZERO)
