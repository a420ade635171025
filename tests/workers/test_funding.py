"""Play money on the twin: once, whatever is started again, and never to an account that it forgot."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId
from remora.domain.reconcile import compare_cash
from remora.settings import load_settings
from remora.storage import fills
from remora.storage.desk import DeskMissing, ensure_desk, load_desk
from tests.fixtures.twin import RunningTwin, address_of
from tests.storage.test_risk import ACCOUNT as TRADER
from tests.storage.test_risk import NOW, ask, filled, prepared
from workers.funding import Forgotten, fund, fund_account

KEY = "0x" + "33" * 32
ACCOUNT = AccountId(address_of(KEY).lower())
TEN_THOUSAND = Decimal(10_000)


async def _fund(engine: AsyncEngine, twin: RunningTwin, dollars: Decimal = TEN_THOUSAND) -> Decimal:
    return await fund(engine, twin.urls["control_url"], ACCOUNT, dollars=dollars)


async def _open(engine: AsyncEngine, cash: Decimal, *, venue_mode: str = "twin") -> None:
    now = datetime.now(UTC)
    await ensure_desk(engine, ACCOUNT, venue_mode=venue_mode, cash=cash, now=now, now_venue=now)


async def test_a_new_account_gets_its_money_once(twin: RunningTwin, engine: AsyncEngine) -> None:
    assert await _fund(engine, twin) == TEN_THOUSAND
    assert await _fund(engine, twin) == 0
    await _open(engine, await twin.cash(KEY))
    assert await _fund(engine, twin) == 0

    assert await twin.cash(KEY) == TEN_THOUSAND == (await load_desk(engine, ACCOUNT)).cash


async def test_an_account_that_traded_gets_nothing_from_a_twin_that_forgot_it(
    twin: RunningTwin, engine: AsyncEngine
) -> None:
    await prepared(engine)
    bought = await ask(engine, 1)
    assert bought.order_id is not None
    await fills.record_fills(engine, bought.order_id, [await filled(engine, bought)], now=NOW)

    with pytest.raises(Forgotten, match=r"has traded and whose books hold \$\d+\.\d\d: .*begin anew"):
        await fund(engine, twin.urls["control_url"], TRADER, dollars=TEN_THOUSAND)
    assert (await twin.get(f"/books/{TRADER}"))["deposits"] == "0"


async def test_money_that_was_booked_but_not_given_is_given_at_the_next_start(
    twin: RunningTwin, engine: AsyncEngine
) -> None:
    await _open(engine, TEN_THOUSAND)

    assert await _fund(engine, twin, Decimal(7)) == TEN_THOUSAND
    ours = (await load_desk(engine, ACCOUNT)).cash
    assert compare_cash(ours, await twin.cash(KEY), account=ACCOUNT) == []


async def test_a_desk_that_was_opened_without_money_gets_it_booked_as_a_deposit(
    twin: RunningTwin, engine: AsyncEngine
) -> None:
    await _open(engine, Decimal(0))

    assert await _fund(engine, twin) == TEN_THOUSAND
    desk = await load_desk(engine, ACCOUNT)
    assert desk.cash == desk.day_start_equity == desk.high_water_mark == await twin.cash(KEY) == TEN_THOUSAND
    assert await _fund(engine, twin) == 0
    assert (await load_desk(engine, ACCOUNT)).cash == TEN_THOUSAND


async def test_an_account_of_another_mode_gets_nothing(twin: RunningTwin, engine: AsyncEngine) -> None:
    await _open(engine, Decimal(0), venue_mode="live")

    assert await _fund(engine, twin) == 0
    assert (await load_desk(engine, ACCOUNT)).cash == await twin.cash(KEY) == 0


@pytest.mark.parametrize("mode", ["twin", "paper", "live"])
async def test_the_settings_fund_in_twin_mode_only(
    twin: RunningTwin, engine: AsyncEngine, postgres_url: str, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    values = {"REMORA_MODE": mode, "DATABASE_URL": postgres_url, "REMORA_TWIN_URL": twin.urls["control_url"]}
    values |= {"PRIVATE_KEY": KEY, "WALLET_ADDRESS": ACCOUNT, "REMORA_TWIN_CASH": "2500.50"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)

    told = await fund_account(load_settings(None))

    assert await twin.cash(KEY) == (Decimal("2500.50") if mode == "twin" else 0), told
    with pytest.raises(DeskMissing):
        await load_desk(engine, ACCOUNT)
