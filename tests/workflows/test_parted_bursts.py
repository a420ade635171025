"""Two watchers tell of the same trades, each parted in its own way: each is decided about once."""

from decimal import Decimal

import pytest
from sqlalchemy import text

from remora.domain.money import Side
from remora.storage.decisions import list_decisions
from schemas.position import SignalMessage
from tests.fixtures.waiting import until

from .conftest import ACCOUNT, Stack, d

pytestmark = pytest.mark.system

SIZES = {"k1": d(100), "k2": d(20), "k3": d(30), "k4": d(50)}


def burst(stack: Stack, *keys: str, sized: bool, side: Side = Side.BUY) -> SignalMessage:
    """Return what a watcher tells that took these trades for one intent."""
    sizes = tuple(SIZES[key] for key in keys)
    return stack.trade(
        keys[0],
        trade_keys=keys,
        trade_sizes=sizes if sized else (),
        size=sum(sizes, Decimal(0)),
        side=side,
    )


async def decided(stack: Stack) -> set[str]:
    async with stack.engine.connect() as connection:
        return set(await connection.scalars(text("SELECT trade_key FROM consumed_trades")))


@pytest.mark.parametrize("sized", [True, False], ids=["sizes known", "told by an earlier version"])
async def test_the_rest_of_a_burst_is_decided_about_when_its_first_trade_was(stack: Stack, sized: bool) -> None:
    await stack.deliver(burst(stack, "k1", sized=sized))
    await stack.reaches("open")
    await stack.deliver(burst(stack, "k1", "k2", "k3", sized=sized))
    await stack.deliver(burst(stack, "k2", "k3", "k4", sized=sized))
    await stack.deliver(burst(stack, "k4", sized=sized))

    await until(lambda: decided(stack), lambda keys: keys == set(SIZES))
    sizes = [row["trade_size"] for row in await list_decisions(stack.engine, ACCOUNT)]
    assert len(sizes) == 3
    assert not sized or sorted(sizes) == [d(50), d(50), d(100)]


async def test_what_two_watchers_tell_of_one_sale_sells_it_once(stack: Stack) -> None:
    await stack.deliver(stack.trade("k1"))
    await stack.reaches("open")
    await stack.deliver(burst(stack, "k2", "k3", sized=True, side=Side.SELL))
    await stack.deliver(burst(stack, "k2", "k3", "k4", sized=True, side=Side.SELL))
    await stack.deliver(burst(stack, "k3", "k4", sized=True, side=Side.SELL))

    await until(lambda: decided(stack), lambda keys: keys == set(SIZES))
    sales = [row for row in await list_decisions(stack.engine, ACCOUNT) if row["side"] == "SELL"]
    assert sorted(row["trade_size"] for row in sales) == [d(50), d(50)]


async def test_a_run_that_takes_over_sells_only_what_the_run_before_did_not(stack: Stack) -> None:
    await stack.deliver(stack.trade("k1"))
    position = await stack.reaches("open")
    await stack.deliver(burst(stack, "k2", sized=True, side=Side.SELL))
    await until(lambda: decided(stack), lambda keys: "k2" in keys)
    await stack.take_over(position.position_id)
    await stack.deliver(burst(stack, "k2", "k3", sized=True, side=Side.SELL))

    await until(lambda: decided(stack), lambda keys: "k3" in keys)
    sales = [row for row in await list_decisions(stack.engine, ACCOUNT) if row["side"] == "SELL"]
    assert {row["signal_key"]: row["trade_size"] for row in sales} == {"k2": d(20), "k3": d(30)}
