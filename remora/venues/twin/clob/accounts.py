"""The signed half of the CLOB: credentials, orders, cancels, account reads."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from remora.domain.ids import OrderDigest, TokenId
from remora.domain.money import Side
from remora.venues.twin.auth.eip712 import Unsigned, WireOrder, signer_of
from remora.venues.twin.auth.keys import Credentials, Unauthorised
from remora.venues.twin.clob import wire
from remora.venues.twin.clob.state import ClobState, error
from remora.venues.twin.engine.records import NewOrder, Placed, Refusal, Trade, text

V1_FIELDS = ("nonce", "feeRateBps", "taker")
END = "LTE="
BATCH_MAX = 15
MAX_ALLOWANCE = str(2**256 - 1)
EOA = 0

Handler = Callable[[Request, Credentials, str], Awaitable[Response]]


class Accounts:
    """Routes that need a wallet's or an API key's signature."""

    def __init__(self, state: ClobState) -> None:
        self._state = state
        self._heartbeats: dict[str, str] = {}

    def routes(self) -> list[Route]:
        """Return the routes."""
        signed = self._signed
        return [
            Route("/auth/api-key", self._create_key, methods=["POST"]),
            Route("/auth/derive-api-key", self._derive_key),
            Route("/auth/api-keys", signed(self._list_keys)),
            Route("/auth/api-key", signed(self._delete_key), methods=["DELETE"]),
            Route("/auth/ban-status/closed-only", signed(self._closed_only)),
            Route("/order", signed(self._post_order), methods=["POST"]),
            Route("/orders", signed(self._post_orders), methods=["POST"]),
            Route("/order", signed(self._cancel_order), methods=["DELETE"]),
            Route("/orders", signed(self._cancel_orders), methods=["DELETE"]),
            Route("/cancel-all", signed(self._cancel_all), methods=["DELETE"]),
            Route("/cancel-market-orders", signed(self._cancel_market), methods=["DELETE"]),
            Route("/data/orders", signed(self._open_orders)),
            Route("/data/order/{digest}", signed(self._one_order)),
            Route("/data/trades", signed(self._trades)),
            Route("/balance-allowance", signed(self._balance)),
            Route("/balance-allowance/update", signed(self._balance)),
            Route("/notifications", signed(self._notifications), methods=["GET", "DELETE"]),
            Route("/v1/heartbeats", signed(self._heartbeat), methods=["POST"]),
        ]

    def _signed(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def checked(request: Request) -> Response:
            request.state.received_at = self._state.wall()
            body = (await request.body()).decode()
            try:
                who = self._state.keys.check_request(
                    _poly(request),
                    method=request.method,
                    path=request.url.path,
                    body=body,
                    now=self._state.wall(),
                )
            except Unauthorised as problem:
                return error(401, str(problem))
            return await handler(request, who, body)

        return checked

    async def _create_key(self, request: Request) -> Response:
        try:
            address, nonce = self._state.keys.check_wallet(_poly(request), self._state.wall())
        except Unauthorised as problem:
            return error(401, str(problem))
        made = self._state.keys.create(address, nonce)
        return error(400, "Could not create api key") if made is None else JSONResponse(made.as_json())

    async def _derive_key(self, request: Request) -> Response:
        try:
            address, nonce = self._state.keys.check_wallet(_poly(request), self._state.wall())
        except Unauthorised as problem:
            return error(401, str(problem))
        made = self._state.keys.derive(address, nonce)
        return error(400, "Could not derive api key!") if made is None else JSONResponse(made.as_json())

    async def _list_keys(self, request: Request, who: Credentials, body: str) -> Response:
        return JSONResponse({"apiKeys": self._state.keys.of(who.address)})

    async def _delete_key(self, request: Request, who: Credentials, body: str) -> Response:
        self._state.keys.remove(who)
        return JSONResponse("OK")

    async def _closed_only(self, request: Request, who: Credentials, body: str) -> Response:
        return JSONResponse({"closed_only": False})

    async def _post_order(self, request: Request, who: Credentials, body: str) -> Response:
        answer = self._place(_json(body), who, request.state.received_at)
        if isinstance(answer, Refusal) and answer.http_status != 200:
            return error(answer.http_status, answer.error)
        return JSONResponse(_answer(answer))

    async def _post_orders(self, request: Request, who: Credentials, body: str) -> Response:
        payloads = _json(body)
        if not isinstance(payloads, list) or not 1 <= len(payloads) <= BATCH_MAX:
            return error(400, "Invalid order payload")
        return JSONResponse([_answer(self._place(one, who, request.state.received_at)) for one in payloads])

    def _place(self, payload: Any, who: Credentials, received_at: Any) -> Placed | Refusal:
        invalid = Refusal(400, "Invalid order payload")
        if not isinstance(payload, dict) or not isinstance(payload.get("order"), dict):
            return invalid
        raw = payload["order"]
        if any(field in raw for field in V1_FIELDS):
            return Refusal(400, "order_version_mismatch")
        kind = wire.order_type(payload.get("orderType"))
        if kind is None:
            return invalid
        if payload.get("owner") != who.api_key:
            return Refusal(400, "the order owner has to be the owner of the API KEY")
        found = self._state.exchange.listing_of(TokenId(str(raw.get("tokenId"))))
        try:
            order = WireOrder.parse(raw)
            digest = order.digest(neg_risk=found is not None and found[0].spec.neg_risk)
            refusal = _check_signer(order, digest, who)
        except Unsigned as problem:
            return Refusal(400, str(problem))
        if refusal is not None:
            return refusal
        return self._state.exchange.place(
            NewOrder(
                digest=OrderDigest(digest),
                owner=order.maker,
                api_key=who.api_key,
                token_id=TokenId(str(order.token_id)),
                side=Side(order.side),
                maker_amount=order.maker_amount,
                taker_amount=order.taker_amount,
                order_type=kind,
                post_only=payload.get("postOnly") is True,
                expiration=_integer(raw.get("expiration", "0")),
                received_at=received_at,
            ),
            now=self._state.now(),
            wall=self._state.wall(),
        )

    async def _cancel_order(self, request: Request, who: Credentials, body: str) -> Response:
        payload = _json(body)
        digest = payload.get("orderID") if isinstance(payload, dict) else None
        return self._cancel([str(digest)], who) if digest else error(400, "Invalid orderID")

    async def _cancel_orders(self, request: Request, who: Credentials, body: str) -> Response:
        payload = _json(body)
        return (
            self._cancel([str(one) for one in payload], who)
            if isinstance(payload, list)
            else error(400, "Invalid payload")
        )

    async def _cancel_all(self, request: Request, who: Credentials, body: str) -> Response:
        return self._cancel([order.digest for order in self._state.exchange.open_orders(who.address)], who)

    async def _cancel_market(self, request: Request, who: Credentials, body: str) -> Response:
        payload = _json(body) if body else {}
        wanted = [
            order.digest
            for order in self._state.exchange.open_orders(who.address)
            if payload.get("market") in (None, "", order.condition_id)
            and payload.get("asset_id") in (None, "", order.token_id)
        ]
        return self._cancel(wanted, who)

    def _cancel(self, digests: Sequence[str], who: Credentials) -> Response:
        done, refused = [], {}
        for name in digests:
            digest = OrderDigest(name)
            order = self._state.exchange.orders.get(digest)
            if order is None or order.owner != who.address:
                refused[name] = "order not found"
            elif self._state.exchange.cancel(digest, self._state.now()):
                done.append(name)
            else:
                refused[name] = "the order is already canceled or matched"
        return JSONResponse({"canceled": done, "not_canceled": refused})

    async def _open_orders(self, request: Request, who: Credentials, body: str) -> Response:
        query = request.query_params
        rows = [
            wire.open_order(order, self._state.exchange.listings[order.condition_id])
            for order in self._state.exchange.open_orders(who.address)
            if query.get("market") in (None, order.condition_id)
            and query.get("asset_id") in (None, order.token_id)
            and query.get("id") in (None, order.digest)
        ]
        return JSONResponse({"data": rows, "next_cursor": END, "limit": 100, "count": len(rows)})

    async def _one_order(self, request: Request, who: Credentials, body: str) -> Response:
        order = self._state.exchange.orders.get(OrderDigest(request.path_params["digest"]))
        if order is None or order.owner != who.address or order.status.value != "LIVE":
            return error(404, "order not found")
        return JSONResponse(wire.open_order(order, self._state.exchange.listings[order.condition_id]))

    async def _trades(self, request: Request, who: Credentials, body: str) -> Response:
        query = request.query_params
        exchange = self._state.exchange
        rows = [
            wire.trade(trade, exchange.listings[trade.condition_id], who.address)
            for trade in reversed(exchange.trades_of(who.address))
            if _wanted(trade, query)
        ]
        start = _integer(query.get("next_cursor", "0")) if query.get("next_cursor", "MA==").isdigit() else 0
        page = rows[start : start + 500]
        following = END if start + 500 >= len(rows) else str(start + 500)
        return JSONResponse({"data": page, "next_cursor": following, "limit": 500, "count": len(page)})

    async def _balance(self, request: Request, who: Credentials, body: str) -> Response:
        query = request.query_params
        account = self._state.exchange.account(who.address)
        if query.get("asset_type") == "COLLATERAL":
            amount = account.cash
        else:
            amount = account.shares.get(TokenId(query.get("token_id", "")), 0)
        return JSONResponse(
            {"balance": str(amount), "allowances": dict.fromkeys(self._state.spenders, MAX_ALLOWANCE)}
        )

    async def _notifications(self, request: Request, who: Credentials, body: str) -> Response:
        return JSONResponse([] if request.method == "GET" else "OK")

    async def _heartbeat(self, request: Request, who: Credentials, body: str) -> Response:
        payload = _json(body)
        given = payload.get("heartbeat_id", "") if isinstance(payload, dict) else ""
        expected = self._heartbeats.get(who.api_key, "")
        if given != expected:
            return JSONResponse({"error_msg": "Invalid Heartbeat ID", "heartbeat_id": expected}, status_code=400)
        following = f"{int(expected or '0', 16) + 1:032x}"
        self._heartbeats[who.api_key] = following
        return JSONResponse({"heartbeat_id": following})


def _wanted(trade: Trade, query: QueryParams) -> bool:
    at = trade.matched_at.timestamp()
    tokens = {trade.taker.token_id, *(maker.token_id for maker in trade.makers)}
    return (
        query.get("id") in (None, trade.id)
        and query.get("market") in (None, trade.condition_id)
        and query.get("asset_id", trade.taker.token_id) in tokens
        and ("after" not in query or at >= _integer(query["after"]))
        and ("before" not in query or at <= _integer(query["before"]))
    )


def _check_signer(order: WireOrder, digest: str, who: Credentials) -> Refusal | None:
    if order.signature_type != EOA:
        return Refusal(400, "this exchange takes orders of externally owned accounts (signature type 0) only")
    if order.signer != who.address:
        return Refusal(400, "the order signer address has to be the address of the API KEY")
    if order.maker != order.signer or signer_of(digest, order.signature) != order.signer:
        return Refusal(400, "invalid signature")
    return None


def _answer(answer: Placed | Refusal) -> dict[str, Any]:
    if isinstance(answer, Refusal):
        return {
            "success": False,
            "errorMsg": answer.error,
            "orderID": "",
            "status": "",
            "makingAmount": "",
            "takingAmount": "",
        }
    return {
        "success": True,
        "errorMsg": "",
        "orderID": answer.digest,
        "status": answer.status,
        "makingAmount": text(answer.making) if answer.making else "",
        "takingAmount": text(answer.taking) if answer.taking else "",
        "tradeIDs": list(answer.trade_ids),
    }


def _poly(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items() if name.lower().startswith("poly")}


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _integer(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0
