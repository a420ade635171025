"""Which wallets belong to a key: its own address and the contracts that the venue's factories make for it."""

from enum import IntEnum
from functools import lru_cache

from eth_utils.crypto import keccak

PROXY_FACTORY = "0xaB45c5A4B0c941a2F231C04C3f49182e1A254052"
PROXY_IMPLEMENTATION = "0x44e999d5c2F66Ef0861317f9A4805AC2e90aEB4f"
SAFE_FACTORY = "0xaacFeEa03eb1561C4e67d661e40682Bd20E3541b"
SAFE_INIT_CODE_HASH = "2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf"
DEPOSIT_FACTORY = "0x00000000000Fb5C9ADea0298D729A0CB3823Cc07"
DEPOSIT_IMPLEMENTATION = "0x58CA52ebe0DadfdF531Cde7062e76746de4Db1eB"
DEPOSIT_BEACON = "0x7A18EDfe055488A3128f01F563e5B479D92ffc3a"

_WORD = 32
_PROXY_HEAD = "3d3d606380380380913d393d73"
_PROXY_MIDDLE = "5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73"
_PROXY_TAIL = "5af43d82803e903d91602b57fd5bf352e831dd" + f"{_WORD:064x}" + f"{0:064x}"
_ERC1967_TAIL = (
    "60095155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076"
    "cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"
)
_BEACON_TAIL = (
    "60195155f3363d3d373d3d363d602036600436635c60da"
    "1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"
    "b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
)


class SignatureType(IntEnum):
    """How the wallet that pays for an order is controlled by the key that signs it."""

    EOA = 0
    PROXY = 1
    SAFE = 2
    DEPOSIT = 3


@lru_cache(maxsize=4096)
def wallets_of(signer: str) -> dict[SignatureType, frozenset[str]]:
    """Return the lower-case wallets that `signer` controls, by signature type.

    A deposit wallet has two possible addresses: the factory made upgradeable ones first and beacon ones later.
    """
    owner = bytes.fromhex(signer.lower().removeprefix("0x"))
    padded = owner.rjust(_WORD, b"\0")
    arguments = _address(DEPOSIT_FACTORY).rjust(_WORD, b"\0") + padded
    return {
        SignatureType.EOA: frozenset({"0x" + owner.hex()}),
        SignatureType.PROXY: frozenset({_create2(PROXY_FACTORY, keccak(owner), keccak(_proxy_code()))}),
        SignatureType.SAFE: frozenset(
            {_create2(SAFE_FACTORY, keccak(padded), bytes.fromhex(SAFE_INIT_CODE_HASH))}
        ),
        SignatureType.DEPOSIT: frozenset(
            _create2(DEPOSIT_FACTORY, keccak(arguments), keccak(code + arguments))
            for code in (_upgradeable_code(len(arguments)), _beacon_code(len(arguments)))
        ),
    }


def all_wallets(signer: str) -> frozenset[str]:
    """Return every wallet that `signer` controls."""
    return frozenset().union(*wallets_of(signer).values())


def _create2(factory: str, salt: bytes, init_code_hash: bytes) -> str:
    return "0x" + keccak(b"\xff" + _address(factory) + salt + init_code_hash)[12:].hex()


def _address(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _proxy_code() -> bytes:
    factory, implementation = _address(PROXY_FACTORY).hex(), _address(PROXY_IMPLEMENTATION).hex()
    return bytes.fromhex(_PROXY_HEAD + factory + _PROXY_MIDDLE + implementation + _PROXY_TAIL)


def _upgradeable_code(arguments: int) -> bytes:
    head = f"61{0x3D + arguments:04x}3d8160233d3973"
    return bytes.fromhex(head) + _address(DEPOSIT_IMPLEMENTATION) + bytes.fromhex(_ERC1967_TAIL)


def _beacon_code(arguments: int) -> bytes:
    return (
        bytes.fromhex(f"61{0x52 + arguments:04x}3d8160233d3973")
        + _address(DEPOSIT_BEACON)
        + bytes.fromhex(_BEACON_TAIL)
    )
