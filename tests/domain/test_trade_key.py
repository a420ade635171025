"""The identity of a trade does not depend on who tells of it."""

import pytest

from remora.domain.money import Side
from remora.domain.trade_key import trade_key
from remora.domain.trades import TradeKind

ORDINARY: dict[str, object] = {
    "transaction_hash": "0xAbC1",
    "whale": "0xAa",
    "token_id": "71",
    "side": Side.BUY,
    "kind": TradeKind.TRADE,
}


def key(**changes: object) -> str:
    return trade_key(**(ORDINARY | changes))  # type: ignore[arg-type]


def test_case_does_not_matter() -> None:
    assert key() == key(transaction_hash="0xaBc1", whale="0xaA")


@pytest.mark.parametrize(
    "change",
    [
        {"transaction_hash": "0xabc2"},
        {"whale": "0xab"},
        {"token_id": "72"},
        {"side": Side.SELL},
        {"kind": TradeKind.MERGE},
        {"kind": TradeKind.REORG},
    ],
)
def test_every_part_makes_a_difference(change: dict[str, object]) -> None:
    assert key(**change) != key()


def test_what_is_no_trade_has_one_name_whatever_a_source_calls_it() -> None:
    names = {key(kind=kind) for kind in TradeKind if kind not in (TradeKind.TRADE, TradeKind.REORG)}

    assert len(names) == 1
