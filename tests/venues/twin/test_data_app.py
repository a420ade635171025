from decimal import Decimal
from typing import Any

import httpx
import pytest

from remora.venues.twin.assembly import TwinOptions
from tests.venues.twin.conftest import RunningTwin, Serve

WHALE = "0x" + "c3" * 20
OTHER = "0x" + "d4" * 20


async def market(twin: RunningTwin, question: str = "Who wins?") -> dict[str, Any]:
    return await twin.post("/markets", question=question, price=0.5)


async def fill(
    twin: RunningTwin, token: str, side: str = "BUY", price: float = 0.51, size: float = 20, wallet: str = WHALE
) -> None:
    await twin.post("/trades", wallet=wallet, token_id=token, side=side, price=price, size=size)


async def test_a_wallets_trades_come_newest_first_with_every_field(empty_twin: RunningTwin) -> None:
    made = await market(empty_twin)
    await fill(empty_twin, made["tokens"][0], price=0.51)
    await fill(empty_twin, made["tokens"][1], price=0.47, size=33.5)
    await fill(empty_twin, made["tokens"][0], wallet=OTHER)
    async with empty_twin.client() as client:
        rows = [row async for row in client.list_trades(user=WHALE, taker_only=False).iter_items()]

    assert [row.price for row in rows] == [Decimal("0.47"), Decimal("0.51")]
    assert rows[0].asset_id == made["tokens"][1]
    assert rows[0].condition_id == made["condition_id"]
    assert rows[0].side == "BUY"
    assert rows[0].size == Decimal("33.5")
    assert rows[0].outcome_index == 1
    assert len(rows[0].transaction_hash) == 66
    assert rows[0].slug == "who-wins"


async def test_trades_page_by_cursor_without_gap_or_repeat(empty_twin: RunningTwin) -> None:
    made = await market(empty_twin)
    for number in range(1, 12):
        await fill(empty_twin, made["tokens"][0], size=number)
    async with empty_twin.client() as client:
        rows = [row.size async for row in client.list_trades(user=WHALE, page_size=4).iter_items()]

    assert rows == [Decimal(number) for number in range(11, 0, -1)]


async def test_filters_by_side_market_and_amount_hold(empty_twin: RunningTwin) -> None:
    first, second = await market(empty_twin, "One?"), await market(empty_twin, "Two?")
    await fill(empty_twin, first["tokens"][0], size=100)
    await fill(empty_twin, first["tokens"][0], side="SELL", size=40)
    await fill(empty_twin, second["tokens"][0], size=7)
    async with empty_twin.client() as client:
        sells = [r async for r in client.list_trades(user=WHALE, side="SELL").iter_items()]
        in_second = [r async for r in client.list_trades(condition_id=second["condition_id"]).iter_items()]
        large = [r async for r in client.list_trades(filter_type="TOKENS", filter_amount=50).iter_items()]

    assert [row.size for row in sells] == [40]
    assert [row.size for row in in_second] == [7]
    assert [row.size for row in large] == [100]


async def test_rows_show_only_after_the_feeds_lag(serve_twin: Serve) -> None:
    from datetime import timedelta

    async with serve_twin(None, TwinOptions(data_lag=timedelta(hours=1))) as twin:
        made = await market(twin)
        await fill(twin, made["tokens"][0])
        async with twin.client() as client:
            rows = [row async for row in client.list_trades(user=WHALE).iter_items()]

    assert rows == []


async def test_positions_follow_purchases_sales_and_resolution(empty_twin: RunningTwin) -> None:
    made = await market(empty_twin)
    await fill(empty_twin, made["tokens"][0], price=0.40, size=100)
    await fill(empty_twin, made["tokens"][0], price=0.60, size=100)
    await fill(empty_twin, made["tokens"][0], side="SELL", price=0.70, size=50)
    async with empty_twin.client() as client:
        held = [row async for row in client.list_positions(user=WHALE).iter_items()]
        value = await client.get_portfolio_value(user=WHALE)
        await empty_twin.post("/resolve", condition_id=made["condition_id"], payouts=[1, 0])
        open_now = [row async for row in client.list_positions(user=WHALE).iter_items()]
        redeemable = [row async for row in client.list_positions(user=WHALE, status="REDEEMABLE").iter_items()]

    assert len(held) == 1
    assert held[0].current_size == 150
    assert held[0].avg_price == Decimal("0.5")
    assert held[0].realized_pnl == 10
    assert held[0].status == "OPEN"
    assert value.value == held[0].current_value
    assert open_now == []
    assert [(row.redeemable, row.current_price) for row in redeemable] == [(True, Decimal(1))]


async def test_tokens_and_resolutions_tell_the_settlement_price(empty_twin: RunningTwin) -> None:
    made = await market(empty_twin)
    condition = made["condition_id"]
    async with empty_twin.client() as client:
        before = await client.get_token_references(asset_ids=made["tokens"])
        await empty_twin.post("/propose", condition_id=condition)
        proposed = await client.get_resolutions(condition_ids=condition)
        await empty_twin.post("/resolve", condition_id=condition, payouts=[0.5, 0.5])
        after = await client.get_token_references(condition_ids=condition)
        resolved = await client.get_resolutions(condition_ids=condition)

    assert [token.resolved for token in before] == [False, False]
    assert before[0].opposite_asset_id == made["tokens"][1]
    assert [token.final_price for token in after] == [Decimal("0.5"), Decimal("0.5")]
    assert (proposed[0].status, proposed[0].payouts) == ("proposed", None)
    assert proposed[0].expected_settlement_time is not None
    assert (resolved[0].status, resolved[0].payouts) == ("resolved", (Decimal("0.5"), Decimal("0.5")))


async def test_activity_has_trades_and_refuses_unknown_types(empty_twin: RunningTwin) -> None:
    made = await market(empty_twin)
    await fill(empty_twin, made["tokens"][0])
    async with empty_twin.client() as client:
        rows = [row async for row in client.list_activity(user=WHALE).iter_items()]
        merges = [row async for row in client.list_activity(user=WHALE, activity_types=["MERGE"]).iter_items()]
    async with httpx.AsyncClient(base_url=empty_twin.urls["data_url"], trust_env=False) as raw:
        unknown = await raw.get("/v2/activity", params={"user": WHALE, "type": "DANCE"})

    assert [(type(row).__name__, row.amount) for row in rows] == [("TradeActivity", Decimal("10.2"))]  # type: ignore[union-attr]
    assert merges == []
    assert unknown.status_code == 400
    assert unknown.json()["code"] == "invalid_request"


async def test_boards_and_statistics_add_up(empty_twin: RunningTwin) -> None:
    made = await market(empty_twin)
    await fill(empty_twin, made["tokens"][0], price=0.40, size=100)
    await fill(empty_twin, made["tokens"][1], price=0.60, size=100, wallet=OTHER)
    await empty_twin.post("/resolve", condition_id=made["condition_id"], payouts=[1, 0])
    async with empty_twin.client() as client:
        board = [r async for r in client.list_trader_leaderboard(window="all").iter_items()]
        day = [r async for r in client.list_trader_leaderboard(window="day").iter_items()]
        standing = await client.get_trader_leaderboard_standing(user=OTHER, window="all")
        stats = await client.get_user_stats(user=WHALE)
        nobody = await client.get_user_stats(user="0x" + "ee" * 20)

    assert [(row.rank, row.pnl) for row in board] == [(1, Decimal(60)), (2, Decimal(-60))]
    assert [row.pnl for row in day] == [60, -60]
    assert standing is not None
    assert (standing.pnl_rank, standing.pnl) == (2, Decimal(-60))
    assert stats is not None
    assert (stats.traded_market_count, stats.biggest_win) == (1, Decimal(60))
    assert nobody is None


async def test_price_history_and_approvals_answer(empty_twin: RunningTwin) -> None:
    made = await market(empty_twin)
    await fill(empty_twin, made["tokens"][0], price=0.62)
    async with empty_twin.client() as client:
        points = [
            p async for p in client.list_price_history(asset_id=made["tokens"][1], interval="1h").iter_items()
        ]
    async with httpx.AsyncClient(base_url=empty_twin.urls["data_url"], trust_env=False) as raw:
        approvals = (await raw.get("/v2/approvals", params={"user": WHALE})).json()["data"]

    assert points[-1].price == Decimal("0.38")
    assert approvals["chain_id"] == 137
    assert all(row["approved"] for row in approvals["contracts"])


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v2/trades?offset=5", "offset"),
        ("/v2/trades?limit=5000", "limit"),
        ("/v2/trades?user=0x1,0x2", "user"),
        ("/v2/trades?cursor=nonsense", "cursor"),
        ("/v2/trades?side=HOLD", "side"),
        ("/v2/activity", "user"),
        ("/v2/positions", "user"),
        ("/v2/tokens", "token_id"),
    ],
)
async def test_a_bad_parameter_is_named(empty_twin: RunningTwin, path: str, parameter: str) -> None:
    async with httpx.AsyncClient(base_url=empty_twin.urls["data_url"], trust_env=False) as raw:
        answer = await raw.get(path)

    assert answer.status_code == 400
    assert answer.json()["parameter"] == parameter
    assert answer.json()["retryable"] is False
    assert answer.headers["x-trace-id"] == answer.json()["trace_id"]
