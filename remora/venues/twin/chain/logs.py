"""Logs as the venue's contracts write them, before they have a place in a block."""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import encode

from remora.domain.money import Side
from remora.venues.twin.chain import contracts as at

_EMPTY_WORD = bytes(32)
_PARTITION = [1, 2]
SIDES = {Side.BUY: 0, Side.SELL: 1}


@dataclass(frozen=True, slots=True)
class Entry:
    """One log: the contract that wrote it, its topics, and its data."""

    address: str
    topics: tuple[str, ...]
    data: str


def word(value: str | int) -> str:
    """Return an address, number or 32-byte hash as a topic."""
    if isinstance(value, int):
        return f"0x{value:064x}"
    return "0x" + value.lower().removeprefix("0x").rjust(64, "0")


def order_filled(
    exchange: str,
    *,
    order_hash: str,
    maker: str,
    taker: str,
    side: Side,
    token_id: str,
    dollars: int,
    shares: int,
    fee: int,
) -> Entry:
    """Return the log of one executed order; amounts are in millionths, the maker's first."""
    making, taking = (dollars, shares) if side is Side.BUY else (shares, dollars)
    data = encode(
        ["uint8", "uint256", "uint256", "uint256", "uint256", "bytes32", "bytes32"],
        [SIDES[side], int(token_id), making, taking, fee, _EMPTY_WORD, _EMPTY_WORD],
    )
    return Entry(exchange, (at.ORDER_FILLED, word(order_hash), word(maker), word(taker)), _hex(data))


def orders_matched(
    exchange: str, *, order_hash: str, taker: str, side: Side, token_id: str, dollars: int, shares: int
) -> Entry:
    """Return the log that closes a match: the taker's order as a whole."""
    making, taking = (dollars, shares) if side is Side.BUY else (shares, dollars)
    data = encode(["uint8", "uint256", "uint256", "uint256"], [SIDES[side], int(token_id), making, taking])
    return Entry(exchange, (at.ORDERS_MATCHED, word(order_hash), word(taker)), _hex(data))


def fee_charged(exchange: str, receiver: str, amount: int) -> Entry:
    """Return the log of a fee in millionths of a dollar."""
    return Entry(exchange, (at.FEE_CHARGED, word(receiver)), _hex(encode(["uint256"], [amount])))


def transfer(sender: str, receiver: str, amount: int) -> Entry:
    """Return the log of dollars that moved."""
    data = encode(["uint256"], [amount])
    return Entry(at.COLLATERAL, (at.TRANSFER, word(sender), word(receiver)), _hex(data))


def transfer_single(operator: str, sender: str, receiver: str, token_id: str, shares: int) -> Entry:
    """Return the log of shares of one token that moved."""
    topics = (at.TRANSFER_SINGLE, word(operator), word(sender), word(receiver))
    data = encode(["uint256", "uint256"], [int(token_id), shares])
    return Entry(at.token_contract(token_id), topics, _hex(data))


def transfer_batch(operator: str, sender: str, receiver: str, moved: Sequence[tuple[str, int]]) -> Entry:
    """Return the log of shares of several tokens that moved at once."""
    topics = (at.TRANSFER_BATCH, word(operator), word(sender), word(receiver))
    tokens, shares = [int(token) for token, _ in moved], [amount for _, amount in moved]
    data = encode(["uint256[]", "uint256[]"], [tokens, shares])
    return Entry(at.token_contract(moved[0][0]), topics, _hex(data))


def position_split(holder: str, condition_id: str, amount: int) -> Entry:
    """Return the log of dollars turned into pairs by `holder`, which is an adapter."""
    return _position_change(at.POSITION_SPLIT, holder, condition_id, amount)


def positions_merge(holder: str, condition_id: str, amount: int) -> Entry:
    """Return the log of pairs turned into dollars by `holder`, which is an adapter."""
    return _position_change(at.POSITIONS_MERGE, holder, condition_id, amount)


def positions_converted(holder: str, market_id: str, index_set: int, amount: int) -> Entry:
    """Return the neg-risk adapter's log of one outcome's NO turned into the others' YES."""
    topics = (at.POSITIONS_CONVERTED, word(holder), word(market_id), word(index_set))
    return Entry(at.NEG_RISK_ADAPTER, topics, _hex(encode(["uint256"], [amount])))


def payout_redemption(redeemer: str, condition_id: str, payout: int) -> Entry:
    """Return the log of a redemption by `redeemer`, which is an adapter."""
    topics = (at.PAYOUT_REDEMPTION, word(redeemer), word(at.COLLATERAL), at.ZERO_WORD)
    data = encode(["bytes32", "uint256[]", "uint256"], [_bytes(condition_id), _PARTITION, payout])
    return Entry(at.CONDITIONAL_TOKENS, topics, _hex(data))


def approval(owner: str, spender: str, amount: int) -> Entry:
    """Return the log of an allowance of dollars."""
    data = encode(["uint256"], [amount])
    return Entry(at.COLLATERAL, (at.APPROVAL, word(owner), word(spender)), _hex(data))


def approval_for_all(contract: str, owner: str, operator: str, *, approved: bool) -> Entry:
    """Return the log of an operator allowed to move all shares."""
    data = encode(["bool"], [approved])
    return Entry(contract, (at.APPROVAL_FOR_ALL, word(owner), word(operator)), _hex(data))


def _position_change(name: str, holder: str, condition_id: str, amount: int) -> Entry:
    topics = (name, word(holder), at.ZERO_WORD, word(condition_id))
    data = encode(["address", "uint256[]", "uint256"], [at.COLLATERAL, _PARTITION, amount])
    return Entry(at.CONDITIONAL_TOKENS, topics, _hex(data))


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x").rjust(64, "0"))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
