"""Orders placed and cancelled, and the heartbeats that keep them resting."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from remora.domain.ids import OrderDigest
from remora.domain.money import Side
from remora.venues.twin.auth.keys import Credentials
from remora.venues.twin.clob.intake import refuse_allowance, verified
from remora.venues.twin.clob.signed import signed
from remora.venues.twin.clob.state import ClobState, json_of
from remora.venues.twin.engine.records import Placed, Refusal, RestingOrder, text
from remora.venues.twin.json_answer import Answer, error

BATCH_MAX = 15
CANCELS_MAX = 3000


class OrderRoutes:
    """Routes that change what rests."""

    def __init__(self, state: ClobState) -> None:
        self._state = state
        self._heartbeats: dict[str, str] = {}

    def routes(self) -> list[Route]:
        """Return the routes."""
        state = self._state
        return [
            Route("/order", signed(state, self._post_order), methods=["POST"]),
            Route("/orders", signed(state, self._post_orders), methods=["POST"]),
            Route("/order", signed(state, self._cancel_order), methods=["DELETE"]),
            Route("/orders", signed(state, self._cancel_orders), methods=["DELETE"]),
            Route("/cancel-all", signed(state, self._cancel_all), methods=["DELETE"]),
            Route("/cancel-market-orders", signed(state, self._cancel_market), methods=["DELETE"]),
            Route("/v1/heartbeats", signed(state, self._heartbeat), methods=["POST"]),
        ]

    async def _post_order(self, request: Request, who: Credentials) -> Response:
        busy = self._state.access.engine_refusal()
        if busy is not None:
            return busy
        answer = self._place(await json_of(request), who, request.state.received_at)
        if isinstance(answer, Refusal) and answer.http_status != 200:
            return error(answer.http_status, answer.error)
        return Answer(_answer(answer))

    async def _post_orders(self, request: Request, who: Credentials) -> Response:
        busy = self._state.access.engine_refusal()
        if busy is not None:
            return busy
        payloads = await json_of(request)
        if not isinstance(payloads, list) or not 1 <= len(payloads) <= BATCH_MAX:
            return error(400, "Invalid order payload")
        return Answer([_answer(self._place(one, who, request.state.received_at)) for one in payloads])

    def _place(self, payload: Any, who: Credentials, received_at: datetime) -> Placed | Refusal:
        order = verified(payload, who, received_at, self._state.exchange, self._state.sessions)
        if isinstance(order, Refusal):
            return order
        refused = self._state.access.refusal(who.address, buys=order.side is Side.BUY)
        if refused is not None:
            return Refusal(*refused)
        found = self._state.exchange.listing_of(order.token_id)
        short = None if found is None else refuse_allowance(order, found[0], self._state.allowances)
        if short is not None:
            return short
        how = self._state.treat(order)
        return self._state.exchange.place(
            order, now=self._state.now(), wall=self._state.wall(), delay=how.delay, parts=how.parts
        )

    async def _cancel_order(self, request: Request, who: Credentials) -> Response:
        payload = await json_of(request)
        digest = payload.get("orderID") if isinstance(payload, dict) else None
        return self._cancel([digest], who) if isinstance(digest, str) and digest else error(400, "Invalid orderID")

    async def _cancel_orders(self, request: Request, who: Credentials) -> Response:
        payload = await json_of(request)
        if not isinstance(payload, list) or len(payload) > CANCELS_MAX or not _texts(payload):
            return error(400, "Invalid order payload")
        return self._cancel(payload, who)

    async def _cancel_all(self, _request: Request, who: Credentials) -> Response:
        return self._cancel([order.digest for order in self._resting(who)], who)

    async def _cancel_market(self, request: Request, who: Credentials) -> Response:
        payload = await json_of(request)
        if not isinstance(payload, dict):
            return error(400, "Invalid order payload")
        market, token = payload.get("market") or "", payload.get("asset_id") or ""
        if not (market or token) or not _texts([market, token]):
            return error(400, "Invalid order payload")
        wanted = [
            order.digest
            for order in self._resting(who)
            if market in ("", order.condition_id) and token in ("", order.token_id)
        ]
        return self._cancel(wanted, who)

    def _resting(self, who: Credentials) -> list[RestingOrder]:
        return [
            order
            for wallet in sorted(self._state.sessions.all_wallets(who.address))
            for order in self._state.exchange.open_orders(wallet)
        ]

    def _cancel(self, digests: Sequence[str], who: Credentials) -> Response:
        done, refused = [], {}
        wallets = self._state.sessions.all_wallets(who.address)
        for name in digests:
            digest = OrderDigest(name)
            order = self._state.exchange.orders.get(digest)
            if order is None or order.owner not in wallets:
                refused[name] = "order not found"
            elif self._state.exchange.cancel(digest, self._state.now()):
                done.append(name)
            else:
                refused[name] = "the order is already canceled or matched"
        return Answer({"canceled": done, "not_canceled": refused})

    async def _heartbeat(self, request: Request, who: Credentials) -> Response:
        """Take a heartbeat: the first arms the dead-man switch, each names the one before it."""
        payload = await json_of(request)
        given = payload.get("heartbeat_id", "") if isinstance(payload, dict) else None
        armed = self._state.exchange.listens_to(who.api_key)
        expected = self._heartbeats.get(who.api_key, "") if armed else ""
        if given != expected:
            return Answer({"error_msg": "Invalid Heartbeat ID", "heartbeat_id": expected}, status_code=400)
        following = f"{int(self._heartbeats.get(who.api_key, '0'), 16) + 1:032x}"
        self._heartbeats[who.api_key] = following
        self._state.exchange.beat(who.api_key, self._state.wall())
        return Answer({"heartbeat_id": following})


def _texts(values: Sequence[object]) -> bool:
    return all(isinstance(value, str) for value in values)


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
