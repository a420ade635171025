"""What a transaction does: approvals, transfers, and positions split, merged and redeemed on the exact books."""

from collections.abc import Callable, Sequence
from datetime import datetime

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from remora.domain.ids import ConditionId, TokenId
from remora.venues.twin.chain import contracts as at
from remora.venues.twin.chain import logs
from remora.venues.twin.chain.allowances import Allowances
from remora.venues.twin.chain.blocks import Reverted
from remora.venues.twin.chain.logs import Entry
from remora.venues.twin.engine.exchange import Exchange
from remora.venues.twin.engine.records import Listing

Effect = Callable[[str], Sequence[Entry]]
"""Applies a checked call under a transaction's hash; returns the logs that the books do not write themselves."""

_Check = Callable[[str, str, bytes], Effect]
TOKEN_CONTRACTS = (at.CONDITIONAL_TOKENS, at.POSITION_MANAGER)


class Execution:
    """Checks a call as the contract would, and applies it to exchange and allowances."""

    def __init__(self, exchange: Exchange, allowances: Allowances, now: Callable[[], datetime]) -> None:
        self._exchange = exchange
        self._allowances = allowances
        self._now = now
        adapters: dict[str, _Check] = {
            at.selector("splitPosition(address,bytes32,bytes32,uint256[],uint256)"): self._split_on_adapter,
            at.selector("mergePositions(address,bytes32,bytes32,uint256[],uint256)"): self._merge_on_adapter,
            at.selector("redeemPositions(address,bytes32,bytes32,uint256[])"): self._redeem_on_adapter,
        }
        shares: dict[str, _Check] = {
            at.selector("setApprovalForAll(address,bool)"): self._approve_all,
            at.selector("safeTransferFrom(address,address,uint256,uint256,bytes)"): self._transfer_shares,
        }
        self._calls: dict[str, dict[str, _Check]] = {
            at.COLLATERAL: {
                at.selector("approve(address,uint256)"): self._approve,
                at.selector("transfer(address,uint256)"): self._transfer_dollars,
            },
            at.ROUTER: {
                at.selector("split(bytes31,uint256)"): self._split_on_router,
                at.selector("merge(bytes31,uint256)"): self._merge_on_router,
                at.selector("redeem(bytes31,uint256,uint256)"): self._redeem_on_router,
            },
            **dict.fromkeys(TOKEN_CONTRACTS, shares),
            **dict.fromkeys((at.ADAPTER, at.NEG_RISK_ADAPTER), adapters),
        }

    def check(self, sender: str, to: str, data: str) -> Effect:
        """Return what a call would do; raise Reverted when the contract refuses it."""
        known = self._calls.get(to.lower(), {}).get(data[:10].lower())
        if known is None:
            raise Reverted("unknown contract or function")
        try:
            return known(sender.lower(), to.lower(), bytes.fromhex(data[10:]))
        except (ValueError, DecodingError, OverflowError) as error:
            raise Reverted(f"malformed arguments: {type(error).__name__}") from error

    def _approve(self, owner: str, _to: str, arguments: bytes) -> Effect:
        spender, amount = decode(["address", "uint256"], arguments)

        def apply(_name: str) -> list[Entry]:
            self._allowances.approve(owner, spender, amount)
            return [logs.approval(owner, spender, amount)]

        return apply

    def _approve_all(self, owner: str, contract: str, arguments: bytes) -> Effect:
        operator, approved = decode(["address", "bool"], arguments)

        def apply(_name: str) -> list[Entry]:
            self._allowances.approve_all(contract, owner, operator, approved=approved)
            return [logs.approval_for_all(contract, owner, operator, approved=approved)]

        return apply

    def _transfer_dollars(self, owner: str, _to: str, arguments: bytes) -> Effect:
        receiver, amount = decode(["address", "uint256"], arguments)
        if self._exchange.free_cash(owner) < amount:
            raise Reverted("ERC20: transfer amount exceeds balance")

        def apply(_name: str) -> list[Entry]:
            self._exchange.move_dollars(owner, receiver, amount)
            return [logs.transfer(owner, receiver, amount)]

        return apply

    def _transfer_shares(self, sender: str, contract: str, arguments: bytes) -> Effect:
        owner, receiver, token, amount, _ = decode(
            ["address", "address", "uint256", "uint256", "bytes"], arguments
        )
        listing = self._listing_of_token(TokenId(str(token)))
        if sender != owner and not self._allowances.shares(contract, owner, sender):
            raise Reverted("ERC1155: caller is not token owner or approved")
        if self._exchange.free_shares(owner, TokenId(str(token))) < amount or amount == 0:
            raise Reverted("ERC1155: insufficient balance for transfer")

        def apply(name: str) -> list[Entry]:
            outcome = listing.spec.tokens.index(TokenId(str(token)))
            self._exchange.move_shares(owner, receiver, listing, outcome, amount, self._now(), name)
            return []

        return apply

    def _split_on_adapter(self, owner: str, adapter: str, arguments: bytes) -> Effect:
        _, _, condition, _, amount = decode(["address", "bytes32", "bytes32", "uint256[]", "uint256"], arguments)
        return self._split(owner, adapter, self._listing(condition, adapter), amount)

    def _merge_on_adapter(self, owner: str, adapter: str, arguments: bytes) -> Effect:
        _, _, condition, _, amount = decode(["address", "bytes32", "bytes32", "uint256[]", "uint256"], arguments)
        return self._merge(owner, adapter, self._listing(condition, adapter), amount)

    def _redeem_on_adapter(self, owner: str, adapter: str, arguments: bytes) -> Effect:
        _, _, condition, _ = decode(["address", "bytes32", "bytes32", "uint256[]"], arguments)
        return self._redeem(owner, adapter, self._listing(condition, adapter), (0, 1))

    def _split_on_router(self, owner: str, router: str, arguments: bytes) -> Effect:
        condition, amount = decode(["bytes31", "uint256"], arguments)
        return self._split(owner, router, self._listing(condition, router), amount)

    def _merge_on_router(self, owner: str, router: str, arguments: bytes) -> Effect:
        condition, amount = decode(["bytes31", "uint256"], arguments)
        return self._merge(owner, router, self._listing(condition, router), amount)

    def _redeem_on_router(self, owner: str, router: str, arguments: bytes) -> Effect:
        condition, outcome, amount = decode(["bytes31", "uint256", "uint256"], arguments)
        listing = self._listing(condition, router)
        if outcome not in (0, 1) or self._held(owner, listing, outcome) != amount:
            raise Reverted("the amount is not what the wallet holds")
        return self._redeem(owner, router, listing, (outcome,))

    def _split(self, owner: str, operator: str, listing: Listing, amount: int) -> Effect:
        if self._allowances.dollars(owner, operator) < amount:
            raise Reverted("ERC20: insufficient allowance")
        if amount <= 0 or self._exchange.free_cash(owner) < amount or listing.payouts is not None:
            raise Reverted("ERC20: transfer amount exceeds balance")

        def apply(name: str) -> list[Entry]:
            self._exchange.split(owner, listing, amount, self._now(), name)
            return []

        return apply

    def _merge(self, owner: str, operator: str, listing: Listing, amount: int) -> Effect:
        self._operates(owner, operator, listing)
        free = min(self._exchange.free_shares(owner, token) for token in listing.spec.tokens)
        if amount <= 0 or free < amount or listing.payouts is not None:
            raise Reverted("ERC1155: insufficient balance for transfer")

        def apply(name: str) -> list[Entry]:
            self._exchange.merge(owner, listing, amount, self._now(), name)
            return []

        return apply

    def _redeem(self, owner: str, operator: str, listing: Listing, outcomes: Sequence[int]) -> Effect:
        self._operates(owner, operator, listing)
        if listing.payouts is None:
            raise Reverted("result for condition not received yet")
        condition = listing.spec.condition_id

        def apply(name: str) -> list[Entry]:
            self._exchange.redeem(owner, condition, self._now(), outcomes=outcomes, transaction_hash=name)
            return []

        return apply

    def _operates(self, owner: str, operator: str, listing: Listing) -> None:
        if not self._allowances.shares(at.token_contract(listing.spec.tokens[0]), owner, operator):
            raise Reverted("ERC1155: caller is not token owner or approved")

    def _held(self, owner: str, listing: Listing, outcome: int) -> int:
        return self._exchange.account(owner).shares.get(listing.spec.tokens[outcome], 0)

    def _listing(self, condition: bytes, operator: str) -> Listing:
        """Return the market that an adapter serves; the standard one and the neg-risk one refuse each other's."""
        listing = self._exchange.listings.get(ConditionId("0x" + condition.hex().ljust(64, "0")))
        if listing is None:
            raise Reverted("condition not prepared yet")
        spec = listing.spec
        serves = at.ROUTER if at.is_second_protocol(spec.tokens[0]) else at.ADAPTER
        if serves == at.ADAPTER and spec.neg_risk:
            serves = at.NEG_RISK_ADAPTER
        if serves != operator:
            raise Reverted("the condition belongs to another adapter")
        return listing

    def _listing_of_token(self, token: TokenId) -> Listing:
        found = self._exchange.listing_of(token)
        if found is None:
            raise Reverted("unknown token")
        return found[0]
