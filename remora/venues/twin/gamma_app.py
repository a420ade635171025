"""Gamma's HTTP face: markets, events, profiles, search and tags."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from remora.venues.twin.access import Access
from remora.venues.twin.chain.contracts import is_second_protocol
from remora.venues.twin.gamma_wire import event_json, market_json, tag_json
from remora.venues.twin.json_answer import HANDLERS
from remora.venues.twin.listings import Listing
from remora.venues.twin.paging import BadCursor, page
from remora.venues.twin.public_side import PublicSide
from remora.venues.twin.scenario.identifiers import pseudonym

PAGE_MAX = 100
PAGE_DEFAULT = 20

_Order = Callable[[Listing], Any]
_ORDERS: dict[str, _Order] = {
    "id": lambda listing: int(listing.spec.gamma_id),
    "volume_num": lambda listing: listing.volume_usd,
    "volumeNum": lambda listing: listing.volume_usd,
    "volume": lambda listing: listing.volume_usd,
    "start_date": lambda listing: listing.spec.start_at,
    "startDate": lambda listing: listing.spec.start_at,
    "end_date": lambda listing: listing.spec.end_at,
    "endDate": lambda listing: listing.spec.end_at,
    "liquidityNum": lambda listing: listing.spec.depth_usd,
}


class _BadRequest(Exception):
    """A parameter cannot be understood; the message goes to the client."""


class GammaApp:
    """Handlers over the public side of one twin."""

    def __init__(self, public: PublicSide, access: Access | None = None) -> None:
        self._public = public
        self._access = access or Access()

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                *self._access.public_routes(),
                Route("/markets/keyset", self.markets),
                Route("/markets/slug/{slug}", self.market_by_slug),
                Route("/markets/{id}/tags", self.market_tags),
                Route("/markets/{id}", self.market_by_id),
                Route("/events/keyset", self.events),
                Route("/events/slug/{slug}", self.event_by_slug),
                Route("/events/{id}/tags", self.event_tags),
                Route("/events/{id}", self.event_by_id),
                Route("/public-profile", self.profile),
                Route("/public-search", self.search),
                Route("/tags", self.tags),
                Route("/tags/slug/{slug}", self.tag_by_slug),
                Route("/tags/{id}", self.tag_by_id),
                Route("/status", self.status),
            ],
            exception_handlers={**HANDLERS, _BadRequest: _bad_request, BadCursor: _bad_request},
        )

    async def markets(self, request: Request) -> JSONResponse:
        """Answer ``GET /markets/keyset``."""
        query = request.query_params
        found = [listing for listing in self._candidates(request) if self._matches(listing, request)]
        order = _ORDERS.get(query.get("order", "id"))
        if order is None:
            raise _BadRequest(f"order: expected one of {', '.join(sorted(_ORDERS))}, was {query['order']!r}")
        found.sort(key=order, reverse=not _flag(query.get("ascending", "true")))
        shown, cursor = page(found, query.get("after_cursor"), _limit(query.get("limit")))
        now, tags = self._public.now(), _flag(query.get("include_tag", "false"))
        rows = [market_json(listing, now, include_tag=tags) for listing in shown]
        return _keyset("markets", [*rows, *self._categorical(request)], cursor)

    def _categorical(self, request: Request) -> list[dict[str, Any]]:
        """Return the markets with more than two outcomes that an id filter names; they are all open."""
        named = {*_values(request, "condition_ids"), *_values(request, "clob_token_ids")}
        return [
            market.as_json()
            for market in self._public.categorical
            if named & {market.condition_id, *market.tokens}
            and not _flag(request.query_params.get("closed", "false"))
        ]

    def _candidates(self, request: Request) -> Iterable[Listing]:
        """Return the markets that an id filter names, or all; repeated keys and commas both list."""
        listings = self._public.listings
        named: list[Listing | None] | None = None
        for value in _values(request, "condition_ids"):
            named = [*(named or []), listings.condition(value)]
        for name in ("clob_token_ids", "position_ids"):
            for value in _values(request, name):
                pair = listings.token(value)
                fits = pair is not None and is_second_protocol(value) == (name == "position_ids")
                named = [*(named or []), pair[0] if pair is not None and fits else None]
        for value in _values(request, "id"):
            named = [*(named or []), listings.gamma_id(value)]
        for value in _values(request, "slug"):
            named = [*(named or []), listings.slug(value)]
        if named is None:
            return listings
        return {listing.spec.condition_id: listing for listing in named if listing is not None}.values()

    def _matches(self, listing: Listing, request: Request) -> bool:
        query = request.query_params
        spec = listing.spec
        questions = _values(request, "question_ids")
        checks = [
            listing.closed is _flag(query.get("closed", "false")),
            not questions or listing.question_id in questions,
            _within(spec.end_at, query.get("end_date_min"), query.get("end_date_max")),
            _within(spec.start_at, query.get("start_date_min"), query.get("start_date_max")),
            float(listing.volume_usd) >= _number(query.get("volume_num_min"), 0.0),
            float(listing.volume_usd) <= _number(query.get("volume_num_max"), float("inf")),
            query.get("uma_resolution_status") in (None, listing.uma_status),
            query.get("tag_id") is None or query["tag_id"] in {tag_json(tag)["id"] for tag in spec.tags},
            "v1" in (_values(request, "version") or ["v1"]),
        ]
        return all(checks)

    async def events(self, request: Request) -> JSONResponse:
        """Answer ``GET /events/keyset``."""
        query = request.query_params
        closed = query.get("closed")
        ids, slugs = _values(request, "id"), _values(request, "slug")
        found = [
            markets
            for markets in self._public.listings.events()
            if (closed is None or all(m.closed for m in markets) is _flag(closed))
            and (not ids or markets[0].spec.event_id in ids)
            and (not slugs or markets[0].spec.event_slug in slugs)
        ]
        shown, cursor = page(found, query.get("after_cursor"), _limit(query.get("limit")))
        now = self._public.now()
        return _keyset("events", [event_json(markets, now) for markets in shown], cursor)

    async def market_by_id(self, request: Request) -> JSONResponse:
        """Answer ``GET /markets/{id}``."""
        return self._one_market(self._public.listings.gamma_id(request.path_params["id"]), request)

    async def market_by_slug(self, request: Request) -> JSONResponse:
        """Answer ``GET /markets/slug/{slug}``."""
        return self._one_market(self._public.listings.slug(request.path_params["slug"]), request)

    async def event_by_id(self, request: Request) -> JSONResponse:
        """Answer ``GET /events/{id}``."""
        return self._one_event(self._public.listings.event(request.path_params["id"]))

    async def event_by_slug(self, request: Request) -> JSONResponse:
        """Answer ``GET /events/slug/{slug}``."""
        return self._one_event(self._public.listings.event_by_slug(request.path_params["slug"]))

    def _one_market(self, listing: Listing | None, request: Request) -> JSONResponse:
        if listing is None:
            return _not_found()
        tags = _flag(request.query_params.get("include_tag", "false"))
        return JSONResponse(market_json(listing, self._public.now(), include_tag=tags))

    def _one_event(self, markets: Sequence[Listing]) -> JSONResponse:
        return JSONResponse(event_json(markets, self._public.now())) if markets else _not_found()

    async def market_tags(self, request: Request) -> JSONResponse:
        """Answer ``GET /markets/{id}/tags``."""
        listing = self._public.listings.gamma_id(request.path_params["id"])
        return _not_found() if listing is None else JSONResponse([tag_json(tag) for tag in listing.spec.tags])

    async def event_tags(self, request: Request) -> JSONResponse:
        """Answer ``GET /events/{id}/tags``."""
        markets = self._public.listings.event(request.path_params["id"])
        return JSONResponse([tag_json(tag) for tag in markets[0].spec.tags]) if markets else _not_found()

    def _tags(self) -> dict[str, None]:
        return dict.fromkeys(tag for listing in self._public.listings for tag in listing.spec.tags)

    async def tags(self, request: Request) -> JSONResponse:
        """Answer ``GET /tags``."""
        offset, limit = (
            int(_number(request.query_params.get("offset"), 0)),
            _limit(request.query_params.get("limit")),
        )
        return JSONResponse([tag_json(tag) for tag in self._tags()][offset : offset + limit])

    async def tag_by_id(self, request: Request) -> JSONResponse:
        """Answer ``GET /tags/{id}``."""
        found = [tag_json(tag) for tag in self._tags() if tag_json(tag)["id"] == request.path_params["id"]]
        return JSONResponse(found[0]) if found else _not_found()

    async def tag_by_slug(self, request: Request) -> JSONResponse:
        """Answer ``GET /tags/slug/{slug}``."""
        found = [tag_json(tag) for tag in self._tags() if tag_json(tag)["slug"] == request.path_params["slug"]]
        return JSONResponse(found[0]) if found else _not_found()

    async def profile(self, request: Request) -> JSONResponse:
        """Answer ``GET /public-profile``."""
        address = request.query_params.get("address", "").lower()
        history = self._public.visible().of(address)
        if not history:
            return _not_found()
        name = self._public.name_of(history[0].wallet)
        return JSONResponse(
            {
                "createdAt": history[0].at.isoformat(),
                "proxyWallet": history[0].wallet,
                "profileImage": "",
                "displayUsernamePublic": True,
                "bio": "",
                "pseudonym": pseudonym(history[0].wallet),
                "name": name,
                "users": [],
                "xUsername": "",
                "verifiedBadge": False,
            }
        )

    async def search(self, request: Request) -> JSONResponse:
        """Answer ``GET /public-search``: events whose title, or one of whose questions, holds every word."""
        words = request.query_params.get("q", "").lower().split()
        if not words:
            raise _BadRequest("q: expected at least one word")
        now, limit = self._public.now(), _limit(request.query_params.get("limit_per_type"))
        number = int(_number(request.query_params.get("page"), 1))
        found = [
            markets
            for markets in self._public.listings.events()
            if any(_mentions(words, m.spec.question, m.spec.event_title) for m in markets)
        ]
        shown = found[(number - 1) * limit : number * limit]
        return JSONResponse(
            {
                "events": [event_json(markets, now) for markets in shown],
                "tags": [],
                "profiles": [],
                "pagination": {"hasMore": number * limit < len(found), "totalResults": len(found)},
            }
        )

    async def status(self, _request: Request) -> JSONResponse:
        """Answer ``GET /status``."""
        return JSONResponse({"status": "ok"})


def _mentions(words: Sequence[str], *texts: str) -> bool:
    together = " ".join(texts).lower()
    return all(word in together for word in words)


def _values(request: Request, name: str) -> list[str]:
    return [part for value in request.query_params.getlist(name) for part in value.split(",") if part]


def _flag(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise _BadRequest(f"expected true or false, was {value!r}")
    return value.lower() == "true"


def _number(value: str | None, default: float) -> float:
    try:
        number = default if value is None else float(value)
    except ValueError:
        raise _BadRequest(f"expected a number, was {value!r}") from None
    if value is not None and not isfinite(number):
        raise _BadRequest(f"expected a number, was {value!r}")
    return number


def _limit(value: str | None) -> int:
    return max(1, min(int(_number(value, PAGE_DEFAULT)), PAGE_MAX))


def _within(at: datetime, low: str | None, high: str | None) -> bool:
    return (low is None or at >= _instant(low)) and (high is None or at <= _instant(high))


def _instant(value: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise _BadRequest(f"expected an ISO date, was {value!r}") from None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


def _keyset(name: str, rows: list[Any], cursor: str | None) -> JSONResponse:
    return JSONResponse({name: rows} if cursor is None else {name: rows, "next_cursor": cursor})


def _not_found() -> JSONResponse:
    return JSONResponse({"type": "not found error", "error": "not found"}, status_code=404)


async def _bad_request(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"type": "validation error", "error": str(error)}, status_code=422)
