"""Signed transactions as wallets send them: legacy and EIP-1559, decoded and their signer recovered."""

from dataclasses import dataclass

import rlp
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from remora.venues.twin.chain.filters import RpcError

CHAIN_ID = 137


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    """One signed transaction."""

    hash: str
    sender: str
    nonce: int
    gas_price: int
    gas: int
    to: str
    value: int
    data: str


def decode_raw(text: object) -> SignedCall:
    """Return what ``eth_sendRawTransaction`` carries; raise RpcError for anything that no node takes."""
    try:
        raw = bytes.fromhex(str(text).removeprefix("0x"))
        return _typed(raw) if raw[:1] == b"\x02" else _legacy(raw)
    except (ValueError, IndexError, rlp.exceptions.RLPException, BadSignature, ValidationError) as error:
        raise RpcError(-32000, f"rlp: malformed transaction ({type(error).__name__})") from error


def _legacy(raw: bytes) -> SignedCall:
    fields = rlp.decode(raw)
    nonce, gas_price, gas, to, value, data, v, r, s = fields
    number = _number(v)
    chain = (number - 35) // 2
    if number in (27, 28) or chain != CHAIN_ID:
        raise RpcError(-32000, f"invalid chain id for signer: have {max(chain, 0)} want {CHAIN_ID}")
    unsigned = rlp.encode([nonce, gas_price, gas, to, value, data, _bytes(CHAIN_ID), b"", b""])
    sender = _signer(keccak(unsigned), (number - 35) % 2, r, s)
    return _call(raw, sender, nonce, gas_price, gas, to, value, data)


def _typed(raw: bytes) -> SignedCall:
    fields = rlp.decode(raw[1:])
    chain, nonce, _tip, most, gas, to, value, data, _access, parity, r, s = fields
    if _number(chain) != CHAIN_ID:
        raise RpcError(-32000, f"invalid chain id for signer: have {_number(chain)} want {CHAIN_ID}")
    sender = _signer(keccak(b"\x02" + rlp.encode(fields[:9])), _number(parity), r, s)
    return _call(raw, sender, nonce, most, gas, to, value, data)


def _call(
    raw: bytes, sender: str, nonce: bytes, price: bytes, gas: bytes, to: bytes, value: bytes, data: bytes
) -> SignedCall:
    return SignedCall(
        hash="0x" + keccak(raw).hex(),
        sender=sender,
        nonce=_number(nonce),
        gas_price=_number(price),
        gas=_number(gas),
        to="0x" + to.hex(),
        value=_number(value),
        data="0x" + data.hex(),
    )


def _signer(digest: bytes, parity: int, r: bytes, s: bytes) -> str:
    signature = Signature(vrs=(parity, _number(r), _number(s)))
    return signature.recover_public_key_from_msg_hash(digest).to_address()


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
