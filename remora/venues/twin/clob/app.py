"""The CLOB as an ASGI application."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute

from remora.venues.twin.auth.keys import Keys
from remora.venues.twin.clob.accounts import Accounts
from remora.venues.twin.clob.channels import Channels
from remora.venues.twin.clob.market_data import MarketData
from remora.venues.twin.clob.state import ClobState, Clock, error
from remora.venues.twin.engine.exchange import Exchange


def clob_app(exchange: Exchange, keys: Keys, *, now: Clock, wall: Clock) -> Starlette:
    """Return the CLOB's REST routes and websocket channels; `now` is venue time, `wall` the wall clock."""
    state = ClobState(exchange, keys, now, wall)
    channels = Channels(state)
    return Starlette(
        routes=[
            *MarketData(state).routes(),
            *Accounts(state).routes(),
            WebSocketRoute("/ws/market", channels.market),
            WebSocketRoute("/ws/user", channels.user),
        ],
        exception_handlers={404: _missing, 405: _missing},
    )


async def _missing(request: Request, problem: Exception) -> Response:
    return error(404, "not found")
