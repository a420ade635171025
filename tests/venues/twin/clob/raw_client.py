"""A client of the CLOB made from the protocol's description alone: no line of it is the twin's or the SDK's."""

import base64
import dataclasses
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from tests.fixtures.twin import NO_TLS, RunningTwin

STANDARD = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK = "0xe2222d279d744050d28e00520010520000310F59"
ZEROS = "0x" + "00" * 32
ORDER_FIELDS = [
    {"name": "salt", "type": "uint256"},
    {"name": "maker", "type": "address"},
    {"name": "signer", "type": "address"},
    {"name": "tokenId", "type": "uint256"},
    {"name": "makerAmount", "type": "uint256"},
    {"name": "takerAmount", "type": "uint256"},
    {"name": "side", "type": "uint8"},
    {"name": "signatureType", "type": "uint8"},
    {"name": "timestamp", "type": "uint256"},
    {"name": "metadata", "type": "bytes32"},
    {"name": "builder", "type": "bytes32"},
]


@dataclass(frozen=True, slots=True)
class Request:
    """One signed request, ready to be spoilt."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]


@dataclass(slots=True)
class RawClient:
    """One key with its API credentials over plain HTTP."""

    http: httpx.AsyncClient
    key: str
    api_key: str = ""
    secret: str = ""
    passphrase: str = ""
    salt: int = 1_000

    @property
    def address(self) -> str:
        """The key's own wallet."""
        return str(Account.from_key(self.key).address)

    async def sign_in(self) -> None:
        """Create credentials, or derive those that exist."""
        answer = await self.http.post("/auth/api-key", headers=self.wallet_headers())
        if answer.status_code == 400:
            answer = await self.http.get("/auth/derive-api-key", headers=self.wallet_headers())
        assert answer.status_code == 200, answer.text
        made = answer.json()
        self.api_key, self.secret, self.passphrase = made["apiKey"], made["secret"], made["passphrase"]

    def wallet_headers(self, *, timestamp: str | None = None, nonce: int = 0) -> dict[str, str]:
        """Return the headers that a wallet's own signature makes."""
        stamp = timestamp or str(int(time.time()))
        message = encode_typed_data(
            domain_data={"name": "ClobAuthDomain", "version": "1", "chainId": 137},
            message_types={
                "ClobAuth": [
                    {"name": "address", "type": "address"},
                    {"name": "timestamp", "type": "string"},
                    {"name": "nonce", "type": "uint256"},
                    {"name": "message", "type": "string"},
                ]
            },
            message_data={
                "address": self.address,
                "timestamp": stamp,
                "nonce": nonce,
                "message": "This message attests that I control the given wallet",
            },
        )
        signature = Account.sign_message(message, self.key).signature.to_0x_hex()
        return {
            "POLY_ADDRESS": self.address,
            "POLY_SIGNATURE": signature,
            "POLY_TIMESTAMP": stamp,
            "POLY_NONCE": str(nonce),
        }

    def request(self, method: str, path: str, body: bytes = b"", *, timestamp: int | str | None = None) -> Request:
        """Return a request whose HMAC covers exactly these bytes; a query in `path` is not signed."""
        stamp = str(int(time.time()) if timestamp is None else timestamp)
        message = f"{stamp}{method}{path.partition('?')[0]}".encode() + body
        mac = hmac.new(base64.urlsafe_b64decode(self.secret), message, hashlib.sha256).digest()
        headers = {
            "POLY_ADDRESS": self.address,
            "POLY_API_KEY": self.api_key,
            "POLY_PASSPHRASE": self.passphrase,
            "POLY_TIMESTAMP": stamp,
            "POLY_SIGNATURE": base64.urlsafe_b64encode(mac).decode(),
            "Content-Type": "application/json",
        }
        return Request(method, path, body, headers)

    async def send(self, request: Request, **headers: str) -> httpx.Response:
        """Send a request, some of its headers replaced."""
        return await self.http.request(
            request.method, request.path, content=request.body, headers={**request.headers, **headers}
        )

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a signed request with a JSON body."""
        return await self.send(self.request(method, path, b"" if body is None else json.dumps(body).encode()))

    def order(
        self,
        token: str,
        side: str,
        *,
        maker_amount: int,
        taker_amount: int,
        order_type: str = "GTC",
        neg_risk: bool = False,
        **changes: Any,
    ) -> dict[str, Any]:
        """Return the body of ``POST /order``; `changes` to the order are signed along."""
        self.salt += 1
        order = {
            "salt": self.salt,
            "maker": self.address,
            "signer": self.address,
            "tokenId": token,
            "makerAmount": str(maker_amount),
            "takerAmount": str(taker_amount),
            "side": side,
            "signatureType": 0,
            "timestamp": str(int(time.time() * 1000)),
            "metadata": ZEROS,
            "builder": ZEROS,
            "expiration": "0",
            **changes,
        }
        message = encode_typed_data(full_message=order_message(order, neg_risk=neg_risk))
        signature = Account.sign_message(message, self.key).signature.to_0x_hex()
        return {
            "deferExec": False,
            "order": {**order, "signature": signature},
            "orderType": order_type,
            "owner": self.api_key,
        }


def order_message(order: dict[str, Any], *, neg_risk: bool) -> dict[str, Any]:
    """Return an order of the wire as the typed data that its maker signs."""
    numbers = ("salt", "tokenId", "makerAmount", "takerAmount", "signatureType", "timestamp")
    return {
        "primaryType": "Order",
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Order": ORDER_FIELDS,
        },
        "domain": {
            "name": "Polymarket CTF Exchange",
            "version": "2",
            "chainId": 137,
            "verifyingContract": NEG_RISK if neg_risk else STANDARD,
        },
        "message": {
            **{name: order[name] for name in ("maker", "signer", "metadata", "builder")},
            **{name: int(order[name]) for name in numbers},
            "side": {"BUY": 0, "SELL": 1}[order["side"]],
        },
    }


def order_id(order: dict[str, Any], *, neg_risk: bool) -> str:
    """Return the id that the venue must give an order of the wire: its EIP-712 digest."""
    signable = encode_typed_data(full_message=order_message(order, neg_risk=neg_risk))
    return "0x" + keccak(b"\x19" + signable.version + signable.header + signable.body).hex()


@asynccontextmanager
async def raw_client(twin: RunningTwin, key: str) -> AsyncIterator[RawClient]:
    """Yield a signed-in raw client."""
    async with httpx.AsyncClient(base_url=twin.urls["clob_url"], trust_env=False, verify=NO_TLS) as http:
        client = RawClient(http, key)
        await client.sign_in()
        yield client


def spoilt(request: Request, body: bytes) -> Request:
    """Return a request whose body was changed after it was signed."""
    return dataclasses.replace(request, body=body)
