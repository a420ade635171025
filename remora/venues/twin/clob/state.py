"""What the CLOB's routes share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import JSONResponse

from remora.venues.twin.auth.eip712 import NEG_RISK_EXCHANGE, STANDARD_EXCHANGE
from remora.venues.twin.auth.keys import Keys
from remora.venues.twin.engine.exchange import Exchange

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class ClobState:
    """The exchange, its API keys, venue time and wall time."""

    exchange: Exchange
    keys: Keys
    now: Clock
    wall: Clock
    spenders: tuple[str, ...] = (STANDARD_EXCHANGE, NEG_RISK_EXCHANGE)


def error(status: int, message: str) -> JSONResponse:
    """Return an error the way the venue writes it."""
    return JSONResponse({"error": message}, status_code=status)
