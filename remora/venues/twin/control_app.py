"""The twin's own API beside the venue's: start, look, fund, and move markets by hand."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from remora.domain.money import ONE, from_micros
from remora.venues.twin.categorical import CategoricalMarket
from remora.venues.twin.control_wire import (
    CategoricalBody,
    ConditionBody,
    FundBody,
    MarketBody,
    QuoteBody,
    RedeemBody,
    ResolveBody,
    TradeBody,
    history_body,
    market_body,
    scenario_body,
    wallet_of,
)
from remora.venues.twin.engine.exchange import Exchange
from remora.venues.twin.listings import Listing
from remora.venues.twin.public_side import PublicSide
from remora.venues.twin.replay import Replay
from remora.venues.twin.replay_clock import ReplayClock
from remora.venues.twin.scenario.identifiers import transaction_hash
from remora.venues.twin.scenario.model import (
    SYNTHETIC_DEPTH,
    ExternalMerge,
    ExternalTrade,
    MarketOpened,
    ResolutionProposed,
    Resolved,
    TradingClosed,
)
from remora.venues.twin.stage import Stage


class ControlError(Exception):
    """A request cannot be done; the message goes to the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True, kw_only=True)
class ControlApp:
    """Handlers over everything that a twin consists of."""

    exchange: Exchange
    public: PublicSide
    stage: Stage
    replay: Replay
    clock: ReplayClock
    endpoints: dict[str, Any]
    books: Callable[[Exchange, str], dict[str, Any]]
    more: list[Route]

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/endpoints", self.show_endpoints),
                Route("/clock", self.show_clock),
                Route("/status", self.status),
                Route("/start", self.start, methods=["POST"]),
                Route("/scenario", self.scenario),
                Route("/wallets", self.wallets),
                Route("/history", self.history),
                Route("/accounts", self.fund, methods=["POST"]),
                Route("/books/{address}", self.show_books),
                Route("/markets", self.list_market, methods=["POST"]),
                Route("/categorical-markets", self.list_categorical, methods=["POST"]),
                Route("/trades", self.trade, methods=["POST"]),
                Route("/quotes", self.quote, methods=["POST"]),
                Route("/propose", self.propose, methods=["POST"]),
                Route("/close", self.close, methods=["POST"]),
                Route("/resolve", self.resolve, methods=["POST"]),
                Route("/redeem", self.redeem, methods=["POST"]),
                *self.more,
            ],
            exception_handlers={ControlError: _refused, ValidationError: _invalid},
        )

    async def health(self, _request: Request) -> JSONResponse:
        """Answer ``GET /health``: 503 once the replay has failed."""
        failed = self.replay.failed
        return JSONResponse({"ok": failed is None, "error": failed}, status_code=200 if failed is None else 503)

    async def show_endpoints(self, _request: Request) -> JSONResponse:
        """Answer ``GET /endpoints``."""
        return JSONResponse(self.endpoints)

    async def show_clock(self, _request: Request) -> JSONResponse:
        """Answer ``GET /clock``."""
        return JSONResponse(self._clock_body())

    def _clock_body(self) -> dict[str, Any]:
        clock = self.clock.clock()
        return {
            "started": self.clock.started,
            "wall_origin": clock.wall_origin.isoformat(),
            "venue_origin": clock.venue_origin.isoformat(),
            "speed": clock.speed,
            "venue_time": self.clock.now().isoformat(),
        }

    async def status(self, _request: Request) -> JSONResponse:
        """Answer ``GET /status``."""
        return JSONResponse(self.replay.progress())

    async def start(self, _request: Request) -> JSONResponse:
        """Answer ``POST /start``: let venue time run; again changes nothing."""
        self.clock.start()
        return JSONResponse(self._clock_body())

    async def scenario(self, _request: Request) -> JSONResponse:
        """Answer ``GET /scenario``."""
        played = self.replay.scenario
        if played is None:
            return JSONResponse(
                {"name": "empty", "source": "no scenario", "notices": [SYNTHETIC_DEPTH], "markets": []}
            )
        return JSONResponse(scenario_body(played))

    async def wallets(self, _request: Request) -> JSONResponse:
        """Answer ``GET /wallets``: who has real skill; empty for a recording, where nobody knows."""
        played = self.replay.scenario
        return JSONResponse({"wallets": [asdict(truth) for truth in played.wallets] if played else []})

    async def history(self, request: Request) -> JSONResponse:
        """Answer ``GET /history?before=``: what was public before an instant, at most the window's start."""
        played = self.replay.scenario
        body: dict[str, Any] = {"before": None, "trades": [], "merges": [], "resolutions": []}
        if played is None:
            return JSONResponse(body)
        before = min(_instant(request.query_params.get("before"), played.window_start), played.window_start)
        body["before"] = before.isoformat()
        specs = {spec.condition_id: spec for spec in played.markets}
        for event in played.events:
            if event.at >= before:
                break
            if isinstance(event, ExternalTrade):
                body["trades"].append(history_body(event, specs[event.condition_id]))
            elif isinstance(event, ExternalMerge):
                body["merges"].append(
                    {
                        "at": event.at.isoformat(),
                        "wallet": event.wallet,
                        "condition_id": event.condition_id,
                        "size": str(event.size),
                        "transaction_hash": event.transaction_hash,
                    }
                )
            elif isinstance(event, Resolved):
                body["resolutions"].append(
                    {
                        "at": event.at.isoformat(),
                        "condition_id": event.condition_id,
                        "event_id": specs[event.condition_id].event_id,
                        "tokens": list(specs[event.condition_id].tokens),
                        "payouts": [str(payout) for payout in event.payouts],
                    }
                )
        return JSONResponse(body)

    async def fund(self, request: Request) -> JSONResponse:
        """Answer ``POST /accounts``: credit dollars."""
        body = FundBody.model_validate(await _json(request))
        self.exchange.deposit(body.address.lower(), body.cash)
        return JSONResponse(self.books(self.exchange, body.address.lower()))

    async def show_books(self, request: Request) -> JSONResponse:
        """Answer ``GET /books/{address}``: the exchange's exact books of one account."""
        return JSONResponse(self.books(self.exchange, request.path_params["address"].lower()))

    async def list_market(self, request: Request) -> JSONResponse:
        """Answer ``POST /markets``: open a simple market now; asking again returns the same one."""
        body = MarketBody.model_validate(await _json(request))
        now = self.clock.now()
        spec = body.spec(now)
        listing = self.public.listings.condition(spec.condition_id)
        if listing is None:
            self.stage.apply(MarketOpened(now, spec, body.price))
            listing = self._listing(spec.condition_id)
            listing.count(now, body.volume_24h_usd)
        return JSONResponse(market_body(listing.spec))

    async def list_categorical(self, request: Request) -> JSONResponse:
        """Answer ``POST /categorical-markets``: have Gamma list a market with more than two outcomes."""
        body = CategoricalBody.model_validate(await _json(request))
        market = CategoricalMarket.named(body.question, body.labels)
        if market not in self.public.categorical:
            self.public.categorical.append(market)
        return JSONResponse({"condition_id": market.condition_id, "tokens": list(market.tokens)})

    async def trade(self, request: Request) -> JSONResponse:
        """Answer ``POST /trades``: somebody's fill right now, in every feed."""
        body = TradeBody.model_validate(await _json(request))
        listing, index = self._token(body.token_id)
        if not listing.accepting:
            raise ControlError(409, f"market {listing.spec.condition_id} takes no orders")
        now = self.clock.now()
        digest = body.transaction_hash or transaction_hash("control", self.public.record.number(), now)
        for size in body.sizes():
            self.stage.apply(
                ExternalTrade(
                    at=now,
                    wallet=wallet_of(body.wallet),
                    condition_id=listing.spec.condition_id,
                    outcome_index=index,
                    side=body.side,
                    price=body.price,
                    size=size,
                    transaction_hash=digest,
                    taker=not body.maker,
                )
            )
        return JSONResponse({"transaction_hash": digest, "at": now.isoformat()})

    async def quote(self, request: Request) -> JSONResponse:
        """Answer ``POST /quotes``: move the synthetic touch."""
        body = QuoteBody.model_validate(await _json(request))
        listing, index = self._token(body.token_id)
        if body.bid >= body.ask:
            raise ControlError(422, f"bid must lie below ask, was {body.bid} and {body.ask}")
        bid, ask = (body.bid, body.ask) if index == 0 else (ONE - body.ask, ONE - body.bid)
        depth = body.size * max(bid, ONE - bid)
        self.stage.quote(listing.spec.condition_id, bid=bid, ask=ask, depth_usd=depth)
        return JSONResponse({"bid": str(bid), "ask": str(ask), "depth_usd": str(depth)})

    async def propose(self, request: Request) -> JSONResponse:
        """Answer ``POST /propose``: somebody proposes a result."""
        listing = self._listing(ConditionBody.model_validate(await _json(request)).condition_id)
        self.stage.apply(ResolutionProposed(self.clock.now(), listing.spec.condition_id))
        return JSONResponse({"ok": True})

    async def close(self, request: Request) -> JSONResponse:
        """Answer ``POST /close``: the market takes no more orders."""
        listing = self._listing(ConditionBody.model_validate(await _json(request)).condition_id)
        self.stage.apply(TradingClosed(self.clock.now(), listing.spec.condition_id))
        return JSONResponse({"ok": True})

    async def resolve(self, request: Request) -> JSONResponse:
        """Answer ``POST /resolve``: fix the payouts."""
        body = ResolveBody.model_validate(await _json(request))
        listing = self._listing(body.condition_id)
        if listing.closed:
            raise ControlError(409, f"market {listing.spec.condition_id} is resolved already")
        try:
            payouts = body.checked()
        except ValueError as error:
            raise ControlError(422, str(error)) from error
        if listing.spec.neg_risk and ONE not in payouts:
            raise ControlError(
                422, "a neg-risk market pays one outcome in full: its contract takes no other result"
            )
        self.stage.apply(Resolved(self.clock.now(), listing.spec.condition_id, payouts))
        return JSONResponse({"ok": True})

    async def redeem(self, request: Request) -> JSONResponse:
        """Answer ``POST /redeem``: exchange an account's shares of a resolved market for dollars."""
        body = RedeemBody.model_validate(await _json(request))
        listing = self._listing(body.condition_id)
        if not listing.closed:
            raise ControlError(409, f"market {listing.spec.condition_id} is not resolved")
        credited = self.exchange.redeem(body.address.lower(), listing.spec.condition_id, self.clock.now())
        return JSONResponse({"credited": str(from_micros(credited))})

    def _listing(self, condition_id: str) -> Listing:
        listing = self.public.listings.condition(condition_id)
        if listing is None:
            raise ControlError(404, f"no market {condition_id}")
        return listing

    def _token(self, token_id: str) -> tuple[Listing, int]:
        found = self.public.listings.token(token_id)
        if found is None:
            raise ControlError(404, f"no token {token_id}")
        return found


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body(), parse_float=Decimal)
    except ValueError as error:
        raise ControlError(400, f"body must be JSON: {error}") from error


def _instant(value: str | None, default: datetime) -> datetime:
    if value is None:
        return default
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError as error:
        raise ControlError(422, f"before must be an ISO instant, was {value!r}") from error
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ControlError)
    return JSONResponse({"error": str(error)}, status_code=error.status)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ValidationError)
    problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return JSONResponse({"error": problems}, status_code=422)
