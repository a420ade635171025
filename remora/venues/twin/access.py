"""From where and for whom the twin takes orders: a person or a test turns it with ``POST /access``."""

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

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


@dataclass(slots=True)
class Access:
    """The region of everybody who asks, the signers that may only close, and how wrong ``/time`` is."""

    blocked: bool = False
    country: str = "IE"
    closed_only: frozenset[str] = field(default_factory=frozenset)
    clock_offset_s: float = 0.0

    def refusal(self, signer: str, *, buys: bool) -> tuple[int, str] | None:
        """Return why an order is refused whatever it says: its status and message."""
        if self.blocked:
            return 403, RESTRICTED
        if buys and signer.lower() in self.closed_only:
            return 400, CLOSED_ONLY
        return None

    def change(self, body: AccessBody) -> None:
        """Take over what a request says."""
        if body.blocked is not None:
            self.blocked = body.blocked
        if body.country is not None:
            self.country = body.country
        if body.closed_only is not None:
            self.closed_only = frozenset(name.lower() for name in body.closed_only)
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
