"""The public half of the CLOB: books and prices."""

from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import Side
from remora.venues.twin.clob import wire
from remora.venues.twin.clob.state import END, ClobState, json_of
from remora.venues.twin.engine.records import UNIT, text
from remora.venues.twin.json_answer import Answer, error

NO_BOOK = "No orderbook exists for the requested token id"


class MarketData:
    """Routes anyone may read."""

    def __init__(self, state: ClobState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self._ok),
            Route("/ok", self._ok),
            Route("/time", self._time),
            Route("/version", self._version),
            Route("/book", self._book),
            Route("/books", self._books, methods=["POST"]),
            Route("/midpoint", self._midpoint),
            Route("/midpoints", self._midpoints, methods=["POST"]),
            Route("/price", self._price),
            Route("/prices", self._prices, methods=["POST"]),
            Route("/spread", self._spread),
            Route("/spreads", self._spreads, methods=["POST"]),
            Route("/last-trade-price", self._last),
            Route("/last-trades-prices", self._lasts, methods=["POST"]),
            Route("/tick-size", self._tick),
            Route("/neg-risk", self._neg_risk),
            Route("/fee-rate", self._fee_rate),
            Route("/fees/builder-fees/{code}", self._builder_fees),
            Route("/markets-by-token/{token}", self._by_token),
            Route("/clob-markets/{condition}", self._clob_market),
            Route("/markets", self._markets),
            Route("/simplified-markets", self._markets),
            Route("/sampling-markets", self._markets),
            Route("/sampling-simplified-markets", self._markets),
            Route("/markets/{condition}", self._market),
        ]

    async def _ok(self, request: Request) -> Response:
        return Answer("OK")

    async def _time(self, request: Request) -> Response:
        shown = self._state.wall().timestamp() + self._state.access.clock_offset_s
        return PlainTextResponse(str(int(shown)), media_type="application/json")

    async def _version(self, request: Request) -> Response:
        return Answer({"version": 2})

    def _token(self, request: Request) -> TokenId | None:
        token = TokenId(request.query_params.get("token_id", ""))
        return token if token in self._state.exchange.tokens else None

    async def _tokens(self, request: Request) -> list[dict[str, Any]]:
        asked, known = await json_of(request), self._state.exchange.tokens
        rows = asked if isinstance(asked, list) else []
        return [
            row
            for row in rows
            if isinstance(row, dict) and isinstance(row.get("token_id"), str) and row["token_id"] in known
        ]

    async def _book(self, request: Request) -> Response:
        token = self._token(request)
        if token is None:
            return error(404, NO_BOOK)
        return Answer(wire.book(self._state.exchange, token, self._state.now()))

    async def _books(self, request: Request) -> Response:
        return Answer(
            [
                wire.book(self._state.exchange, TokenId(row["token_id"]), self._state.now())
                for row in await self._tokens(request)
            ]
        )

    def _ends(self, token: TokenId) -> tuple[int | None, int | None]:
        exchange = self._state.exchange
        return exchange.best(token, Side.BUY), exchange.best(token, Side.SELL)

    def _mid(self, token: TokenId) -> str | None:
        bid, ask = self._ends(token)
        return None if bid is None or ask is None else text((bid + ask) // 2)

    async def _midpoint(self, request: Request) -> Response:
        token = self._token(request)
        mid = None if token is None else self._mid(token)
        return error(404, NO_BOOK) if mid is None else Answer({"mid": mid})

    async def _midpoints(self, request: Request) -> Response:
        found = {row["token_id"]: self._mid(row["token_id"]) for row in await self._tokens(request)}
        return Answer({token: mid for token, mid in found.items() if mid is not None})

    def _best(self, token: TokenId, side: str) -> str | None:
        best = self._state.exchange.best(token, Side.BUY if side.upper() == "BUY" else Side.SELL)
        return None if best is None else text(best)

    async def _price(self, request: Request) -> Response:
        token, side = self._token(request), request.query_params.get("side", "")
        if side.upper() not in ("BUY", "SELL"):
            return error(400, "Invalid side")
        best = None if token is None else self._best(token, side)
        return error(404, NO_BOOK) if best is None else Answer({"price": best})

    async def _prices(self, request: Request) -> Response:
        found: dict[str, dict[str, str]] = {}
        for row in await self._tokens(request):
            side = str(row.get("side", "")).upper()
            best = self._best(row["token_id"], side)
            if best is not None:
                found.setdefault(row["token_id"], {})[side] = best
        return Answer(found)

    def _gap(self, token: TokenId) -> str | None:
        bid, ask = self._ends(token)
        return None if bid is None or ask is None else text(ask - bid)

    async def _spread(self, request: Request) -> Response:
        token = self._token(request)
        gap = None if token is None else self._gap(token)
        return error(404, NO_BOOK) if gap is None else Answer({"spread": gap})

    async def _spreads(self, request: Request) -> Response:
        found = {row["token_id"]: self._gap(row["token_id"]) for row in await self._tokens(request)}
        return Answer({token: gap for token, gap in found.items() if gap is not None})

    def _last_of(self, token: TokenId) -> dict[str, str]:
        condition, outcome = self._state.exchange.tokens[token]
        listing = self._state.exchange.listings[condition]
        if listing.last_price is None or listing.last_side is None:
            return {"price": "0.5", "side": ""}
        price = listing.last_price if outcome == 0 else UNIT - listing.last_price
        return {"price": text(price), "side": listing.last_side.value}

    async def _last(self, request: Request) -> Response:
        token = self._token(request)
        return error(404, NO_BOOK) if token is None else Answer(self._last_of(token))

    async def _lasts(self, request: Request) -> Response:
        """Answer with the tokens that traded; the others are left out."""
        found = [
            {"token_id": row["token_id"], **self._last_of(row["token_id"])} for row in await self._tokens(request)
        ]
        return Answer([row for row in found if row["side"]])

    async def _tick(self, request: Request) -> Response:
        token = self._token(request)
        if token is None:
            return error(404, "market not found")
        listing = self._state.exchange.listings[self._state.exchange.tokens[token][0]]
        return Answer({"minimum_tick_size": float(listing.tick_size)})

    async def _neg_risk(self, request: Request) -> Response:
        token = self._token(request)
        if token is None:
            return error(404, "market not found")
        listing = self._state.exchange.listings[self._state.exchange.tokens[token][0]]
        return Answer({"neg_risk": listing.spec.neg_risk})

    async def _fee_rate(self, request: Request) -> Response:
        return error(404, "market not found") if self._token(request) is None else Answer({"base_fee": 0})

    async def _builder_fees(self, request: Request) -> Response:
        """Answer that nobody's builder code costs anything here."""
        return Answer({"builder_maker_fee_rate_bps": 0, "builder_taker_fee_rate_bps": 0})

    async def _by_token(self, request: Request) -> Response:
        found = self._state.exchange.tokens.get(TokenId(request.path_params["token"]))
        return error(404, "market not found") if found is None else Answer({"condition_id": found[0]})

    async def _clob_market(self, request: Request) -> Response:
        listing = self._state.exchange.listings.get(ConditionId(request.path_params["condition"]))
        return error(404, "market not found") if listing is None else Answer(wire.clob_market(listing))

    async def _market(self, request: Request) -> Response:
        listing = self._state.exchange.listings.get(ConditionId(request.path_params["condition"]))
        return error(404, "market not found") if listing is None else Answer(wire.market(listing))

    async def _markets(self, request: Request) -> Response:
        found = [wire.market(listing) for listing in self._state.exchange.listings.values()]
        return Answer({"data": found, "next_cursor": END, "limit": 1000, "count": len(found)})
