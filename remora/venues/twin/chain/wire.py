"""Blocks, transactions and receipts as an RPC node answers them."""

from typing import Any

from remora.venues.twin.chain import contracts as at
from remora.venues.twin.chain.blocks import EXTRA_DATA, GAS_LIMIT, Block, Transaction

BASE_FEE = 25_000_000_000
PRIORITY_FEE = 30_000_000_000
_BLOOM = "0x" + "00" * 256


def header(block: Block) -> dict[str, Any]:
    """Return a block's header as ``newHeads`` carries it."""
    return {
        "number": hex(block.number),
        "hash": block.hash,
        "parentHash": block.parent_hash,
        "timestamp": hex(block.timestamp),
        "nonce": "0x" + "00" * 8,
        "sha3Uncles": at.ZERO_WORD,
        "logsBloom": _BLOOM,
        "transactionsRoot": at.ZERO_WORD,
        "stateRoot": at.ZERO_WORD,
        "receiptsRoot": at.ZERO_WORD,
        "miner": at.ZERO_ADDRESS,
        "difficulty": "0x1",
        "extraData": EXTRA_DATA,
        "gasLimit": hex(GAS_LIMIT),
        "gasUsed": hex(sum(transaction.gas for transaction in block.transactions)),
        "mixHash": at.ZERO_WORD,
        "baseFeePerGas": hex(BASE_FEE),
    }


def whole_block(block: Block, *, full: bool) -> dict[str, Any]:
    """Return a block with its transactions, or with their hashes only."""
    transactions: list[Any] = [
        transaction_json(transaction, block, position) if full else transaction.hash
        for position, transaction in enumerate(block.transactions)
    ]
    return header(block) | {"size": "0x400", "totalDifficulty": "0x1", "uncles": [], "transactions": transactions}


def transaction_json(transaction: Transaction, block: Block | None, position: int) -> dict[str, Any]:
    """Return a transaction; without a block it waits."""
    return {
        "hash": transaction.hash,
        "from": transaction.sender,
        "to": transaction.to,
        "nonce": hex(transaction.nonce),
        "input": transaction.data,
        "value": hex(transaction.value),
        "gas": hex(transaction.gas),
        "gasPrice": hex(transaction.gas_price),
        "type": "0x0",
        "chainId": "0x89",
        "blockHash": None if block is None else block.hash,
        "blockNumber": None if block is None else hex(block.number),
        "transactionIndex": None if block is None else hex(position),
        "v": "0x25",
        "r": "0x1",
        "s": "0x1",
    }


def receipt(transaction: Transaction, block: Block, position: int) -> dict[str, Any]:
    """Return what became of a mined transaction."""
    return {
        "transactionHash": transaction.hash,
        "transactionIndex": hex(position),
        "blockHash": block.hash,
        "blockNumber": hex(block.number),
        "from": transaction.sender,
        "to": transaction.to,
        "contractAddress": None,
        "cumulativeGasUsed": hex(transaction.gas * (position + 1)),
        "gasUsed": hex(transaction.gas),
        "effectiveGasPrice": hex(transaction.gas_price),
        "logs": [log for log in block.logs if log["transactionHash"] == transaction.hash],
        "logsBloom": _BLOOM,
        "status": "0x1" if transaction.reverted is None else "0x0",
        "type": "0x0",
    }
