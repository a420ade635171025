"""From where and for whom the twin takes orders: a person or a test turns it with ``POST /access``."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from remora.venues.twin.json_answer import Answer

RESTRICTED = (
    "Trading restricted in your region, please refer to available regions - "
    "https://docs.polymarket.com/developers/CLOB/geoblock"
)
CLOSED_ONLY = "address in closed only mode"


class AccessBody(BaseModel):
    """``POST /access``: what is left out stays as it is; `closed_only` replaces the list of signers."""

    model_config = ConfigDict(extra="forbid")

    blocked: bool | None = None
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    closed_only: list[str] | None = None
    clock_offset_s: float | None = Field(default=None, ge=-86_400, le=86_400)
    mode: Literal["normal", "restarting", "post_only", "cancel_only"] | None = None


@dataclass(slots=True)
class Access:
    """Everybody's region, the signers that may only close, how wrong ``/time`` is, and the engine's mode.

    After a restart the real engine takes no orders for a while, then only such as rest.
    """

    blocked: bool = False
    country: str = "IE"
    closed_only: frozenset[str] = field(default_factory=frozenset)
    clock_offset_s: float = 0.0
    mode: str = "normal"

    def engine_refusal(self) -> Response | None:
        """Return how the engine's mode answers a new order, None when it takes orders."""
        match self.mode:
            case "restarting":
                return Answer({"error": "service not ready"}, status_code=425)
            case "post_only":
                body = {"error": "post-only mode is active", "code": "post_only_mode", "retry_after_seconds": 120}
                return Answer(body, status_code=503)
            case "cancel_only":
                return Answer({"error": "Trading is currently cancel-only"}, status_code=503)
        return None

    def refusal(self, signer: str, *, buys: bool) -> tuple[int, str] | None:
        """Return why an order is refused whatever it says: its status and message."""
        if self.blocked:
            return 403, RESTRICTED
        if buys and signer.lower() in self.closed_only:
            return 400, f"'{signer}' {CLOSED_ONLY}"
        return None

    def change(self, body: AccessBody) -> None:
        """Take over what a request says."""
        if body.blocked is not None:
            self.blocked = body.blocked
        if body.country is not None:
            self.country = body.country
        if body.closed_only is not None:
            self.closed_only = frozenset(name.lower() for name in body.closed_only)
        if body.mode is not None:
            self.mode = body.mode
        if body.clock_offset_s is not None:
            self.clock_offset_s = body.clock_offset_s

    def as_json(self) -> dict[str, Any]:
        """Return the body of ``/api/geoblock``."""
        return {"blocked": self.blocked, "ip": "127.0.0.1", "country": self.country, "region": ""}

    def public_routes(self) -> list[Route]:
        """Return what anybody may ask."""

        async def geoblock(_request: Request) -> JSONResponse:
            return JSONResponse(self.as_json())

        return [Route("/api/geoblock", geoblock)]

    def control_routes(self) -> list[Route]:
        """Return the control API's part."""

        async def change(request: Request) -> JSONResponse:
            self.change(AccessBody.model_validate_json(await request.body()))
            return JSONResponse({**self.as_json(), "closed_only": sorted(self.closed_only)})

        return [Route("/access", change, methods=["POST"])]
