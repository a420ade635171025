"""Rows of several sources become one trade each."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from remora.domain.confluence import Confluence, Fate
from remora.domain.money import Side
from remora.domain.trades import TradeSource, WhaleTrade
from tests.domain.values import d, decimals, trade

LIVE = (TradeSource.CHAIN, TradeSource.RTDS, TradeSource.DATA_API)


def row(source: TradeSource, size: str, name: str, **changes: object) -> WhaleTrade:
    return trade(source=source, size=d(size), row=name, **changes)


def test_the_second_source_adds_nothing() -> None:
    meeting = Confluence(10)

    first, _ = meeting.offer(row(TradeSource.RTDS, "100", "a"), collecting=False)
    second, _ = meeting.offer(row(TradeSource.CHAIN, "100.000001", "x"), collecting=True)

    assert (first, second) == (Fate.NEW, Fate.DUPLICATE)


def test_rows_of_one_transaction_add_up_while_it_is_collected() -> None:
    meeting = Confluence(10)
    meeting.offer(row(TradeSource.CHAIN, "60", "a"), collecting=False)

    fate, taken = meeting.offer(row(TradeSource.CHAIN, "40", "b"), collecting=True)
    again, _ = meeting.offer(row(TradeSource.DATA_API, "100", "whole"), collecting=False)

    assert (fate, taken.size, again) == (Fate.MORE, d("40"), Fate.DUPLICATE)


def test_a_source_that_knows_more_adds_only_the_rest() -> None:
    meeting = Confluence(10)
    meeting.offer(row(TradeSource.RTDS, "60", "a"), collecting=False)

    fate, taken = meeting.offer(row(TradeSource.CHAIN, "100", "x"), collecting=True)

    assert (fate, taken.size) == (Fate.MORE, d("40"))


def test_a_late_part_of_a_purchase_is_left_out_and_one_of_a_sale_is_not() -> None:
    bought, sold = Confluence(10), Confluence(10)
    bought.offer(row(TradeSource.RTDS, "60", "a"), collecting=False)
    sold.offer(row(TradeSource.RTDS, "60", "a", side=Side.SELL), collecting=False)

    late, _ = bought.offer(row(TradeSource.DATA_API, "100", "whole"), collecting=False)
    more, part = sold.offer(row(TradeSource.DATA_API, "100", "whole", side=Side.SELL), collecting=False)

    assert late is Fate.LATE
    assert (more, part.size) == (Fate.MORE, d("40"))
    assert part.key != trade().key


def test_what_came_to_nothing_counts_when_it_comes_again() -> None:
    meeting = Confluence(10)
    offered = row(TradeSource.RTDS, "60", "a")
    meeting.offer(offered, collecting=False)
    meeting.forget(offered)

    assert meeting.offer(offered, collecting=False)[0] is Fate.NEW


@given(
    parts=st.lists(decimals("1", "1000", 2), min_size=1, max_size=6),
    data=st.data(),
)
def test_whatever_the_order_and_the_repetitions_the_whole_is_taken_once(
    parts: list[Decimal], data: st.DataObject
) -> None:
    deliveries = [row(source, str(size), f"{number}") for source in LIVE for number, size in enumerate(parts)]
    deliveries += data.draw(st.lists(st.sampled_from(deliveries), max_size=8))
    meeting, taken = Confluence(10), Decimal(0)

    for delivery in data.draw(st.permutations(deliveries)):
        fate, counted = meeting.offer(delivery, collecting=True)
        taken += counted.size if fate in (Fate.NEW, Fate.MORE) else 0

    assert abs(taken - sum(parts)) <= max(d("0.01"), sum(parts, Decimal(0)) * d("0.001"))
    assert taken <= sum(parts)


def test_the_memory_is_bounded() -> None:
    meeting = Confluence(3)
    for number in range(10):
        meeting.offer(row(TradeSource.RTDS, "1", "a", key=f"k{number}"), collecting=False)

    assert "k0" not in meeting
    assert "k9" in meeting
