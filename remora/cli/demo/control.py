"""The twin's control API, as the demo uses it."""

from datetime import UTC, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import httpx

from remora.cli.errors import CommandFailed, Exit
from starters.roster import History

TIMEOUT_S = 60.0
FRESH = httpx.Limits(max_keepalive_connections=0)
"""A connection for each request: one that idles may be closed at the very moment it is used again."""


class TwinControl:
    """A connection to a running twin."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=TIMEOUT_S, limits=FRESH)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def scenario(self) -> dict[str, Any]:
        """Return what is played: name, window, speed, notices."""
        return await self._send("GET", "/scenario")

    async def history(self) -> History:
        """Return what was public before the window."""
        body = await self._send("GET", "/history")
        before = body["before"]
        as_of = datetime.fromisoformat(before) if before else datetime.now(UTC)
        return History(as_of=as_of, trades=body["trades"], resolutions=body["resolutions"])

    async def fund(self, account: str, dollars: Decimal) -> None:
        """Credit an account."""
        await self._send("POST", "/accounts", {"address": account, "cash": str(dollars)})

    async def start(self) -> None:
        """Let venue time run."""
        await self._send("POST", "/start")

    async def status(self) -> dict[str, Any]:
        """Return how far the replay is."""
        return await self._send("GET", "/status")

    async def books(self, account: str) -> tuple[Decimal, dict[str, Decimal]]:
        """Return the exchange's exact cash and shares of an account; tokens without shares are left out."""
        body = await self._send("GET", f"/books/{account}")
        shares = {str(token): Decimal(str(held)) for token, held in body["shares"].items()}
        return Decimal(str(body["cash"])), {token: held for token, held in shares.items() if held != 0}

    async def list_market(self, question: str, **facts: Any) -> tuple[str, str]:
        """Open a market now; return its condition and the token of its first outcome."""
        made = await self._send("POST", "/markets", {"question": question, **facts})
        return str(made["condition_id"]), str(made["tokens"][0])

    async def trade(self, whale: str, token: str, *, side: str, price: Decimal, size: Decimal) -> None:
        """Print one fill of somebody else right now."""
        body = {"wallet": whale, "token_id": token, "side": side, "price": str(price), "size": str(size)}
        await self._send("POST", "/trades", body)

    async def quote(self, token: str, *, bid: Decimal, ask: Decimal, size: Decimal) -> None:
        """Move a token's touch."""
        body = {"token_id": token, "bid": str(bid), "ask": str(ask), "size": str(size)}
        await self._send("POST", "/quotes", body)

    async def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, path, json=body)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise CommandFailed(
                f"The exchange twin does not answer {method} {path}: {type(error).__name__} {error}",
                "Run it again; with --log FILE the engine's own log is kept.",
                code=Exit.UNAVAILABLE,
            ) from error
        found: dict[str, Any] = answer.json()
        return found
