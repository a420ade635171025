"""Parameters, envelopes and errors of the Data API, version 2."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from remora.domain.ids import WalletAddress
from remora.domain.money import Side
from remora.venues.twin.paging import BadCursor, decode, encode
from remora.venues.twin.scenario.identifiers import transaction_hash

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000
SELECTORS_MAX = 20

ACTIVITY_TYPES = frozenset(
    {
        "TRADE",
        "SPLIT",
        "MERGE",
        "REDEEM",
        "REWARD",
        "CONVERSION",
        "MIGRATION",
        "DEPOSIT",
        "WITHDRAWAL",
        "YIELD",
        "MAKER_REBATE",
        "TAKER_REBATE",
        "REFERRAL_REWARD",
        "TIP",
    }
)

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_ALIASES = {"condition": ("condition", "condition_id", "conditionId"), "token_id": ("token_id", "tokenId")}


class DataError(Exception):
    """A request is refused; becomes the venue's error body."""

    def __init__(self, status: int, code: str, message: str, parameter: str | None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.parameter = parameter


def bad_request(message: str, parameter: str) -> DataError:
    """Return the refusal of one parameter."""
    return DataError(400, "invalid_request", message, parameter)


async def error_json(request: Request, error: Exception) -> JSONResponse:
    """Return the venue's error body."""
    assert isinstance(error, DataError)
    trace = transaction_hash("trace", str(request.url))[2:34]
    body: dict[str, Any] = {
        "error": str(error),
        "code": error.code,
        "retryable": error.status in (429, 503),
        "trace_id": trace,
    }
    if error.parameter is not None:
        body["parameter"] = error.parameter
    return JSONResponse(body, status_code=error.status, headers={"x-trace-id": trace})


def envelope(data: Any) -> JSONResponse:
    """Return ``{"data": ...}``."""
    return JSONResponse({"data": data})


def paged(rows: list[dict[str, Any]], limit: int, next_position: int | None) -> JSONResponse:
    """Return one page; `next_position` becomes an opaque cursor."""
    cursor = None if next_position is None else encode(next_position)
    pagination = {"limit": limit, "offset": 0, "has_more": cursor is not None, "next_cursor": cursor}
    return JSONResponse({"data": rows, "pagination": pagination})


class Query:
    """Typed access to one request's parameters, in snake or camel case."""

    def __init__(self, request: Request) -> None:
        self._params = request.query_params
        if "offset" in self._params:
            raise bad_request("offset is not supported, use cursor", "offset")

    def text(self, name: str) -> str | None:
        """Return a parameter, None if absent or empty."""
        camel = re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
        for key in _ALIASES.get(name, (name, camel)):
            if self._params.get(key):
                return self._params[key]
        return None

    def listed(self, name: str) -> list[str]:
        """Return the parts of a comma-separated parameter."""
        return [part.strip() for part in (self.text(name) or "").split(",") if part.strip()]

    def conditions(self) -> list[str]:
        """Return the condition ids asked for, in lower case, at most 20."""
        found = [value.lower() for value in self.listed("condition")]
        if len(found) > SELECTORS_MAX:
            raise bad_request(f"at most {SELECTORS_MAX} conditions", "condition")
        return found

    def user(self, *, required: bool) -> WalletAddress | None:
        """Return the wallet asked for."""
        value = self.text("user")
        if value is None:
            if required:
                raise bad_request("user is required", "user")
            return None
        if not _ADDRESS.fullmatch(value):
            raise bad_request("user must be one address", "user")
        return WalletAddress(value.lower())

    def side(self) -> Side | None:
        """Return the side asked for."""
        value = self.text("side")
        if value not in (None, "BUY", "SELL"):
            raise bad_request("side must be BUY or SELL", "side")
        return None if value is None else Side(value)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a boolean."""
        value = self.text(name)
        if value is None:
            return default
        if value.lower() not in ("true", "false"):
            raise bad_request(f"{name} must be true or false", name)
        return value.lower() == "true"

    def number(self, name: str) -> float | None:
        """Return a number."""
        value = self.text(name)
        try:
            return None if value is None else float(value)
        except ValueError:
            raise bad_request(f"{name} must be a number", name) from None

    def epoch(self, name: str) -> int | None:
        """Return epoch seconds; 0 means no bound."""
        value = self.number(name)
        return None if not value else int(value)

    def limit(self, *, maximum: int = LIMIT_MAX) -> int:
        """Return the page size."""
        value = self.number("limit")
        if value is None:
            return LIMIT_DEFAULT
        if not 1 <= value <= maximum:
            raise bad_request(f"limit must lie in 1..{maximum}", "limit")
        return int(value)

    def cursor(self) -> int | None:
        """Return the position behind the cursor."""
        value = self.text("cursor")
        try:
            return None if value is None else decode(value)
        except BadCursor as error:
            raise bad_request(str(error), "cursor") from error
