"""A venue of prepared answers, for replies that the twin never gives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.twin.serve import bind


class Answers:
    """A server that gives prepared answers, one after another, and remembers what it was asked."""

    def __init__(self, *answers: Response) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, str]] = []

    async def answer(self, request: Request) -> Response:
        """Give the next answer."""
        self.asked.append(dict(request.query_params))
        return self.answers.pop(0)


def page(*rows: dict[str, Any], cursor: str | None = None, more: bool | None = None) -> JSONResponse:
    """Return a page of the Data API."""
    paging = {
        "limit": 2,
        "offset": 0,
        "has_more": cursor is not None if more is None else more,
        "next_cursor": cursor,
    }
    return JSONResponse({"data": list(rows), "pagination": paging})


@contextlib.asynccontextmanager
async def answering(*answers: Response) -> AsyncIterator[tuple[Endpoints, Answers]]:
    """Serve prepared answers at the addresses of the Data API, Gamma and the CLOB."""
    given = Answers(*answers)
    app = Starlette(routes=[Route("/{path:path}", given.answer, methods=["GET", "POST"])])
    sockets = bind("127.0.0.1", 0)[:1]
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=sockets))
    url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    try:
        yield replace(Endpoints.production(), data_url=url, gamma_url=url, clob_url=url), given
    finally:
        server.should_exit = True
        await serving
