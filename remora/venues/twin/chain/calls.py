"""Reads of contracts: what ``eth_call`` answers, from the exchange's own exact books."""

from collections.abc import Callable, Mapping
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError

from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import micros
from remora.venues.twin.auth.wallets import DEPOSIT_BEACON
from remora.venues.twin.chain import contracts as at
from remora.venues.twin.chain.allowances import Allowances
from remora.venues.twin.chain.filters import RpcError, invalid
from remora.venues.twin.engine.exchange import Exchange

TOKEN_CONTRACTS = (at.CONDITIONAL_TOKENS, at.POSITION_MANAGER)
BEACON_OF_FACTORY = "0x49493a4d"
_UNIT = 1_000_000


class ContractReads:
    """Answers calls by contract and selector; anything else reverts, as an unknown function does."""

    def __init__(self, exchange: Exchange, allowances: Allowances) -> None:
        self._exchange = exchange
        self._allowances = allowances
        self._dollars: dict[str, Callable[[bytes], bytes]] = {
            at.selector("balanceOf(address)"): self._dollars_of,
            at.selector("allowance(address,address)"): self._allowance,
            at.selector("decimals()"): lambda _arguments: encode(["uint8"], [6]),
        }
        self._shares: dict[str, Callable[[str, bytes], bytes]] = {
            at.selector("balanceOf(address,uint256)"): self._shares_of,
            at.selector("balanceOfBatch(address[],uint256[])"): self._shares_of_several,
            at.selector("isApprovedForAll(address,address)"): self._approved_for_all,
            at.selector("payoutDenominator(bytes32)"): self._payout_denominator,
            at.selector("payoutNumerators(bytes32,uint256)"): self._payout_numerator,
        }

    def call(self, raw: object) -> str:
        """Return the bytes that a call answers; raise RpcError when it reverts."""
        if not isinstance(raw, Mapping):
            raise invalid("a call must be an object")
        target, data = str(raw.get("to") or "").lower(), str(raw.get("data") or raw.get("input") or "0x")
        try:
            name, arguments = data[:10].lower(), bytes.fromhex(data[10:])
            return "0x" + self._answer(target, name, arguments).hex()
        except (ValueError, DecodingError, EncodingError, OverflowError) as error:
            raise reverted(f"malformed arguments: {type(error).__name__}") from error

    def _answer(self, target: str, name: str, arguments: bytes) -> bytes:
        if target == at.COLLATERAL and name in self._dollars:
            return self._dollars[name](arguments)
        if target in TOKEN_CONTRACTS and name in self._shares:
            return self._shares[name](target, arguments)
        if target == at.DEPOSIT_FACTORY and name == BEACON_OF_FACTORY:
            return encode(["address"], [DEPOSIT_BEACON])
        raise reverted("")

    def _dollars_of(self, arguments: bytes) -> bytes:
        (owner,) = decode(["address"], arguments)
        return encode(["uint256"], [max(0, self._exchange.account(owner).cash)])

    def _allowance(self, arguments: bytes) -> bytes:
        owner, spender = decode(["address", "address"], arguments)
        return encode(["uint256"], [self._allowances.dollars(owner, spender)])

    def _shares_of(self, contract: str, arguments: bytes) -> bytes:
        owner, token = decode(["address", "uint256"], arguments)
        return encode(["uint256"], [self._held(contract, owner, token)])

    def _shares_of_several(self, contract: str, arguments: bytes) -> bytes:
        owners, tokens = decode(["address[]", "uint256[]"], arguments)
        if len(owners) != len(tokens):
            raise reverted("ERC1155: owners and IDs must have same lengths")
        held = [self._held(contract, owner, token) for owner, token in zip(owners, tokens, strict=True)]
        return encode(["uint256[]"], [held])

    def _approved_for_all(self, contract: str, arguments: bytes) -> bytes:
        owner, operator = decode(["address", "address"], arguments)
        return encode(["bool"], [self._allowances.shares(contract, owner, operator)])

    def _payout_denominator(self, _contract: str, arguments: bytes) -> bytes:
        (condition,) = decode(["bytes32"], arguments)
        return encode(["uint256"], [_UNIT if self._payouts(condition) else 0])

    def _payout_numerator(self, _contract: str, arguments: bytes) -> bytes:
        condition, index = decode(["bytes32", "uint256"], arguments)
        payouts = self._payouts(condition)
        return encode(["uint256"], [payouts[index] if index < len(payouts) else 0])

    def _payouts(self, condition: bytes) -> list[int]:
        listing = self._exchange.listings.get(ConditionId("0x" + condition.hex()))
        return [] if listing is None or listing.payouts is None else [micros(part) for part in listing.payouts]

    def _held(self, contract: str, owner: str, token: int) -> int:
        if at.token_contract(str(token)) != contract:
            return 0
        account: Any = self._exchange.accounts.get(owner)
        return 0 if account is None else max(0, account.shares.get(TokenId(str(token)), 0))


def reverted(reason: str) -> RpcError:
    """Return the error of a call that a contract refused."""
    data = "0x08c379a0" + encode(["string"], [reason]).hex() if reason else "0x"
    return RpcError(3, f"execution reverted{': ' + reason if reason else ''}", data)
