"""Logs of the venue's contracts as rows of wallets that we follow."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from remora.domain.ids import TokenId, WalletAddress
from remora.domain.money import ZERO, Side, from_micros
from remora.domain.trades import TradeKind
from remora.venues.polymarket.wire.values import Malformed

ORDER_FILLED = "0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee"
TRANSFER_SINGLE = "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62"
TRANSFER_BATCH = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"
KIND_OF_LOG = {
    "0x2e6bb91f8cbcda0c93623c54d0403a43514fabc40084ec96b6d5379a74786298": TradeKind.SPLIT,
    "0x6f13ca62553fcc2bcd2372180a43949c1e4cebba603901ede2f4e14f36b282ca": TradeKind.MERGE,
    "0x2682012a4a4f1973119f1c9b90745d1bd91fa2bab387344f044cb3586864d18d": TradeKind.REDEEM,
    "0xb03d19dddbc72a87e735ff0ea3b57bef133ebe44e1894284916a84044deb367e": TradeKind.CONVERSION,
}
"""What beside a transfer tells why shares moved: split, merge, payout redemption, conversion."""

WORD = 32
BATCH_MAX = 1_000
"""Tokens in one transfer; a log that claims more is malformed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """What one wallet did with one token, as one log tells it.

    `name` is the same wherever the transaction is mined. `kind` of anything but a trade is a plain transfer until
    the transaction's other logs say more.
    """

    whale: WalletAddress
    token_id: TokenId
    side: Side
    size: Decimal
    price: Decimal
    kind: TradeKind
    name: str
    transaction_hash: str
    block: int
    block_hash: str
    removed: bool


def parse_log(
    raw: Mapping[str, Any], whales: Collection[str], exchanges: Collection[str]
) -> list[LogRow] | Malformed:
    """Return the rows of followed wallets in a log; never raises. Addresses in both collections are lower-case.

    Transfers that an exchange makes are left out: its orders are logged themselves.
    """
    try:
        topics = ["0x" + _octets(topic).hex() for topic in raw["topics"]]
        data = _octets(raw["data"])
        if topics[0] == ORDER_FILLED:
            return _filled(raw, topics, data, whales)
        if topics[0] in (TRANSFER_SINGLE, TRANSFER_BATCH):
            return _moved(raw, topics, data, whales, exchanges)
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError) as error:
        return Malformed("bad_log", f"{type(error).__name__}: {error}"[:200])
    return Malformed("unknown_log", f"topic {topics[0]}")


def kind_of_change(topics: Collection[str]) -> TradeKind:
    """Return why shares moved, from the first topics of all logs of the transaction."""
    return next((kind for topic, kind in KIND_OF_LOG.items() if topic in topics), TradeKind.TRANSFER)


def _filled(raw: Mapping[str, Any], topics: list[str], data: bytes, whales: Collection[str]) -> list[LogRow]:
    maker = _address(topics[2])
    if maker not in whales:
        return []
    side, token, making, taking = _numbers(data, 4)
    if side not in (0, 1):
        raise ValueError(f"side must be 0 or 1, was {side}")
    dollars, shares = (making, taking) if side == 0 else (taking, making)
    if shares == 0:
        raise ValueError("an order that filled no shares")
    return [
        LogRow(
            whale=WalletAddress(maker),
            token_id=TokenId(str(token)),
            side=Side.BUY if side == 0 else Side.SELL,
            size=from_micros(shares),
            price=Decimal(dollars) / Decimal(shares),
            kind=TradeKind.TRADE,
            name=topics[1],
            **_place(raw),
        )
    ]


def _moved(
    raw: Mapping[str, Any], topics: list[str], data: bytes, whales: Collection[str], exchanges: Collection[str]
) -> list[LogRow]:
    operator, sender, receiver = (_address(topic) for topic in topics[1:4])
    if operator in exchanges or sender == receiver:
        return []
    moved = [tuple(_numbers(data, 2))] if topics[0] == TRANSFER_SINGLE else _pairs(data)
    sides = ((sender, Side.SELL), (receiver, Side.BUY))
    return [
        LogRow(
            whale=WalletAddress(wallet),
            token_id=TokenId(str(token)),
            side=side,
            size=from_micros(shares),
            price=ZERO,
            kind=TradeKind.TRANSFER,
            name=f"{topics[0][:10]}/{sender}/{receiver}/{token}",
            **_place(raw),
        )
        for wallet, side in sides
        if wallet in whales
        for token, shares in moved
        if shares > 0
    ]


def _pairs(data: bytes) -> list[tuple[int, int]]:
    """Return (token, shares) of a batch: two arrays of equal length behind their offsets."""
    tokens_at, shares_at = _numbers(data, 2)
    tokens, shares = _array(data, tokens_at), _array(data, shares_at)
    return list(zip(tokens, shares, strict=True))


def _array(data: bytes, offset: int) -> list[int]:
    (length,) = _numbers(data[offset:], 1)
    if length > BATCH_MAX:
        raise ValueError(f"at most {BATCH_MAX} tokens, found {length}")
    return _numbers(data[offset + WORD :], length)


def _numbers(data: bytes, count: int) -> list[int]:
    if len(data) < count * WORD:
        raise ValueError(f"expected {count} words, found {len(data)} bytes")
    return [int.from_bytes(data[at : at + WORD], "big") for at in range(0, count * WORD, WORD)]


def _octets(value: object) -> bytes:
    """Return bytes; raise TypeError for a number, of which ``bytes()`` would make that many zeros."""
    if not isinstance(value, bytes):
        raise TypeError(f"expected bytes, found {type(value).__name__}")
    return value


def _address(topic: str) -> str:
    if len(topic) != 66:
        raise ValueError(f"expected a word, found {topic}")
    return "0x" + topic[26:]


def _place(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "transaction_hash": "0x" + _octets(raw["transactionHash"]).hex(),
        "block": int(raw["blockNumber"]),
        "block_hash": "0x" + _octets(raw["blockHash"]).hex(),
        "removed": bool(raw.get("removed", False)),
    }
