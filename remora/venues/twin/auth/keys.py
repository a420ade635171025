"""API credentials: who may ask for them, and whether a request was signed with them."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from remora.venues.twin.auth.eip712 import Unsigned, auth_digest, signer_of

TIMESTAMP_TOLERANCE_SECONDS = 300
NONCE_MAX = 2**256 - 1
INVALID_KEY = "Invalid API key"
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class Unauthorised(Exception):
    """A request's credentials do not hold; the message is the venue's."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """One API key of one wallet."""

    api_key: str
    secret: str
    passphrase: str
    address: str
    nonce: int

    def as_json(self) -> dict[str, str]:
        """Return the three values as the venue hands them out."""
        return {"apiKey": self.api_key, "secret": self.secret, "passphrase": self.passphrase}


class Keys:
    """All credentials of one twin; derived from a seed, so that the same wallet gets the same ones."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._by_wallet: dict[tuple[str, int], Credentials] = {}
        self._by_key: dict[str, Credentials] = {}

    def create(self, address: str, nonce: int) -> Credentials | None:
        """Make credentials for a wallet; None when they exist already."""
        wallet = (address.lower(), nonce)
        if wallet in self._by_wallet:
            return None
        made = self._make(*wallet)
        self._by_wallet[wallet] = self._by_key[made.api_key] = made
        return made

    def derive(self, address: str, nonce: int) -> Credentials | None:
        """Return the credentials that a wallet has, None before it created any."""
        return self._by_wallet.get((address.lower(), nonce))

    def of(self, address: str) -> list[str]:
        """Return the API keys of a wallet."""
        return [key for key, made in self._by_key.items() if made.address == address.lower()]

    def remove(self, credentials: Credentials) -> None:
        """Forget one API key."""
        self._by_key.pop(credentials.api_key, None)
        self._by_wallet.pop((credentials.address, credentials.nonce), None)

    def by_key(self, api_key: str) -> Credentials | None:
        """Return the credentials behind an API key."""
        return self._by_key.get(api_key)

    def check_wallet(self, headers: Mapping[str, str], now: datetime) -> tuple[str, int]:
        """Return (address, nonce) of a request signed by a wallet; raise Unauthorised."""
        try:
            address, nonce = headers["poly_address"], int(headers.get("poly_nonce", "0"))
            stamp, signature = headers["poly_timestamp"], headers["poly_signature"]
            if not _ADDRESS.fullmatch(address) or not 0 <= nonce <= NONCE_MAX:
                raise Unauthorised("Invalid L1 Request headers")
            _check_time(stamp, now)
            if signer_of(auth_digest(address, stamp, nonce), signature) != address.lower():
                raise Unauthorised("Invalid L1 Request headers")
        except (KeyError, ValueError, Unsigned) as error:
            raise Unauthorised("Invalid L1 Request headers") from error
        return address.lower(), nonce

    def check_request(
        self, headers: Mapping[str, str], *, method: str, path: str, body: bytes, now: datetime
    ) -> Credentials:
        """Return whose request this is; raise Unauthorised unless its HMAC holds over exactly these bytes."""
        made = self._by_key.get(headers.get("poly_api_key", ""))
        stamp = headers.get("poly_timestamp", "")
        if made is None or not _same(made.passphrase, headers.get("poly_passphrase", "")):
            raise Unauthorised(INVALID_KEY)
        if made.address != headers.get("poly_address", "").lower():
            raise Unauthorised(INVALID_KEY)
        _check_time(stamp, now)
        expected = sign(made.secret, f"{stamp}{method}{path}".encode() + body)
        if not _same(expected, headers.get("poly_signature", "")):
            raise Unauthorised(INVALID_KEY)
        return made

    def _make(self, address: str, nonce: int) -> Credentials:
        def part(name: str) -> bytes:
            return hmac.new(self._seed, f"{name}:{address}:{nonce}".encode(), hashlib.sha256).digest()

        name = part("key").hex()
        return Credentials(
            api_key=f"{name[:8]}-{name[8:12]}-4{name[13:16]}-8{name[17:20]}-{name[20:32]}",
            secret=base64.urlsafe_b64encode(part("secret")).decode(),
            passphrase=part("passphrase").hex(),
            address=address,
            nonce=nonce,
        )


def sign(secret: str, message: bytes) -> str:
    """Return the venue's request signature: URL-safe base64 of HMAC-SHA256."""
    key = base64.urlsafe_b64decode(secret)
    return base64.urlsafe_b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())


def _check_time(stamp: str, now: datetime) -> None:
    try:
        skew = abs(int(stamp) - int(now.timestamp()))
    except ValueError as error:
        raise Unauthorised("Invalid timestamp") from error
    if skew > TIMESTAMP_TOLERANCE_SECONDS:
        raise Unauthorised("Invalid timestamp")
