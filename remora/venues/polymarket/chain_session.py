"""One connection to a node of the chain: subscriptions in, logs and heads out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eth_utils.address import to_checksum_address
from web3 import AsyncWeb3, WebSocketProvider
from web3.exceptions import TimeExhausted, TransactionNotFound, Web3RPCError
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import FilterParams
from web3.utils.subscriptions import EthSubscription, LogsSubscription, NewHeadsSubscription

from remora.domain.trades import TradeKind
from remora.venues.polymarket.contracts import Contracts
from remora.venues.polymarket.wire.chain_log import (
    ORDER_FILLED,
    TRANSFER_BATCH,
    TRANSFER_SINGLE,
    kind_of_change,
)

WALLETS_AT_ONCE = 250
"""Wallets in one filter; nodes limit how many topics a filter may name."""

RANGE_AT_ONCE = 2_000
QUEUE_MAX = 20_000
REQUEST_SECONDS = 10.0
NO_RECEIPT = (TransactionNotFound, Web3RPCError, TimeExhausted, TimeoutError)
"""The node has none, refuses, or is too slow: what moved the shares is told all the same, as a plain transfer."""


class WrongChain(Exception):
    """The node serves another chain than the venue's."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A log as it arrived, with the wall-clock instant."""

    log: Any
    at: datetime


@dataclass(frozen=True, slots=True)
class Head:
    """A new block."""

    number: int
    timestamp: int


@dataclass(slots=True)
class ChainSession:
    """Filters logs by wallet and answers reads, over one websocket."""

    web3: AsyncWeb3[Any]
    contracts: Contracts
    now: Callable[[], datetime]
    inbox: asyncio.Queue[object] = field(default_factory=asyncio.Queue)
    """Everything that arrives, as :class:`Seen` and :class:`Head`, and whatever its reader puts in."""

    _current: list[EthSubscription[Any]] = field(default_factory=list)

    async def subscribe(self, whales: Collection[str]) -> None:
        """Ask for the logs of these wallets instead of the former ones; nothing is lost in between."""
        before, self._current = self._current, []
        for wanted in self.filters(whales):
            addresses = [to_checksum_address(address) for address in wanted["address"]]
            made = LogsSubscription(address=addresses, topics=wanted["topics"], handler=self._on_log)
            await self.web3.subscription_manager.subscribe(made)
            self._current.append(made)
        for old in before:
            await self.web3.subscription_manager.unsubscribe(old)

    async def subscribe_heads(self) -> None:
        """Ask for every new block."""
        await self.web3.subscription_manager.subscribe(NewHeadsSubscription(handler=self._on_head))

    def filters(self, whales: Collection[str]) -> list[dict[str, Any]]:
        """Return what to ask for: orders by their maker, shares by who gives or takes them."""
        ordered = sorted(whales)
        moves = [TRANSFER_SINGLE, TRANSFER_BATCH]
        found: list[dict[str, Any]] = []
        for start in range(0, len(ordered), WALLETS_AT_ONCE):
            words = ["0x" + whale[2:].rjust(64, "0") for whale in ordered[start : start + WALLETS_AT_ONCE]]
            shares = sorted(self.contracts.shares)
            found += [
                {"address": sorted(self.contracts.exchanges), "topics": [ORDER_FILLED, None, words]},
                {"address": shares, "topics": [moves, None, words]},
                {"address": shares, "topics": [moves, None, None, words]},
            ]
        return found

    async def logs(self, whales: Collection[str], first: int, last: int) -> list[Any]:
        """Return the logs of wallets in blocks `first` to `last`, in the order of the chain."""
        found: list[Any] = []
        for wanted in self.filters(whales):
            addresses = [to_checksum_address(address) for address in wanted["address"]]
            for start in range(first, last + 1, RANGE_AT_ONCE):
                params: FilterParams = {
                    "address": addresses,
                    "topics": wanted["topics"],
                    "fromBlock": hex(start),  # type: ignore[typeddict-item]
                    "toBlock": hex(min(start + RANGE_AT_ONCE - 1, last)),  # type: ignore[typeddict-item]
                }
                found += await self.web3.eth.get_logs(params)
        return sorted(found, key=lambda log: (log["blockNumber"], log["logIndex"]))

    async def head(self) -> Head:
        """Return the newest block that the node has."""
        block = await self.web3.eth.get_block("latest")
        return Head(int(block["number"]), int(block["timestamp"]))

    async def kind_of(self, transaction_hash: str) -> TradeKind:
        """Return why a transaction moved shares; a plain transfer when its receipt cannot be had."""
        try:
            receipt = await self.web3.eth.get_transaction_receipt(transaction_hash)  # type: ignore[arg-type]
        except NO_RECEIPT:
            return TradeKind.TRANSFER
        return kind_of_change({"0x" + bytes(log["topics"][0]).hex() for log in receipt["logs"] if log["topics"]})

    async def exists(self, transaction_hash: str) -> bool:
        """Tell whether a transaction is in a block of the chain that counts."""
        try:
            await self.web3.eth.get_transaction_receipt(transaction_hash)  # type: ignore[arg-type]
        except TransactionNotFound:
            return False
        return True

    async def _on_log(self, context: Any) -> None:
        self.inbox.put_nowait(Seen(context.result, self.now()))

    async def _on_head(self, context: Any) -> None:
        block = context.result
        self.inbox.put_nowait(Head(int(block["number"]), int(block["timestamp"])))


@asynccontextmanager
async def chain_session(
    url: str, contracts: Contracts, *, chain_id: int, now: Callable[[], datetime]
) -> AsyncIterator[tuple[ChainSession, "asyncio.Task[None]"]]:
    """Connect to a node; the task ends when the connection does. Raises WrongChain for a foreign node."""
    provider = WebSocketProvider(
        url, request_timeout=REQUEST_SECONDS, max_connection_retries=1, subscription_response_queue_size=QUEUE_MAX
    )
    web3: AsyncWeb3[Any] = AsyncWeb3(provider)
    web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    await provider.connect()
    handling = asyncio.create_task(web3.subscription_manager.handle_subscriptions(run_forever=True))
    try:
        found = int(await web3.eth.chain_id)
        if found != chain_id:
            raise WrongChain(f"expected chain {chain_id}, the node serves {found}: set another address")
        yield ChainSession(web3, contracts, now), handling
    finally:
        handling.cancel()
        await asyncio.gather(handling, return_exceptions=True)
        await _disconnect(provider)


async def _disconnect(provider: WebSocketProvider) -> None:
    """Close the socket; a connection that broke raises its cause once more here."""
    listener: Sequence[Any] = [getattr(provider, "_message_listener_task", None)]
    try:
        await provider.disconnect()
    except Exception:  # noqa: BLE001 (it is over already)
        await asyncio.gather(*(task for task in listener if task is not None), return_exceptions=True)
