"""Transactions that a wallet's owner signs and the relayer sends: proxies, Safes and deposit wallets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode
from eth_account.messages import encode_defunct, encode_typed_data
from eth_utils.crypto import keccak

from remora.venues.twin.auth.eip712 import Unsigned, signer_of
from remora.venues.twin.auth.wallets import DEPOSIT_FACTORY, PROXY_FACTORY, SignatureType, wallets_of
from remora.venues.twin.chain import contracts as at

CHAIN_ID = 137
RELAY = "0x" + "7e" * 20
"""The account that pays for the transactions of proxies; their owners sign its address too."""

_MULTISEND = at.selector("multiSend(bytes)")
_PROXY_CALLS = at.selector("proxy((uint8,address,uint256,bytes)[])")
_FIELD = dict[str, str]


class Refused(Exception):
    """The relayer refuses a submission; the message goes to the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """What a wallet does in one transaction: calls as (target, data), and the owner's nonce."""

    owner: str
    wallet: str
    nonce: int
    calls: tuple[tuple[str, str], ...]


KINDS = {"PROXY": SignatureType.PROXY, "SAFE": SignatureType.SAFE, "WALLET": SignatureType.DEPOSIT}


def parse_submission(body: Mapping[str, Any], now_s: int) -> Relayed:
    """Return a submission whose signature holds; raise Refused for any other."""
    kind = KINDS.get(str(body.get("type")))
    if kind is None:
        raise Refused(f"unsupported type {body.get('type')!r:.40}")
    try:
        owner = str(body["from"]).lower()
        read = {SignatureType.PROXY: _proxy, SignatureType.SAFE: _safe}.get(kind)
        found, digest = _deposit(body, owner, now_s) if read is None else read(body, owner)
        signature = str(body["signature"])
        if kind is SignatureType.SAFE:  # a Safe marks signatures over a prefixed message by four more
            signature = signature[:-2] + f"{int(signature[-2:], 16) - 4:02x}"
        signed_by = signer_of(digest, signature)
    except (KeyError, TypeError, ValueError, Unsigned) as error:
        raise Refused(f"invalid payload: {type(error).__name__}") from error
    if found.wallet not in wallets_of(owner)[kind]:
        raise Refused("the wallet does not belong to the signer")
    if signed_by != owner:
        raise Refused("invalid signature")
    return found


def _proxy(body: Mapping[str, Any], owner: str) -> tuple[Relayed, str]:
    params, data = body["signatureParams"], str(body["data"])
    payload = b"rlx:" + _raw(owner) + _raw(PROXY_FACTORY) + _raw(data)
    payload += b"".join(
        int(value).to_bytes(32, "big")
        for value in (params["relayerFee"], params["gasPrice"], params["gasLimit"], body["nonce"])
    )
    payload += _raw(str(params["relayHub"])) + _raw(str(params["relay"]))
    if data[:10] != _PROXY_CALLS:
        raise ValueError("not a proxy call")
    (calls,) = decode(["(uint8,address,uint256,bytes)[]"], _raw(data)[4:])
    relayed = Relayed(
        owner=owner,
        wallet=str(body["proxyWallet"]).lower(),
        nonce=int(body["nonce"]),
        calls=tuple((target, "0x" + inner.hex()) for _, target, _, inner in calls),
    )
    return relayed, _personal(keccak(payload))


def _safe(body: Mapping[str, Any], owner: str) -> tuple[Relayed, str]:
    wallet, operation = str(body["proxyWallet"]), int(body["signatureParams"]["operation"])
    typed = {
        "domain": {"chainId": CHAIN_ID, "verifyingContract": wallet},
        "types": {
            "EIP712Domain": _fields(chainId="uint256", verifyingContract="address"),
            "SafeTx": _fields(
                to="address",
                value="uint256",
                data="bytes",
                operation="uint8",
                safeTxGas="uint256",
                baseGas="uint256",
                gasPrice="uint256",
                gasToken="address",
                refundReceiver="address",
                nonce="uint256",
            ),
        },
        "primaryType": "SafeTx",
        "message": {
            "to": body["to"],
            "value": int(body.get("value", "0")),
            "data": _raw(str(body["data"])),
            "operation": operation,
            "safeTxGas": 0,
            "baseGas": 0,
            "gasPrice": 0,
            "gasToken": at.ZERO_ADDRESS,
            "refundReceiver": at.ZERO_ADDRESS,
            "nonce": int(body["nonce"]),
        },
    }
    one = ((str(body["to"]).lower(), str(body["data"])),)
    calls = one if operation == 0 else _several(str(body["to"]), str(body["data"]))
    relayed = Relayed(owner=owner, wallet=wallet.lower(), nonce=int(body["nonce"]), calls=calls)
    return relayed, _personal(_typed_digest(typed))


def _deposit(body: Mapping[str, Any], owner: str, now_s: int) -> tuple[Relayed, str]:
    params = body["depositWalletParams"]
    wallet, deadline = str(params["depositWallet"]), int(params["deadline"])
    if str(body["to"]).lower() != DEPOSIT_FACTORY.lower() or deadline < now_s:
        raise ValueError("wrong factory or a deadline that has passed")
    calls = [(str(call["target"]), int(call["value"]), _raw(str(call["data"]))) for call in params["calls"]]
    relayed = Relayed(
        owner=owner,
        wallet=wallet.lower(),
        nonce=int(body["nonce"]),
        calls=tuple((target.lower(), "0x" + data.hex()) for target, _, data in calls),
    )
    return relayed, _batch_digest(wallet, relayed.nonce, deadline, calls)


def parse_session(body: Mapping[str, Any], arguments: str, now_s: int) -> Relayed:
    """Return what the owner of a deposit wallet signed about a session key; raise Refused for anything else.

    The wallet calls itself with `arguments`; only the signature tells who its owner is.
    """
    try:
        wallet, nonce, deadline = str(body["walletAddress"]), int(body["nonce"]), int(body["deadline"])
        digest = _batch_digest(wallet, nonce, deadline, [(wallet, 0, _raw(arguments))])
        owner = signer_of(digest, str(body["signature"]))
    except (KeyError, TypeError, ValueError, Unsigned) as error:
        raise Refused(f"invalid payload: {type(error).__name__}") from error
    if deadline < now_s or wallet.lower() not in wallets_of(owner)[SignatureType.DEPOSIT]:
        raise Refused("the wallet does not belong to the signer")
    return Relayed(owner=owner, wallet=wallet.lower(), nonce=nonce, calls=((wallet.lower(), arguments),))


def _batch_digest(wallet: str, nonce: int, deadline: int, calls: Sequence[tuple[str, int, bytes]]) -> str:
    """Return what the owner of a deposit wallet signs for a batch of calls as (target, value, data)."""
    typed = {
        "domain": {
            "name": "DepositWallet",
            "version": "1",
            "chainId": CHAIN_ID,
            "verifyingContract": wallet,
        },
        "types": {
            "EIP712Domain": _fields(
                name="string", version="string", chainId="uint256", verifyingContract="address"
            ),
            "Batch": _fields(wallet="address", nonce="uint256", deadline="uint256", calls="Call[]"),
            "Call": _fields(target="address", value="uint256", data="bytes"),
        },
        "primaryType": "Batch",
        "message": {
            "wallet": wallet,
            "nonce": nonce,
            "deadline": deadline,
            "calls": [{"target": target, "value": value, "data": data} for target, value, data in calls],
        },
    }
    return "0x" + _typed_digest(typed).hex()


def _several(target: str, data: str) -> tuple[tuple[str, str], ...]:
    """Return the calls packed into a Safe's multisend: operation, target, value, length and data of each."""
    if target.lower() != at.SAFE_MULTISEND or data[:10] != _MULTISEND:
        raise ValueError("a Safe delegates to its multisend only")
    (packed,) = decode(["bytes"], _raw(data)[4:])
    calls, position = [], 0
    while position < len(packed):
        length = int.from_bytes(packed[position + 53 : position + 85], "big")
        inner = packed[position + 85 : position + 85 + length]
        calls.append(("0x" + packed[position + 1 : position + 21].hex(), "0x" + inner.hex()))
        position += 85 + length
    return tuple(calls)


def _typed_digest(typed: dict[str, Any]) -> bytes:
    message = encode_typed_data(full_message=typed)
    return keccak(b"\x19" + message.version + message.header + message.body)


def _personal(digest: bytes) -> str:
    message = encode_defunct(primitive=digest)
    return "0x" + keccak(b"\x19" + message.version + message.header + message.body).hex()


def _fields(**types: str) -> list[_FIELD]:
    return [{"name": name, "type": kind} for name, kind in types.items()]


def _raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
