"""What the CLOB's routes share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.requests import Request

from remora.venues.twin.access import Access
from remora.venues.twin.auth.keys import Keys
from remora.venues.twin.auth.session_keys import SessionKeys
from remora.venues.twin.chain.allowances import Allowances
from remora.venues.twin.engine.exchange import Exchange
from remora.venues.twin.engine.records import NewOrder
from remora.venues.twin.faults.markets import Treatment
from remora.venues.twin.faults.switchboard import Switchboard
from remora.venues.twin.json_answer import NotJson, parse_json

Clock = Callable[[], datetime]
END = "LTE="
"""The cursor after the last page."""


@dataclass(frozen=True, slots=True)
class ClobState:
    """The exchange, its API keys, venue time and wall time, and what goes wrong.

    `treat` is called with every order between its arrival and its match.
    """

    exchange: Exchange
    keys: Keys
    now: Clock
    wall: Clock
    sessions: SessionKeys
    access: Access = field(default_factory=Access)
    faults: Switchboard = field(default_factory=Switchboard)
    treat: Callable[[NewOrder], Treatment] = lambda _order: Treatment()
    allowances: Allowances = field(default_factory=Allowances)


async def json_of(request: Request) -> Any:
    """Return a request's body, None when it is not JSON."""
    return json_or_none(await request.body())


def json_or_none(body: bytes) -> Any:
    """Return what a body says, None when it is not JSON."""
    try:
        return parse_json(body)
    except NotJson:
        return None


def whole(value: object) -> int:
    """Return a number of a query or body, 0 when it is none."""
    try:
        return int(str(value))
    except ValueError:
        return 0
