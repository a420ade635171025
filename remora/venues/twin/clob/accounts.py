"""What an account may read about itself: orders, trades, balances."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from eth_utils.address import to_checksum_address
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from remora.domain.ids import OrderDigest, TokenId
from remora.venues.twin.auth.keys import Credentials
from remora.venues.twin.auth.wallets import SignatureType
from remora.venues.twin.chain.allowances import UNLIMITED
from remora.venues.twin.chain.contracts import EXCHANGES, token_contract
from remora.venues.twin.clob import wire
from remora.venues.twin.clob.signed import signed
from remora.venues.twin.clob.state import END, ClobState, whole
from remora.venues.twin.engine.records import OrderStatus, RestingOrder, Trade
from remora.venues.twin.faults.switchboard import FaultKind
from remora.venues.twin.json_answer import Answer, error

TRADES_PAGE = 500
ORDERS_PAGE = 100
TOKEN_TYPES = ("CONDITIONAL", "CONDITIONAL-V2")


class AccountRoutes:
    """Reads that need an API key's signature; they cover every wallet of the key behind it."""

    def __init__(self, state: ClobState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Return the routes."""
        state = self._state
        return [
            Route("/data/orders", signed(state, self._open_orders)),
            Route("/data/order/{digest}", signed(state, self._one_order)),
            Route("/data/trades", signed(state, self._trades)),
            Route("/balance-allowance", signed(state, self._balance)),
            Route("/balance-allowance/update", signed(state, self._balance)),
            Route("/notifications", signed(state, self._notifications), methods=["GET", "DELETE"]),
        ]

    async def _open_orders(self, request: Request, who: Credentials) -> Response:
        query = request.query_params
        found = [
            order
            for wallet in sorted(self._state.sessions.all_wallets(who.address))
            for order in self._state.exchange.waiting_orders(wallet)
            if query.get("market") in (None, order.condition_id)
            and query.get("asset_id") in (None, order.token_id)
            and query.get("id") in (None, order.digest)
        ]
        return _page([self._row(order) for order in found], query, ORDERS_PAGE)

    def _row(self, order: RestingOrder) -> dict[str, Any]:
        return wire.open_order(order, self._state.exchange.listings[order.condition_id])

    async def _one_order(self, request: Request, who: Credentials) -> Response:
        order = self._state.exchange.orders.get(OrderDigest(request.path_params["digest"]))
        if order is None or order.owner not in self._state.sessions.all_wallets(who.address):
            return error(404, "order not found")
        if order.status.waiting:
            return Answer(self._row(order))
        if self._state.faults.strikes(FaultKind.ORDER_SHOWN_LIVE):
            return Answer({**self._row(order), "status": OrderStatus.LIVE.value})
        return error(404, "order not found")

    async def _trades(self, request: Request, who: Credentials) -> Response:
        query = request.query_params
        wallets, exchange = self._state.sessions.all_wallets(who.address), self._state.exchange
        found = {trade.id: trade for wallet in sorted(wallets) for trade in exchange.trades_of(wallet)}
        newest_first = sorted(found.values(), key=lambda trade: trade.sequence, reverse=True)
        rows = [
            wire.trade(trade, exchange.listings[trade.condition_id], wallets)
            for trade in newest_first
            if _wanted(trade, query, wallets)
        ]
        return _page(rows, query, TRADES_PAGE)

    async def _balance(self, request: Request, who: Credentials) -> Response:
        query = request.query_params
        kind = whole(query.get("signature_type", "0"))
        if kind not in tuple(SignatureType):
            return error(400, "Invalid signature type")
        wallets = self._state.sessions.wallets_of(who.address, SignatureType(kind))
        accounts = [self._state.exchange.account(name) for name in wallets]
        asset, token = query.get("asset_type"), TokenId(query.get("token_id", ""))
        if asset == "COLLATERAL":
            amount = sum(account.cash for account in accounts)
        elif asset in TOKEN_TYPES and token:
            amount = sum(account.shares.get(token, 0) for account in accounts)
        else:
            return error(400, "Invalid asset type")
        allowed = self._allowed(wallets, "" if asset == "COLLATERAL" else token)
        return Answer({"balance": str(amount), "allowances": allowed})

    def _allowed(self, wallets: frozenset[str], token_id: str) -> dict[str, str]:
        """Return what each exchange may take of the wallets' dollars, or of a token's shares."""
        found: dict[str, str] = {}
        allowances = self._state.allowances
        for exchange in EXCHANGES:
            if token_id:
                contract = token_contract(token_id)
                least = min(UNLIMITED * allowances.shares(contract, wallet, exchange) for wallet in wallets)
            else:
                least = min(allowances.dollars(wallet, exchange) for wallet in wallets)
            found[to_checksum_address(exchange)] = str(least)
        return found

    async def _notifications(self, request: Request, _who: Credentials) -> Response:
        return Answer([] if request.method == "GET" else "OK")


def _wanted(trade: Trade, query: QueryParams, wallets: frozenset[str]) -> bool:
    """Whether a trade passes the filters; the token is the one that the asking wallets themselves traded."""
    at = trade.matched_at.timestamp()
    parties = [
        (trade.taker.owner, trade.taker.token_id),
        *((maker.owner, maker.token_id) for maker in trade.makers),
    ]
    owners = {owner for owner, _token in parties}
    tokens = {token for owner, token in parties if owner in wallets}
    return (
        query.get("id") in (None, trade.id)
        and query.get("market") in (None, trade.condition_id)
        and ("asset_id" not in query or query["asset_id"] in tokens)
        and query.get("maker_address", trade.taker.owner).lower() in owners
        and ("after" not in query or at >= whole(query["after"]))
        and ("before" not in query or at <= whole(query["before"]))
    )


def _page(rows: Sequence[dict[str, Any]], query: QueryParams, limit: int) -> Response:
    start = _position(query.get("next_cursor", ""))
    if start is None:
        return error(400, "Invalid cursor")
    page = rows[start : start + limit]
    following = END if start + limit >= len(rows) else _cursor(start + limit)
    return Answer({"data": page, "next_cursor": following, "limit": limit, "count": len(page)})


def _cursor(position: int) -> str:
    return base64.b64encode(str(position).encode()).decode()


def _position(cursor: str) -> int | None:
    """Return the row behind a cursor, None when it is none of ours."""
    if not cursor:
        return 0
    try:
        position = int(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError):
        return None
    return position if position >= 0 else None
