"""The Data API, version 2: feeds, positions, boards and reference rows."""

from collections.abc import Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from remora.domain.ids import WalletAddress
from remora.domain.trades import TradeKind
from remora.venues.twin.activity import Activity
from remora.venues.twin.approvals import approvals_json
from remora.venues.twin.boards import leaderboard_rows, standing_row, stats_row
from remora.venues.twin.chain.allowances import Allowances
from remora.venues.twin.data_query import (
    ACTIVITY_TYPES,
    DataError,
    Query,
    bad_request,
    envelope,
    error_json,
    paged,
)
from remora.venues.twin.data_wire import (
    activity_row,
    position_row,
    position_status,
    resolution_row,
    token_row,
    trade_row,
)
from remora.venues.twin.listings import Listing
from remora.venues.twin.prices_history import history_rows
from remora.venues.twin.public_side import PublicSide

TOKENS_MAX = 50
CONDITIONS_MAX = 20
HISTORY_PAGE_MAX = 10_000


class DataApp:
    """Handlers over the public side of one twin."""

    def __init__(self, public: PublicSide, allowances: Allowances) -> None:
        self._public = public
        self.allowances = allowances

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/v2/trades", self.trades),
                Route("/v2/activity", self.activity),
                Route("/v2/positions", self.positions),
                Route("/v2/value", self.value),
                Route("/v2/tokens", self.tokens),
                Route("/v2/resolutions", self.resolutions),
                Route("/v2/leaderboard", self.leaderboard),
                Route("/v2/user-stats", self.user_stats),
                Route("/v2/prices-history", self.prices_history),
                Route("/v2/approvals", self.approvals),
                Route("/v2/status", self.status),
            ],
            exception_handlers={DataError: error_json, 404: _unknown_path, 405: _wrong_method},
        )

    async def trades(self, request: Request) -> JSONResponse:
        """Answer ``GET /v2/trades``, newest first."""
        query = Query(request)
        user = query.user(required=False)
        side, taker_only = query.side(), query.flag("taker_only", default=True)
        keep = self._feed_filter(query, windowed=user is not None)
        amount, shares = query.number("filter_amount"), query.text("filter_type") == "TOKENS"

        def wanted(row: Activity) -> bool:
            return (
                row.kind is TradeKind.TRADE
                and (not taker_only or row.taker)
                and (side is None or row.side is side)
                and (amount is None or float(row.size if shares else row.usd) >= amount)
                and keep(row)
            )

        return self._feed(query, self._source(query, user), wanted, trade_row, newest_first=True)

    async def activity(self, request: Request) -> JSONResponse:
        """Answer ``GET /v2/activity`` of one wallet."""
        query = Query(request)
        user = query.user(required=True)
        side = query.side()
        kinds = query.listed("type")
        unknown = [kind for kind in kinds if kind not in ACTIVITY_TYPES]
        if unknown:
            raise bad_request(f"unknown type {unknown[0]}", "type")
        direction = query.text("sort_direction") or "DESC"
        if direction not in ("ASC", "DESC"):
            raise bad_request(f"sort_direction must be ASC or DESC, was {direction}", "sort_direction")
        keep = self._feed_filter(query, windowed=True)

        def wanted(row: Activity) -> bool:
            return (
                (not kinds or row.kind.value.upper() in kinds) and (side is None or row.side is side) and keep(row)
            )

        source = self._source(query, user)
        return self._feed(query, source, wanted, activity_row, newest_first=direction == "DESC")

    def _source(self, query: Query, user: WalletAddress | None) -> Sequence[Activity]:
        record = self._public.visible()
        if user is not None:
            return record.of(user)
        conditions = query.conditions()
        if len(conditions) == 1:
            listing = self._public.listings.condition(conditions[0])
            return () if listing is None else record.by_condition.get(listing.spec.condition_id, ())
        return record.rows

    def _feed_filter(self, query: Query, *, windowed: bool) -> Callable[[Activity], bool]:
        conditions, events = set(query.conditions()), set(query.listed("event_id"))
        if conditions and events:
            raise bad_request("condition and event_id exclude each other", "event_id")
        start, end = (query.epoch("start"), query.epoch("end")) if windowed else (None, None)

        def keep(row: Activity) -> bool:
            if conditions and row.condition_id not in conditions:
                return False
            if events and self._listing(row).spec.event_id not in events:
                return False
            at = row.at.timestamp()
            return (start is None or at >= start) and (end is None or int(at) <= end)

        return keep

    def _feed(
        self,
        query: Query,
        source: Sequence[Activity],
        wanted: Callable[[Activity], bool],
        row: Callable[[PublicSide, Listing, Activity], dict[str, Any]],
        *,
        newest_first: bool,
    ) -> JSONResponse:
        """Return one page; the cursor is the sequence number of the last row shown."""
        limit, after = query.limit(), query.cursor()
        shown: list[Activity] = []
        more = False
        for activity in reversed(source) if newest_first else source:
            if after is not None and (activity.sequence >= after if newest_first else activity.sequence <= after):
                continue
            if not wanted(activity):
                continue
            if len(shown) == limit:
                more = True
                break
            shown.append(activity)
        rows = [row(self._public, self._listing(activity), activity) for activity in shown]
        return paged(rows, limit, shown[-1].sequence if more else None)

    def _listing(self, activity: Activity) -> Listing:
        listing = self._public.listings.condition(activity.condition_id)
        assert listing is not None, f"activity in unlisted market {activity.condition_id}"
        return listing

    async def positions(self, request: Request) -> JSONResponse:
        """Answer ``GET /v2/positions`` of a wallet, or of one market."""
        query = Query(request)
        user, conditions = query.user(required=False), query.conditions()
        if user is None and len(conditions) != 1:
            raise bad_request("user or exactly one condition is required", "user")
        status = query.text("status") or "OPEN"
        if status not in ("OPEN", "REDEEMABLE", "REDEEMABLE_LOST", "MERGEABLE", "CLOSED"):
            raise bad_request(f"unknown status {status}", "status")
        record = self._public.visible()
        wallets = [user] if user is not None else list(record.wallets())
        rows = [row for wallet in wallets for row in self._position_rows(wallet, set(conditions), status)]
        descending = (query.text("sort_direction") or "DESC") == "DESC"
        rows.sort(key=lambda row: float(row["current_value"]), reverse=descending)
        limit, after = query.limit(), query.cursor() or 0
        more = after + limit < len(rows)
        return paged(rows[after : after + limit], limit, after + limit if more else None)

    def _position_rows(self, wallet: WalletAddress, conditions: set[str], status: str) -> list[dict[str, Any]]:
        held = self._public.record.positions.get(wallet, {})
        rows = []
        for (condition, index), position in held.items():
            listing = self._public.listings.condition(condition)
            if listing is None or (conditions and condition not in conditions):
                continue
            other = held.get((condition, 1 - index))
            mergeable = position.shares > 0 and other is not None and other.shares > 0
            if not _shows(
                status, position_status(listing, position), mergeable, lost=listing.price_of(index) == 0
            ):
                continue
            rows.append(position_row(self._public, listing, wallet, index, position, mergeable=mergeable))
        return rows

    async def value(self, request: Request) -> JSONResponse:
        """Answer ``GET /v2/value``: what a wallet's shares are worth at current prices."""
        query = Query(request)
        user, conditions = query.user(required=True), set(query.conditions())
        self._public.visible()
        assert user is not None
        total = sum(row["current_value"] for row in self._position_rows(user, conditions, "HELD"))
        return envelope({"proxy_wallet": user, "value": total})

    async def tokens(self, request: Request) -> JSONResponse:
        """Answer ``GET /v2/tokens`` by token or condition."""
        query = Query(request)
        tokens, conditions = query.listed("token_id"), query.conditions()
        if bool(tokens) == bool(conditions):
            raise bad_request("exactly one of token_id and condition is required", "token_id")
        if len(tokens) > TOKENS_MAX or len(conditions) > CONDITIONS_MAX:
            raise bad_request("too many selectors", "token_id" if tokens else "condition")
        found = [self._public.listings.token(token) for token in tokens]
        rows = [token_row(*pair) for pair in found if pair is not None]
        for condition in conditions:
            listing = self._public.listings.condition(condition)
            rows += [] if listing is None else [token_row(listing, index) for index in (0, 1)]
        return envelope(rows)

    async def resolutions(self, request: Request) -> JSONResponse:
        """Answer ``GET /v2/resolutions``."""
        query = Query(request)
        conditions, events, question = query.conditions(), query.listed("event_id"), query.text("question_id")
        if sum(map(bool, (conditions, events, question))) != 1:
            raise bad_request("exactly one of question_id, condition and event_id is required", "condition")
        listings = [self._public.listings.condition(condition) for condition in conditions]
        listings += [listing for event in events for listing in self._public.listings.event(event)]
        if question:
            listings += [listing for listing in self._public.listings if listing.question_id == question]
        return envelope([resolution_row(listing) for listing in listings if listing is not None])

    async def leaderboard(self, request: Request) -> JSONResponse:
        """Answer ``GET /v2/leaderboard``, or one wallet's standing."""
        query = Query(request)
        window, sort_by = query.text("time_period") or "day", query.text("sort_by") or "PNL"
        if window not in ("day", "week", "month", "all") or sort_by not in ("PNL", "VOLUME"):
            raise bad_request("unknown time_period or sort_by", "time_period")
        rows = leaderboard_rows(self._public, window=window, category=query.text("category"), sort_by=sort_by)
        user = query.user(required=False)
        if user is not None:
            return envelope(standing_row(rows, user, sort_by))
        limit, after = query.limit(), query.cursor() or 0
        more = after + limit < len(rows)
        return paged(rows[after : after + limit], limit, after + limit if more else None)

    async def user_stats(self, request: Request) -> JSONResponse:
        """Answer ``GET /v2/user-stats``; null for a wallet that never traded."""
        user = Query(request).user(required=True)
        assert user is not None
        return envelope(stats_row(self._public, user))

    async def prices_history(self, request: Request) -> JSONResponse:
        """Answer ``GET /v2/prices-history``."""
        query = Query(request)
        pair = self._public.listings.token(query.text("token_id") or "")
        if pair is None:
            raise DataError(404, "not_found", "unknown token_id", "token_id")
        rows = history_rows(query, pair[0], pair[1], self._public.now())
        limit, after = query.limit(maximum=HISTORY_PAGE_MAX), query.cursor() or 0
        more = after + limit < len(rows)
        return paged(rows[after : after + limit], limit, after + limit if more else None)

    async def approvals(self, request: Request) -> JSONResponse:
        """Answer ``GET /v2/approvals``."""
        user = Query(request).user(required=True)
        assert user is not None
        return envelope(approvals_json(user, self.allowances))

    async def status(self, _request: Request) -> JSONResponse:
        """Answer ``GET /v2/status``: how far the rows reach."""
        return envelope({"as_of": int((self._public.now() - self._public.data_lag).timestamp())})


def _shows(wanted: str, status: str, mergeable: bool, *, lost: bool) -> bool:  # noqa: FBT001 (two facts of one row)
    match wanted:
        case "HELD":
            return status != "CLOSED"
        case "REDEEMABLE_LOST":
            return status == "REDEEMABLE" and lost
        case "MERGEABLE":
            return status == "OPEN" and mergeable
        case _:
            return status == wanted


async def _unknown_path(request: Request, _error: Exception) -> JSONResponse:
    return await error_json(request, DataError(404, "not_found", f"no such path {request.url.path}", None))


async def _wrong_method(request: Request, _error: Exception) -> JSONResponse:
    return await error_json(
        request, DataError(405, "method_not_allowed", f"{request.method} is not allowed", None)
    )
