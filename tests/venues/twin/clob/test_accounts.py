"""What an account reads about itself."""

from decimal import Decimal

import pytest
from polymarket import AcceptedOrder, AsyncSecureClient, RequestRejectedError

from remora.domain.ids import OrderDigest, TokenId
from remora.domain.money import Side
from remora.domain.orders import OrderType
from remora.venues.twin.clob.accounts import ORDERS_PAGE, TRADES_PAGE
from remora.venues.twin.engine.records import NewOrder, Placed
from tests.fixtures.twin import OTHER_KEY, OUR_KEY, RunningTwin, TwinMarket, address_of
from tests.venues.twin.clob.raw_client import raw_client

D = Decimal
UNIT = 1_000_000


async def _bought(client: AsyncSecureClient, token: str, dollars: str = "10") -> AcceptedOrder:
    made = await client.place_market_order(token_id=token, side="BUY", amount=dollars, max_price="0.9")
    assert isinstance(made, AcceptedOrder)
    return made


async def test_a_fill_settles_while_we_wait(
    twin: RunningTwin, ours: AsyncSecureClient, twin_market: TwinMarket
) -> None:
    made = await _bought(ours, twin_market.yes)

    hashes = await ours.wait_for_order_fill_settlement(made, timeout_s=20)

    rows = [row async for row in ours.list_account_trades(id=made.trade_ids[0]).iter_items()]
    assert [row.status for row in rows] == ["CONFIRMED"]
    assert [row.transaction_hash for row in rows] == list(hashes)
    assert hashes[0].startswith("0x")
    assert len(hashes[0]) == 66


async def test_a_trade_is_told_from_both_sides(
    twin: RunningTwin, ours: AsyncSecureClient, others: AsyncSecureClient, quiet: TwinMarket
) -> None:
    made = await others.place_limit_order(token_id=quiet.no, price="0.4", size="30", side="BUY")
    assert isinstance(made, AcceptedOrder)
    taken = await _bought(ours, quiet.yes, "6")

    (mine,) = (await ours.list_account_trades().first_page()).items
    (theirs,) = (await others.list_account_trades().first_page()).items

    assert (mine.id, mine.trader_side, theirs.trader_side) == (taken.trade_ids[0], "TAKER", "MAKER")
    assert (mine.taker_order_id, mine.asset_id, mine.side) == (taken.order_id, quiet.yes, "BUY")
    assert (mine.price, mine.size, mine.outcome) == (D("0.6"), D(10), "Yes")
    (maker,) = theirs.maker_orders
    assert (maker.order_id, maker.asset_id, maker.side) == (made.order_id, quiet.no, "BUY")
    assert (maker.price, maker.matched_amount, maker.outcome) == (D("0.4"), D(10), "No")
    assert maker.maker_address.lower() == address_of(OTHER_KEY).lower()
    assert maker.owner == others.credentials.key


async def test_trades_are_filtered_by_each_of_their_facts(
    twin: RunningTwin, ours: AsyncSecureClient, twin_market: TwinMarket
) -> None:
    second = await twin.list_market("The second?")
    first = (await _bought(ours, twin_market.yes)).trade_ids[0]
    other = (await _bought(ours, second.no)).trade_ids[0]
    at = (await ours.list_account_trades(id=first).first_page()).items[0].matched_at
    seconds = int(at.timestamp())
    filters: list[tuple[dict[str, str], set[str]]] = [
        ({}, {first, other}),
        ({"id": first}, {first}),
        ({"market": second.condition_id}, {other}),
        ({"token_id": twin_market.yes}, {first}),
        ({"token_id": second.yes}, set()),
        ({"maker_address": address_of(OUR_KEY)}, {first, other}),
        ({"maker_address": address_of(OTHER_KEY)}, set()),
        ({"after": str(seconds - 60)}, {first, other}),
        ({"after": str(seconds + 3_600)}, set()),
        ({"before": str(seconds - 60)}, set()),
        ({"before": str(seconds + 3_600)}, {first, other}),
    ]
    for wanted, expected in filters:
        found = {row.id async for row in ours.list_account_trades(**wanted).iter_items()}
        assert found == expected, wanted


async def test_long_lists_come_in_pages_that_end_with_the_venues_sentinel(
    twin: RunningTwin, ours: AsyncSecureClient, quiet: TwinMarket
) -> None:
    exchange, clock = twin.twin.exchange, twin.twin.clock
    key = ours.credentials.key

    def order(number: int, side: Side, *, owner: str, price: int, shares: int) -> NewOrder:
        buying = side is Side.BUY
        dollars = shares * price // UNIT
        return NewOrder(
            digest=OrderDigest(f"0x{number:064x}"),
            owner=owner.lower(),
            api_key=key,
            token_id=TokenId(quiet.yes if buying else quiet.no),
            side=Side.BUY,
            maker_amount=dollars,
            taker_amount=shares,
            order_type=OrderType.GTC,
            post_only=False,
            expiration=0,
            received_at=clock.now(),
        )

    trades = TRADES_PAGE + 7
    resting = ORDERS_PAGE + 3
    sizes = [(1, Side.SELL, address_of(OTHER_KEY), 500_000, 5 * UNIT * trades)]
    sizes += [(10 + n, Side.BUY, address_of(OUR_KEY), 500_000, 5 * UNIT) for n in range(trades)]
    sizes += [(100_000 + n, Side.BUY, address_of(OUR_KEY), 10_000, 5 * UNIT) for n in range(resting)]
    for number, side, owner, price, shares in sizes:
        new = order(number, side, owner=owner, price=price, shares=shares)
        assert isinstance(exchange.place(new, now=clock.now(), wall=clock.now()), Placed)

    assert len({row.id async for row in ours.list_account_trades().iter_items()}) == trades
    assert len({row.id async for row in ours.list_open_orders().iter_items()}) == resting
    async with raw_client(twin, OUR_KEY) as raw:
        for path, whole in (("/data/trades", trades), ("/data/orders", resting)):
            cursor, seen, pages = "", 0, 0
            while cursor != "LTE=":
                page = (await raw.call("GET", f"{path}?next_cursor={cursor}")).json()
                cursor, seen, pages = page["next_cursor"], seen + page["count"], pages + 1
                assert page["count"] == len(page["data"])
            assert (seen, pages) == (whole, 2)
            for wrong in ("LTE=", "nonsense", "LTE"):
                answer = await raw.call("GET", f"{path}?next_cursor={wrong}")
                assert answer.status_code == 400 or answer.json()["data"] == []


async def test_a_single_order_is_found_only_while_it_may_fill(
    ours: AsyncSecureClient, others: AsyncSecureClient, quiet: TwinMarket
) -> None:
    made = await ours.place_limit_order(token_id=quiet.yes, price="0.3", size="10", side="BUY")
    assert isinstance(made, AcceptedOrder)
    assert (await ours.get_order(order_id=made.order_id)).status == "LIVE"
    listed = [row async for row in ours.list_open_orders(token_id=quiet.yes).iter_items()]
    assert [row.id for row in listed] == [made.order_id]
    assert [row async for row in ours.list_open_orders(token_id=quiet.no).iter_items()] == []
    assert [row.id async for row in ours.list_open_orders(market=quiet.condition_id).iter_items()] == [
        made.order_id
    ]

    with pytest.raises(RequestRejectedError) as hidden:
        await others.get_order(order_id=made.order_id)
    await ours.cancel_order(order_id=made.order_id)
    with pytest.raises(RequestRejectedError) as gone:
        await ours.get_order(order_id=made.order_id)

    assert (hidden.value.status, gone.value.status) == (404, 404)


async def test_balances_are_whole_base_units(
    twin: RunningTwin, ours: AsyncSecureClient, twin_market: TwinMarket
) -> None:
    await twin.post("/quotes", token_id=twin_market.yes, bid="0.49", ask="0.50", size="1000")
    await _bought(ours, twin_market.yes)
    cash = await ours.get_balance_allowance(asset_type="COLLATERAL")
    shares = await ours.get_balance_allowance(asset_type="CONDITIONAL", token_id=twin_market.yes)
    nothing = await ours.get_balance_allowance(asset_type="CONDITIONAL", token_id=twin_market.no)

    assert cash.balance == 10_000 * UNIT - 10 * UNIT - 200_000
    assert (shares.balance, nothing.balance) == (20 * UNIT, 0)
    assert all(allowed >= 2**255 for allowed in cash.allowances.values())
    async with raw_client(twin, OUR_KEY) as raw:
        updated = await raw.call("GET", "/balance-allowance/update?asset_type=COLLATERAL&signature_type=0")
        assert updated.status_code == 200
        for query in (
            "asset_type=COLLATERAL&signature_type=9",
            "asset_type=GOLD&signature_type=0",
            "signature_type=0",
            "asset_type=CONDITIONAL&signature_type=0",
        ):
            answer = await raw.call("GET", f"/balance-allowance?{query}")
            assert (answer.status_code, list(answer.json())) == (400, ["error"]), query


async def test_an_account_in_good_standing_may_open_and_close(ours: AsyncSecureClient) -> None:
    assert await ours.get_closed_only_mode() is False
    assert await ours.get_notifications() == ()
