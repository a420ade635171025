"""The relayer: sends what the owners of contract wallets sign, and pays the gas."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from remora.venues.twin.auth.session_keys import Grant, SessionKeys
from remora.venues.twin.auth.wallets import DEPOSIT_FACTORY
from remora.venues.twin.chain import contracts as at
from remora.venues.twin.chain.blocks import Chain, Reverted, Transaction
from remora.venues.twin.chain.execution import Execution
from remora.venues.twin.chain.logs import Entry
from remora.venues.twin.chain.relayed import RELAY, Refused, Relayed, parse_session, parse_submission
from remora.venues.twin.json_answer import HANDLERS, Answer, NotJson, error, parse_json

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_KEY_HEADERS = ("relayer_api_key", "poly_builder_api_key")
CONFIRMED_AFTER = 1
"""Blocks on top of a transaction before the relayer calls it confirmed."""


@dataclass(slots=True, kw_only=True)
class RelayerApp:
    """Every wallet counts as deployed; any non-empty API key is a key."""

    chain: Chain
    execution: Execution
    wall: Callable[[], datetime]
    sessions: SessionKeys
    _answered: dict[str, dict[str, Any]] = field(default_factory=dict)
    _nonces: Counter[str] = field(default_factory=Counter)
    _sent: dict[str, Transaction] = field(default_factory=dict)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/deployed", self.deployed),
                Route("/v1/account/transactions/params", self.params),
                Route("/relay-payload", self.params),
                Route("/submit", self.submit, methods=["POST"]),
                Route("/v1/account/transactions/{name}", self.transaction),
                Route("/v1/session-signers/authorizations", self.authorise, methods=["POST"]),
                Route("/v1/session-signers/revocations", self.revoke, methods=["POST"]),
            ],
            exception_handlers=HANDLERS,
        )

    async def deployed(self, request: Request) -> Response:
        """Answer ``GET /deployed``."""
        if not _ADDRESS.fullmatch(request.query_params.get("address", "")):
            return error(400, "invalid address")
        return Answer({"deployed": True})

    async def params(self, request: Request) -> Response:
        """Answer what the next transaction of an owner must carry."""
        address = request.query_params.get("address", "")
        if not _ADDRESS.fullmatch(address):
            return error(400, "invalid address")
        return Answer({"address": RELAY, "nonce": str(self._nonces[address.lower()])})

    async def submit(self, request: Request) -> Response:
        """Answer ``POST /submit``: check the owner's signature and send."""
        if not any(request.headers.get(name, "").strip() for name in _KEY_HEADERS):
            return error(401, "invalid authorization")
        try:
            body = parse_json(await request.body())
        except NotJson:
            return error(400, "invalid payload")
        if not isinstance(body, Mapping):
            return error(400, "invalid payload")
        if body.get("type") == "WALLET-CREATE":
            return Answer(self._send(Transaction(hash=_name("create", body), sender=RELAY, to=DEPOSIT_FACTORY)))
        try:
            relayed = parse_submission(body, int(self.wall().timestamp()))
            self._expect(relayed)
        except Refused as refused:
            return error(400, str(refused))
        name = _name(relayed.owner, relayed.nonce, relayed.calls)
        sent = Transaction(hash=name, sender=RELAY, to=at.RELAY_HUB, run=partial(self._run, relayed, name))
        return Answer(self._send(sent))

    async def authorise(self, request: Request) -> Response:
        """Answer ``POST /v1/session-signers/authorizations``: a key may trade for the wallet from now on."""
        if not request.headers.get("poly_builder_api_key", "").strip():
            return error(401, "invalid authorization")

        def change(body: Mapping[str, Any]) -> tuple[str, Callable[[str], None]]:
            key, until = str(body["sessionSignerAddress"]), int(body["validUntil"])
            grant = Grant(tuple(str(scope) for scope in body["scopes"]), until)
            arguments = at.selector("authorizeSessionSigner(address,uint256)")
            arguments += encode(["address", "uint256"], [key, until]).hex()
            return arguments, lambda wallet: self.sessions.authorise(wallet, key, grant)

        return await self._session(request, change, {"status": "SUBMITTED"})

    async def revoke(self, request: Request) -> Response:
        """Answer ``POST /v1/session-signers/revocations``."""
        if not any(request.headers.get(name, "").strip() for name in _KEY_HEADERS):
            return error(401, "invalid authorization")

        def change(body: Mapping[str, Any]) -> tuple[str, Callable[[str], None]]:
            key = str(body["sessionSignerAddress"])
            arguments = at.selector("revokeSessionSigner(address)") + encode(["address"], [key]).hex()
            return arguments, lambda wallet: self.sessions.revoke(wallet, key)

        return await self._session(request, change, {"status": "PENDING", "fenced": True})

    async def _session(
        self,
        request: Request,
        change: Callable[[Mapping[str, Any]], tuple[str, Callable[[str], None]]],
        accepted: dict[str, Any],
    ) -> Response:
        """Send what an owner signed about a session key; the same operation is done once."""
        operation = request.headers.get("idempotency-key", "")
        if operation in self._answered:
            return Answer(self._answered[operation])
        try:
            body = parse_json(await request.body())
            arguments, apply = change(body)
            relayed = parse_session(body, arguments, int(self.wall().timestamp()))
            self._expect(relayed)
        except Refused as refused:
            return error(400, str(refused))
        except (NotJson, KeyError, TypeError, ValueError, EncodingError):
            return error(400, "invalid payload")

        def run() -> list[Entry]:
            apply(relayed.wallet)
            return []

        name = _name(relayed.owner, relayed.nonce, relayed.calls)
        sent = self._send(Transaction(hash=name, sender=RELAY, to=relayed.wallet, run=run))
        answer = {**accepted, "transactionId": sent["transactionID"], "transactionHash": sent["transactionHash"]}
        self._answered[operation] = answer
        return Answer(answer)

    async def transaction(self, request: Request) -> Response:
        """Answer ``GET /v1/account/transactions/{id}``."""
        name = request.path_params["name"]
        sent = self._sent.get(name)
        if sent is None:
            return error(404, "transaction not found")
        body: dict[str, Any] = {"transaction_id": name, "transaction_hash": sent.hash, "state": self._state(sent)}
        return Answer(body | ({"error_msg": sent.reverted} if sent.reverted is not None else {}))

    def _expect(self, relayed: Relayed) -> None:
        expected = self._nonces[relayed.owner]
        if relayed.nonce != expected:
            raise Refused(f"batch nonce {relayed.nonce} does not match on-chain nonce {expected}")
        self._nonces[relayed.owner] += 1

    def _send(self, transaction: Transaction) -> dict[str, Any]:
        name = hashlib.sha256(transaction.hash.encode()).hexdigest()[:32]
        self._sent[name] = transaction
        self.chain.submit(transaction)
        return {"transactionID": name, "transactionHash": transaction.hash, "state": "STATE_NEW"}

    def _run(self, relayed: Relayed, name: str) -> list[Entry]:
        """Apply all calls or, when one would fail, none."""
        effects = [self.execution.check(relayed.wallet, target, data) for target, data in relayed.calls]
        if not effects:
            raise Reverted("no calls")
        return [entry for effect in effects for entry in effect(name)]

    def _state(self, sent: Transaction) -> str:
        placed = self.chain.places.get(sent.hash)
        if placed is None:
            return "STATE_EXECUTED"
        if sent.reverted is not None:
            return "STATE_FAILED"
        return "STATE_CONFIRMED" if self.chain.head.number - placed[0].number >= CONFIRMED_AFTER else "STATE_MINED"


def _name(*parts: object) -> str:
    return "0x" + hashlib.sha256(repr(parts).encode()).hexdigest()
