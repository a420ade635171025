"""Measures agree with the books they are read from."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.orders import FillStatus, OrderState
from remora.domain.reasons import ExitReason, PositionState, SkipReason
from remora.storage import fills, orders, positions
from remora.storage.measures import load_measures
from remora.storage.summary import summarise

from .test_risk import ACCOUNT, NOW, ask, filled, market, prepared, whale


async def test_an_account_in_numbers(engine: AsyncEngine) -> None:
    await prepared(engine, whales=3)
    held, stopped, lost = [await ask(engine, n, who=n, of=market(n)) for n in range(3)]
    skipped = await ask(engine, 9, who=7)
    for record in (held, stopped):
        assert record.order_id is not None
        fill = await filled(engine, record, status=FillStatus.CONFIRMED)
        await fills.record_fills(engine, record.order_id, [fill], now=NOW)
        await orders.set_order_state(engine, record.order_id, OrderState.DONE, now=NOW)
    assert held.position_id is not None
    assert stopped.position_id is not None
    await positions.set_mark(engine, held.position_id, Decimal("0.40"))
    await positions.set_position_state(engine, held.position_id, PositionState.OPEN)
    await positions.finish_position(
        engine,
        stopped.position_id,
        PositionState.CLOSED,
        exit_reason=ExitReason.STOP_LOSS,
        now=NOW,
        now_venue=NOW,
    )

    found = await load_measures(engine, ACCOUNT, now=NOW, now_venue=NOW)
    summary = await summarise(engine, ACCOUNT)
    reserve = Decimal(lost.terms["reserve"])

    assert found.cash == 10000 - 2 * (50 + 1)
    assert found.held == 40
    assert found.equity == found.cash + 40
    assert found.realised == summary.realised_pnl
    assert found.fees == 2
    assert found.reserved == reserve
    assert found.states == {PositionState.OPEN: 1, PositionState.ENTERING: 1}
    assert found.exits == {ExitReason.STOP_LOSS: 1}
    assert found.orders == {("entry", "filled"): 2}
    assert found.decisions == {("copy", ""): 3, ("skip", SkipReason.NOT_ON_ROSTER.value): 1}
    assert skipped.reason is SkipReason.NOT_ON_ROSTER
    assert found.largest.position == found.largest.whale == max(Decimal(50), reserve)
    assert found.entries_last_minute == 3
    assert (found.followed, found.roster_published_at, found.last_decision_at) == (3, NOW, NOW)
    by_whale = {w.whale: w for w in found.whales}
    assert by_whale[whale(0)].unrealised == -10
    assert by_whale[whale(0)].committed == 50
    assert by_whale[whale(2)].committed == reserve
    assert sum(w.realised for w in found.whales) == found.realised


async def test_a_failed_fill_leaves_no_order_filled(engine: AsyncEngine) -> None:
    await prepared(engine)
    record = await ask(engine, 1)
    assert record.order_id is not None
    fill = await filled(engine, record, status=FillStatus.FAILED)
    await fills.record_fills(engine, record.order_id, [fill], now=NOW)
    await orders.set_order_state(engine, record.order_id, OrderState.DONE, now=NOW)

    found = await load_measures(engine, ACCOUNT, now=NOW, now_venue=NOW)

    assert found.orders == {("entry", "unfilled"): 1}
    assert found.cash == 10000
