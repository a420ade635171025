"""JSON as the twin reads and writes it: whatever a client sends leads to an answer, never to a torn reply."""

import json
from typing import Any, NoReturn

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

DEPTH_MAX = 64
"""Levels of nesting in a body; the venue's own payloads have three."""


class Answer(JSONResponse):
    """A JSON response in plain ASCII, so that a lone surrogate echoed from a request cannot break it."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of the body."""
        return json.dumps(content, separators=(",", ":"), allow_nan=False).encode("ascii")


class NotJson(ValueError):
    """A body is not JSON in UTF-8."""


def parse_json(body: bytes) -> Any:
    """Return what a body says; raise NotJson, also for NaN, infinities and absurd nesting."""
    try:
        if body.count(b"[") + body.count(b"{") > DEPTH_MAX * 1000:
            raise NotJson("too many values")
        return json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotJson("the body is not JSON") from error


def error(status: int, message: str) -> Answer:
    """Return an error the way the venue writes it."""
    return Answer({"error": message}, status_code=status)


async def http_error(_request: Request, problem: Exception) -> Response:
    """Answer an unknown path or a wrong method as JSON."""
    status = problem.status_code if isinstance(problem, HTTPException) else 404
    return error(status, "not found" if status == 404 else str(getattr(problem, "detail", "refused")))


async def internal_error(_request: Request, problem: Exception) -> Response:
    """Answer a mistake of the twin's own as JSON; the server's log has the traceback."""
    return error(500, f"internal error: {type(problem).__name__}")


HANDLERS: dict[Any, ExceptionHandler] = {404: http_error, 405: http_error, 500: internal_error}
"""What every application of the twin answers when no route does."""


def _refuse_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not JSON")
