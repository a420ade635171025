"""What a position takes in once, and what it hands on to its next run when it ends."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from remora.domain.aggregate import aggregate
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.money import Side
from remora.domain.trades import TradeSource, WhaleTrade
from schemas.message import TraceContext
from schemas.position import CloseRequest, SignalMessage
from workflows.position_inbox import Inbox

TOKEN = TokenId("7")
AT = datetime(2026, 11, 1, tzinfo=UTC)


def signal(number: int, side: Side) -> SignalMessage:
    """Return the `number`th trade of a whale."""
    return SignalMessage(
        key=f"k{number}",
        trade_keys=(f"k{number}",),
        whale=WalletAddress("0x" + "1" * 40),
        token_id=TOKEN,
        condition_id=ConditionId("0x" + "2" * 64),
        side=side,
        price=Decimal("0.5"),
        size=Decimal(10),
        happened_at=AT,
        seen_at=AT,
        source=TradeSource.RTDS,
    )


@given(st.lists(st.sampled_from(Side), max_size=12), st.integers(0, 3), st.integers(0, 3))
def test_everything_since_the_first_waiting_purchase_is_handed_on_in_order(
    sides: list[Side], bought: int, sold: int
) -> None:
    inbox = Inbox(TOKEN)
    trades = [signal(number, side) for number, side in enumerate(sides)]
    for trade in trades:
        inbox.put_trade(trade)
        inbox.put_trade(trade)
    del inbox.purchases[:bought]
    del inbox.sales[:sold]
    waiting = [trade for trade in trades if trade in (*inbox.purchases, *inbox.sales)]
    first = waiting.index(inbox.purchases[0]) if inbox.purchases else len(waiting)

    assert inbox.handed_on == waiting[first:]


def parted(sizes: list[Decimal], cuts: set[int], side: Side) -> list[SignalMessage]:
    """Return the signals that a watcher makes of a whale's trades which it parts before each of `cuts`."""
    trades = [
        WhaleTrade(
            key=f"k{number:02}",
            whale=WalletAddress("0x" + "1" * 40),
            token_id=TOKEN,
            condition_id=ConditionId("0x" + "2" * 64),
            side=side,
            price=Decimal("0.5"),
            size=size,
            happened_at=AT,
            seen_at=AT,
            source=TradeSource.RTDS,
            transaction_hash=f"0x{number}",
        )
        for number, size in enumerate(sizes)
    ]
    edges = [0, *sorted(cuts & set(range(1, len(trades)))), len(trades)]
    bursts = [trades[start:end] for start, end in pairwise(edges)]
    return [SignalMessage.of(aggregate(burst), TraceContext()) for burst in bursts]


@given(
    sizes=st.lists(st.integers(1, 1000).map(Decimal), min_size=1, max_size=10),
    cuts=st.lists(st.sets(st.integers(1, 9)), min_size=2, max_size=3),
    side=st.sampled_from(Side),
    prefix=st.sampled_from(["", "opposite:"]),
    data=st.data(),
)
def test_watchers_that_part_the_same_trades_differently_are_heard_of_each_trade_once(
    sizes: list[Decimal], cuts: list[set[int]], side: Side, prefix: str, data: st.DataObject
) -> None:
    inbox = Inbox(TOKEN)
    told = [
        signal.model_copy(
            update={
                "key": prefix + signal.key,
                "trade_keys": tuple(prefix + key for key in signal.trade_keys),
            }
        )
        for each in cuts
        for signal in parted(sizes, each, side)
    ]
    for heard in data.draw(st.permutations(told)):
        inbox.put_trade(heard)

    waiting = [*inbox.purchases, *inbox.sales]
    assert sorted(key for one in waiting for key in one.trade_keys) == [
        f"{prefix}k{n:02}" for n in range(len(sizes))
    ]
    assert sum(one.size for one in waiting) == sum(sizes)
    assert len({one.key for one in waiting}) == len(waiting)
    for one in waiting:
        assert one.size == sum(sizes[int(key.removeprefix(prefix)[1:])] for key in one.trade_keys)
        assert one.key in one.trade_keys


def test_a_sale_between_two_bursts_of_one_key_is_handed_on() -> None:
    inbox = Inbox(TOKEN)
    wider = signal(1, Side.BUY).model_copy(update={"trade_keys": ("k1", "k3")})
    for told in (signal(1, Side.BUY), signal(2, Side.SELL), wider):
        inbox.put_trade(told)

    assert sorted(key for one in inbox.handed_on for key in one.trade_keys) == ["k1", "k2", "k3"]


def test_a_message_of_one_trade_is_written_as_versions_before_the_sizes_did() -> None:
    alone, together = (
        parted([Decimal(1)], set(), Side.BUY)[0],
        parted([Decimal(1), Decimal(2)], set(), Side.BUY)[0],
    )

    assert "trade_sizes" not in alone.model_dump_json()
    assert SignalMessage.model_validate_json(alone.model_dump_json()) == alone
    assert SignalMessage.model_validate_json(together.model_dump_json()).trade_sizes == (Decimal(1), Decimal(2))


def test_news_of_a_newer_sender_is_heard_and_a_question_with_an_unknown_field_is_not() -> None:
    newer = {**signal(1, Side.SELL).model_dump(mode="json"), "said_later": 1}

    assert SignalMessage.model_validate(newer) == signal(1, Side.SELL)
    with pytest.raises(ValidationError, match="said_later"):
        CloseRequest.model_validate({"by": "me", "said_later": 1})
