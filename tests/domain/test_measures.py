"""An account in numbers."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from remora.domain.limits import Limits
from remora.domain.measures import OTHER, Largest, Measures, WhaleMeasure, bounded, limit_use
from remora.domain.reasons import DeskMode

d = Decimal
CALM = Measures(
    account="0xee",
    mode=DeskMode.TRADING,
    scale=d(1),
    cash=d(9000),
    reserved=d(0),
    held=d(1000),
    realised=d(0),
    unrealised=d(0),
    fees=d(0),
    day_start_equity=d(10000),
    high_water_mark=d(10000),
    largest=Largest(position=d(500), market=d(500), event=d(750), whale=d(1500)),
    entries_last_minute=5,
    states={},
    exits={},
    orders={},
    decisions={},
)


def test_the_used_part_of_each_limit() -> None:
    use = limit_use(CALM, Limits())

    assert use == {
        "cash": d("0.1"),
        "daily_loss": d(0),
        "drawdown": d(0),
        "entry_rate": d("0.5"),
        "event": d("0.5"),
        "market": d("0.5"),
        "position": d("0.5"),
        "whale": d("0.5"),
    }


def test_a_day_loss_counts_against_the_smaller_of_share_and_dollars() -> None:
    lost = replace(CALM, cash=d(8750))

    assert limit_use(lost, Limits())["daily_loss"] == d("0.5")
    assert limit_use(lost, Limits(max_daily_loss_usd=d(250)))["daily_loss"] == 1


def test_a_drawdown_is_measured_from_the_mark() -> None:
    lost = replace(CALM, cash=d(7000), high_water_mark=d(10000))

    assert lost.drawdown == d("0.2")
    assert limit_use(lost, Limits())["drawdown"] == 1


def test_an_empty_account_uses_nothing_and_divides_by_nothing() -> None:
    empty = replace(CALM, cash=d(0), held=d(0), day_start_equity=d(0), high_water_mark=d(0), largest=Largest())

    assert empty.drawdown == 0
    assert set(limit_use(empty, Limits()).values()) <= {d(0), d("0.5")}


dollars = st.decimals(-10_000, 10_000, places=2)


@given(st.lists(st.tuples(dollars, dollars, st.integers(0, 3)), max_size=30), st.integers(1, 12))
def test_bounding_loses_no_dollar(rows: list[tuple[Decimal, Decimal, int]], most: int) -> None:
    whales = [
        WhaleMeasure(whale=f"0x{n:02x}", realised=a, unrealised=b, committed=abs(a), open_positions=count)
        for n, (a, b, count) in enumerate(rows)
    ]
    kept = bounded(whales, most)

    assert len(kept) <= most + 1
    assert sum(w.pnl for w in kept) == sum(w.pnl for w in whales)
    assert sum(w.open_positions for w in kept) == sum(w.open_positions for w in whales)
    assert all(w.whale != OTHER for w in kept[:most])
