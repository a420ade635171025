"""EIP-712 digests of what the venue's clients sign, and the signer behind a signature."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from remora.venues.twin.auth.wallets import SignatureType
from remora.venues.twin.chain.contracts import EXCHANGE_V3, exchange_of

CHAIN_ID = 137
AUTH_MESSAGE = "This message attests that I control the given wallet"

_DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_AUTH_DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId)")
_AUTH = keccak(b"ClobAuth(address address,string timestamp,uint256 nonce,string message)")
_ORDER_TYPE = (
    b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    b"uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)
_ORDER = keccak(_ORDER_TYPE)
_ORDER_FIELDS = [
    *("bytes32", "uint256", "address", "address", "uint256", "uint256", "uint256"),
    *("uint8", "uint8", "uint256", "bytes32", "bytes32"),
]
_NESTED = keccak(
    b"TypedDataSign(Order contents,string name,string version,uint256 chainId,address verifyingContract,"
    b"bytes32 salt)" + _ORDER_TYPE
)
"""ERC-7739: what the owner of a deposit wallet signs, so that the signature holds for this wallet alone."""

_SESSION_MAGIC = bytes.fromhex("6492" * 16)
"""ERC-6492's marker; here it says that a session key signed, and which."""

_WALLET_NAME, _WALLET_VERSION = keccak(b"DepositWallet"), keccak(b"1")
_SIDES = {"BUY": 0, "SELL": 1}
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")


class Unsigned(ValueError):
    """Something that should be signed is malformed or its signature does not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireOrder:
    """The signed part of an order as it came over the wire."""

    salt: int
    maker: str
    signer: str
    token_id: int
    maker_amount: int
    taker_amount: int
    side: str
    signature_type: SignatureType
    timestamp: int
    metadata: bytes
    builder: bytes
    signature: str

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "WireOrder":
        """Return the order; raise Unsigned when a field is missing or malformed."""
        try:
            order = cls(
                salt=int(raw["salt"]),
                maker=str(raw["maker"]).lower(),
                signer=str(raw["signer"]).lower(),
                token_id=int(raw["tokenId"]),
                maker_amount=int(raw["makerAmount"]),
                taker_amount=int(raw["takerAmount"]),
                side=str(raw["side"]),
                signature_type=SignatureType(int(raw["signatureType"])),
                timestamp=int(raw["timestamp"]),
                metadata=bytes.fromhex(str(raw["metadata"]).removeprefix("0x")),
                builder=bytes.fromhex(str(raw["builder"]).removeprefix("0x")),
                signature=str(raw["signature"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise Unsigned("Invalid order payload") from error
        if order.side not in _SIDES or not (_ADDRESS.fullmatch(order.maker) and _ADDRESS.fullmatch(order.signer)):
            raise Unsigned("Invalid order payload")
        return order

    def digest(self, *, neg_risk: bool) -> str:
        """Return the order's id: its EIP-712 hash for the exchange that settles it."""
        return _typed_hash(self._domain(neg_risk=neg_risk), self._contents())

    def signed_by(self, *, neg_risk: bool) -> str:
        """Return the lower-case address of the key behind the signature; raise Unsigned when it does not fit."""
        if self.signature_type is not SignatureType.DEPOSIT:
            return signer_of(self.digest(neg_risk=neg_risk), self.signature)
        contents, separator = self._contents(), self._domain(neg_risk=neg_risk)
        trailer = separator + contents + _ORDER_TYPE + len(_ORDER_TYPE).to_bytes(2, "big")
        named, wrapped = _session_signer(_unhex(self.signature))
        if wrapped[65:] != trailer:
            raise Unsigned("Invalid signature")
        nested = keccak(
            encode(
                ["bytes32", "bytes32", "bytes32", "bytes32", "uint256", "address", "bytes32"],
                [_NESTED, contents, _WALLET_NAME, _WALLET_VERSION, CHAIN_ID, self.signer, bytes(32)],
            )
        )
        found = signer_of(_typed_hash(separator, nested), wrapped[:65].hex())
        if named not in ("", found):
            raise Unsigned("Invalid signature")
        return found

    def _domain(self, *, neg_risk: bool) -> bytes:
        exchange = exchange_of(str(self.token_id), neg_risk=neg_risk)
        return _exchange_domain(exchange, b"3" if exchange == EXCHANGE_V3 else b"2")

    def _contents(self) -> bytes:
        values = [
            _ORDER,
            self.salt,
            self.maker,
            self.signer,
            self.token_id,
            self.maker_amount,
            self.taker_amount,
            _SIDES[self.side],
            self.signature_type,
            self.timestamp,
            self.metadata,
            self.builder,
        ]
        try:
            return keccak(encode(_ORDER_FIELDS, values))
        except Exception as error:  # eth-abi has a tree of its own for values that do not fit their type
            raise Unsigned("Invalid order payload") from error


def _session_signer(signature: bytes) -> tuple[str, bytes]:
    """Return the session key that a signature names, none for an owner's, and the signature within."""
    if not signature.endswith(_SESSION_MAGIC):
        return "", signature
    try:
        name, _, inner = decode(["bytes32", "bytes32", "bytes"], signature[: -len(_SESSION_MAGIC)])
    except DecodingError as error:
        raise Unsigned("Invalid signature") from error
    return "0x" + name[12:].hex(), inner


def _typed_hash(separator: bytes, struct: bytes) -> str:
    return "0x" + keccak(b"\x19\x01" + separator + struct).hex()


@lru_cache
def _exchange_domain(contract: str, protocol: bytes) -> bytes:
    name, version = keccak(b"Polymarket CTF Exchange"), keccak(protocol)
    return keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"], [_DOMAIN, name, version, CHAIN_ID, contract]
        )
    )


def auth_digest(address: str, timestamp: str, nonce: int) -> str:
    """Return the hash that a wallet signs to ask for API credentials."""
    separator = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256"],
            [_AUTH_DOMAIN, keccak(b"ClobAuthDomain"), keccak(b"1"), CHAIN_ID],
        )
    )
    struct = keccak(
        encode(
            ["bytes32", "address", "bytes32", "uint256", "bytes32"],
            [_AUTH, address.lower(), keccak(timestamp.encode()), nonce, keccak(AUTH_MESSAGE.encode())],
        )
    )
    return "0x" + keccak(b"\x19\x01" + separator + struct).hex()


def signer_of(digest: str, signature: str) -> str:
    """Return the lower-case address that signed `digest`; raise Unsigned for a malformed signature."""
    raw = _unhex(signature)
    if len(raw) != 65:
        raise Unsigned("Invalid signature")
    try:
        recovery = raw[64] - 27 if raw[64] >= 27 else raw[64]
        public = Signature(raw[:64] + bytes([recovery])).recover_public_key_from_msg_hash(
            bytes.fromhex(digest.removeprefix("0x"))
        )
    except (ValueError, BadSignature, ValidationError) as error:
        raise Unsigned("Invalid signature") from error
    return public.to_address()


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise Unsigned("Invalid signature") from error
