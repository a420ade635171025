"""The relayer's read that client start-up needs: every wallet counts as deployed."""

import re

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from remora.venues.twin.json_answer import HANDLERS

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def relayer_app() -> Starlette:
    """Return the ASGI application."""
    return Starlette(routes=[Route("/deployed", _deployed)], exception_handlers=HANDLERS)


async def _deployed(request: Request) -> JSONResponse:
    if not _ADDRESS.fullmatch(request.query_params.get("address", "")):
        return JSONResponse({"error": "invalid address"}, status_code=400)
    return JSONResponse({"deployed": True})
