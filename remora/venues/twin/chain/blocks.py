"""The twin's chain: transactions that wait, blocks about every two seconds, and reorganisations on command."""

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from remora.venues.twin.chain import contracts as at
from remora.venues.twin.chain.logs import Entry

GENESIS = 79_000_000
KEPT_MAX = 20_000
"""Blocks that can still be read; older history is pruned, as public nodes do."""

PAST_BLOCKS = 64
"""Empty blocks that were there before the twin, so that a reader may look back a little."""

EXTRA_DATA = "0x" + "d7" * 97
"""As long as a Polygon validator's seal: clients that insist on Ethereum's 32 bytes must be told."""

GAS_LIMIT = 60_000_000


@dataclass(slots=True, kw_only=True, eq=False)
class Transaction:
    """One transaction; `run` applies it when it is first mined and returns its logs, or raises Reverted.

    It is applied once: a reorganisation moves it to another block and changes nothing else.
    """

    hash: str
    sender: str
    to: str
    nonce: int = 0
    data: str = "0x"
    value: int = 0
    gas: int = 210_000
    gas_price: int = 30_000_000_000
    run: Callable[[], Sequence[Entry]] | None = None
    entries: list[Entry] = field(default_factory=list)
    applied: bool = False
    reverted: str | None = None


class Reverted(Exception):
    """A contract refused a call; the message is its reason."""


@dataclass(slots=True, eq=False)
class Block:
    """One block of the chain that counts now; `logs` are JSON as an RPC node answers."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    transactions: list[Transaction]
    logs: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """What a node's subscribers hear: logs that no longer count, or a new block with its logs."""

    removed: list[dict[str, Any]]
    block: Block | None


class Chain:
    """Blocks in order. Whoever listens hears of every block, and of logs that a reorganisation took back."""

    def __init__(self, *, block_time: timedelta, first_timestamp: int) -> None:
        self._block_time = block_time
        self._due: datetime | None = None
        self._pool: dict[str, Transaction] = {}
        self._running: Transaction | None = None
        self._reorgs = 0
        genesis = Block(GENESIS, _hash("genesis", first_timestamp), at.ZERO_WORD, first_timestamp, [], [])
        self.blocks: deque[Block] = deque([genesis])
        self.places: dict[str, tuple[Block, int]] = {}
        self.listeners: list[Callable[[ChainEvent], None]] = []
        for _ in range(PAST_BLOCKS):
            self._append([], first_timestamp)

    @property
    def due(self) -> datetime | None:
        """When the next block is due on the wall clock, None before anybody looked."""
        return self._due

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    def block(self, number: int) -> Block | None:
        """Return a block by number, None when it is pruned or not made yet."""
        index = number - self.blocks[0].number
        return self.blocks[index] if 0 <= index < len(self.blocks) else None

    def by_hash(self, block_hash: str) -> Block | None:
        """Return a block by hash, None when it does not count (any more)."""
        return next((block for block in reversed(self.blocks) if block.hash == block_hash), None)

    def pending(self) -> Iterator[Transaction]:
        """Iterate over transactions that wait for a block."""
        return iter(self._pool.values())

    def find(self, transaction_hash: str) -> Transaction | None:
        """Return a transaction, mined or waiting."""
        placed = self.places.get(transaction_hash)
        return self._pool.get(transaction_hash) if placed is None else placed[0].transactions[placed[1]]

    def submit(self, transaction: Transaction) -> None:
        """Let a transaction wait for the next block."""
        self._pool[transaction.hash] = transaction

    def running(self, transaction_hash: str) -> bool:
        """Tell whether this transaction is being applied right now."""
        return self._running is not None and self._running.hash == transaction_hash

    def add(self, transaction_hash: str, entries: Sequence[Entry]) -> None:
        """Add logs to the transaction that is being applied."""
        assert self._running is not None, "nothing is being applied"
        assert self._running.hash == transaction_hash, "another transaction is being applied"
        self._running.entries.extend(entries)

    def advance(self, *, wall: datetime, timestamp: int) -> None:
        """Make the next block once it is due on the wall clock."""
        if self._due is None:
            self._due = wall + self._block_time
        elif wall >= self._due:
            self._due = max(self._due + self._block_time, wall)
            self.mine(timestamp)

    def mine(self, timestamp: int) -> Block:
        """Make a block of everything that waits."""
        waiting, self._pool = list(self._pool.values()), {}
        for transaction in waiting:
            self._apply(transaction)
        block = self._append(waiting, max(timestamp, self.head.timestamp))
        self._tell(ChainEvent([], block))
        return block

    def reorganise(self, depth: int, *, drop: Collection[str] = (), timestamp: int) -> list[str]:
        """Replace the newest `depth` blocks by a longer branch; return the hashes left out for good.

        Transactions in `drop` never happened, the others are mined again, one block later than before.
        """
        depth = min(depth, len(self.blocks) - 1)
        old = [self.blocks.pop() for _ in range(depth)][::-1]
        self._reorgs += 1
        for block in old:
            for transaction in block.transactions:
                self.places.pop(transaction.hash, None)
        gone = [log | {"removed": True} for block in reversed(old) for log in block.logs]
        self._tell(ChainEvent(gone, None))
        carried = [transaction for block in old for transaction in block.transactions]
        dropped = [transaction.hash for transaction in carried if transaction.hash in drop]
        kept = [transaction for transaction in carried if transaction.hash not in drop]
        for number in range(depth + 1):
            when = old[number].timestamp if number < depth else max(timestamp, self.head.timestamp)
            block = self._append(kept if number == depth else [], when)
            self._tell(ChainEvent([], block))
        return dropped

    def _apply(self, transaction: Transaction) -> None:
        if transaction.run is None or transaction.applied:
            return
        self._running, transaction.applied = transaction, True
        try:
            transaction.entries.extend(transaction.run())
        except Reverted as refused:
            transaction.reverted = str(refused)
            transaction.entries.clear()
        finally:
            self._running = None

    def _append(self, transactions: list[Transaction], timestamp: int) -> Block:
        number, parent = self.head.number + 1, self.head.hash
        block = Block(number, _hash(parent, number, self._reorgs), parent, timestamp, transactions, [])
        for position, transaction in enumerate(transactions):
            self.places[transaction.hash] = (block, position)
            block.logs += [
                _placed(entry, block, transaction.hash, position, len(block.logs) + offset)
                for offset, entry in enumerate(transaction.entries)
            ]
        self.blocks.append(block)
        if len(self.blocks) > KEPT_MAX:
            for transaction in self.blocks.popleft().transactions:
                self.places.pop(transaction.hash, None)
        return block

    def _tell(self, event: ChainEvent) -> None:
        for listener in self.listeners:
            listener(event)


def _placed(entry: Entry, block: Block, transaction_hash: str, position: int, index: int) -> dict[str, Any]:
    return {
        "address": entry.address,
        "topics": list(entry.topics),
        "data": entry.data,
        "blockNumber": hex(block.number),
        "blockHash": block.hash,
        "transactionHash": transaction_hash,
        "transactionIndex": hex(position),
        "logIndex": hex(index),
        "removed": False,
    }


def _hash(*parts: object) -> str:
    return "0x" + hashlib.sha256(":".join(map(str, parts)).encode()).hexdigest()
