"""API credentials: made, derived, listed, deleted."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from remora.venues.twin.auth.keys import Credentials, Unauthorised
from remora.venues.twin.auth.wallets import SignatureType, wallets_of
from remora.venues.twin.clob.signed import poly_headers, signed
from remora.venues.twin.clob.state import ClobState
from remora.venues.twin.json_answer import Answer, error


class CredentialRoutes:
    """Routes that need a wallet's signature, and those about API keys."""

    def __init__(self, state: ClobState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Return the routes."""
        state = self._state
        return [
            Route("/auth/api-key", self._create, methods=["POST"]),
            Route("/auth/derive-api-key", self._derive),
            Route("/auth/api-keys", signed(state, self._list)),
            Route("/auth/api-key", signed(state, self._delete), methods=["DELETE"]),
            Route("/auth/ban-status/closed-only", signed(state, self._closed_only)),
            Route("/v1/user/session-signers", signed(state, self._session_signers)),
        ]

    async def _create(self, request: Request) -> Response:
        try:
            address, nonce = self._state.keys.check_wallet(poly_headers(request), self._state.wall())
        except Unauthorised as problem:
            return error(401, str(problem))
        made = self._state.keys.create(address, nonce)
        return error(400, "Could not create api key") if made is None else Answer(made.as_json())

    async def _derive(self, request: Request) -> Response:
        try:
            address, nonce = self._state.keys.check_wallet(poly_headers(request), self._state.wall())
        except Unauthorised as problem:
            return error(401, str(problem))
        made = self._state.keys.derive(address, nonce)
        return error(400, "Could not derive api key!") if made is None else Answer(made.as_json())

    async def _list(self, _request: Request, who: Credentials) -> Response:
        return Answer({"apiKeys": self._state.keys.of(who.address)})

    async def _delete(self, _request: Request, who: Credentials) -> Response:
        self._state.keys.remove(who)
        return Answer("OK")

    async def _session_signers(self, _request: Request, who: Credentials) -> Response:
        """Answer an owner of deposit wallets: the one that holds something, or has grants, is its wallet."""
        state, wallets = self._state, sorted(wallets_of(who.address)[SignatureType.DEPOSIT])
        used = [one for one in wallets if state.sessions.of(one) or state.exchange.account(one).cash]
        wallet = (used or wallets)[0]
        rows = [
            {"address": key, "scopes": list(grant.scopes), "valid_until": grant.valid_until}
            for key, grant in state.sessions.of(wallet).items()
        ]
        return Answer({"wallet": wallet, "signers": rows})

    async def _closed_only(self, _request: Request, who: Credentials) -> Response:
        return Answer({"closed_only": who.address.lower() in self._state.access.closed_only})
