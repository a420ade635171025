"""The CLOB as an ASGI application."""

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from remora.venues.twin.clob.accounts import AccountRoutes
from remora.venues.twin.clob.channels import Channels
from remora.venues.twin.clob.credentials import CredentialRoutes
from remora.venues.twin.clob.market_data import MarketData
from remora.venues.twin.clob.orders import OrderRoutes
from remora.venues.twin.clob.state import ClobState
from remora.venues.twin.json_answer import HANDLERS


def clob_app(state: ClobState) -> Starlette:
    """Return the CLOB's REST routes and websocket channels."""
    channels = Channels(state)
    app = Starlette(
        routes=[
            *MarketData(state).routes(),
            *CredentialRoutes(state).routes(),
            *OrderRoutes(state).routes(),
            *AccountRoutes(state).routes(),
            WebSocketRoute("/ws/market", channels.market),
            WebSocketRoute("/ws/user", channels.user),
        ],
        exception_handlers=HANDLERS,
    )
    app.router.redirect_slashes = False  # an unknown path is a 404 in JSON, never a redirect without a body
    return app
