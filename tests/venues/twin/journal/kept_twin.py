"""A twin with a journal, in this process and without sockets; its time passes by hand."""

import json
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from eth_account import Account
from starlette.types import Message

from remora.venues.twin.assembly import TwinOptions, assemble
from remora.venues.twin.engine.records import FEES, HOUSE
from remora.venues.twin.journal.door import at_once
from remora.venues.twin.journal.file import FILE
from remora.venues.twin.journal.keeping import opened, resume
from remora.venues.twin.replay import BATCH
from remora.venues.twin.scenario.model import Scenario
from tests.venues.twin.clob.raw_client import RawClient

BORN = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEYS = ("0x" + "11" * 32, "0x" + "22" * 32)


@dataclass(frozen=True, slots=True)
class Request:
    """One request to one of the twin's services."""

    service: str
    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Wall:
    """Wall time that passes by hand, for any number of twins."""

    now: datetime = BORN

    def __call__(self) -> datetime:
        return self.now


class KeptTwin:
    """One twin on one directory."""

    def __init__(
        self, directory: Path, wall: Wall, *, scenario: Scenario | None = None, options: TwinOptions | None = None
    ) -> None:
        chosen = options or TwinOptions()
        self.directory = directory
        self.scenario = scenario
        self.options = chosen
        self.wall = wall
        self.journal = opened(directory, scenario, chosen, wall=wall)
        born = self.journal.origin.born
        self.twin = assemble(scenario, chosen, host="twin", port=1, wall=wall, born=born)
        resume(self.twin, self.journal)

    def killed(self, directory: Path) -> "KeptTwin":
        """Return what comes back after a kill at this instant: a twin on a copy of the journal."""
        directory.mkdir(parents=True)
        shutil.copy(self.directory / FILE, directory / FILE)
        return KeptTwin(directory, self.wall, scenario=self.scenario, options=self.options)

    def tick(self) -> None:
        """Let the twin look at its clock, until nothing is due."""
        while self.twin.steps.tick(BATCH) == BATCH:
            pass

    def ask(self, request: Request) -> tuple[int, bytes]:
        """Return status and body of an answer."""
        path, _, query = request.path.partition("?")
        headers = [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "server": ("twin", 80),
        }
        scope |= {"method": request.method, "path": path, "query_string": query.encode(), "headers": headers}
        answer: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Message) -> None:
            answer.append(message)

        at_once(self.twin.apps[request.service](scope, receive, send))
        return answer[0]["status"], b"".join(message.get("body", b"") for message in answer)

    def json(self, request: Request) -> Any:
        """Return what an answer says; it must be a yes."""
        status, body = self.ask(request)
        assert status == 200, body
        return json.loads(body)


def control(path: str, **body: Any) -> Request:
    """Return a request to the control API."""
    return Request("control", "POST", path, json.dumps(body).encode())


def rpc(method: str, *params: Any) -> Request:
    """Return a call of the chain's node."""
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    return Request("rpc", "POST", "/", json.dumps(call).encode())


class Signer:
    """One key's requests, signed at the wall time of the test."""

    def __init__(self, key: str, wall: Wall) -> None:
        self.raw = RawClient(httpx.AsyncClient(), key)
        self.address = self.raw.address.lower()
        self._wall = wall
        self._nonce = 0

    def key_request(self, nonce: int = 0) -> Request:
        """Return the request that makes credentials."""
        headers = self.raw.wallet_headers(timestamp=self._stamp(), nonce=nonce)
        return Request("clob", "POST", "/auth/api-key", headers=headers)

    def sign_in(self, twin: KeptTwin) -> None:
        """Take the credentials that a twin makes."""
        made = twin.json(self.key_request())
        self.raw.api_key, self.raw.secret, self.raw.passphrase = (
            made["apiKey"],
            made["secret"],
            made["passphrase"],
        )

    def signed(self, method: str, path: str, body: Any = None) -> Request:
        """Return a request of this key to the CLOB."""
        content = b"" if body is None else json.dumps(body).encode()
        made = self.raw.request(method, path, content, timestamp=self._stamp())
        return Request("clob", method, path, content, made.headers)

    def approval(self, contract: str, data: str) -> Request:
        """Return a transaction of this key for the chain."""
        call = {"to": contract, "data": data, "nonce": self._nonce, "gas": 300_000, "gasPrice": 60 * 10**9}
        self._nonce += 1
        made = Account.sign_transaction({**call, "value": 0, "chainId": 137}, self.raw.key)
        return rpc("eth_sendRawTransaction", made.raw_transaction.to_0x_hex())

    def _stamp(self) -> str:
        return str(int(self._wall.now.timestamp()))


def reads(signers: list[Signer], markets: list[dict[str, Any]]) -> list[Request]:
    """Return requests about everything that a client may see."""
    found = [Request("control", "GET", path) for path in ("/chain", "/clock", f"/books/{HOUSE}", f"/books/{FEES}")]
    found += [Request("gamma", "GET", "/markets/keyset?limit=100"), Request("data", "GET", "/v2/trades?limit=500")]
    found += [rpc("eth_getBlockByNumber", "latest", True), rpc("eth_getLogs", {"fromBlock": "0x4b571c0"})]
    for market in markets:
        for token in market["tokens"]:
            found.append(Request("clob", "GET", f"/book?token_id={token}"))
    for one in signers:
        found += [
            one.signed("GET", path)
            for path in (
                *("/data/orders", "/data/trades", "/auth/api-keys"),
                "/balance-allowance?asset_type=COLLATERAL&signature_type=0",
            )
        ]
        found += [Request("control", "GET", f"/books/{one.address}")]
        found += [Request("data", "GET", f"/v2/{name}?user={one.address}") for name in ("activity", "positions")]
        found += [
            Request("data", "GET", f"/v2/approvals?address={one.address}"),
            rpc("eth_getTransactionCount", one.address, "pending"),
            rpc("eth_getBalance", one.address),
        ]
    return found


def later(wall: Wall, seconds: float) -> None:
    """Let wall time pass."""
    wall.now += timedelta(seconds=seconds)
