"""The exchange keeps price-time priority and its words, and settles by the clock."""

from datetime import timedelta
from decimal import Decimal

import pytest

from remora.domain.money import Side, micros
from remora.domain.orders import FillStatus, OrderType
from remora.venues.twin.engine import events
from remora.venues.twin.engine.records import HOUSE, OrderStatus
from tests.venues.twin.engine.market_values import (
    CONDITION,
    NO,
    NOW,
    YES,
    accepted,
    exchange,
    funded,
    ladder,
    order,
    place,
    refused,
    spec,
)

BUY, SELL, FAK, FOK = Side.BUY, Side.SELL, OrderType.FAK, OrderType.FOK


def test_a_market_purchase_spends_its_dollars_and_pays_the_fee_on_top() -> None:
    made = funded("0xa")
    ladder(made, bids={"0.48": "1000"}, asks={"0.50": "1000"})

    answer = accepted(made, order(1, BUY, "0.52", "100", kind=FAK))

    assert (answer.status, answer.making, answer.taking) == ("matched", 52_000_000, 104_000_000)
    assert made.account("0xa").cash == 1_000_000_000 - 52_000_000 - micros(Decimal("1.04"))
    made.assert_conserved()


def test_a_sale_pays_the_fee_out_of_its_proceeds() -> None:
    made = funded("0xa")
    ladder(made, bids={"0.48": "1000"}, asks={"0.50": "1000"})
    accepted(made, order(1, BUY, "0.50", "100", kind=FAK))
    before = made.account("0xa").cash

    answer = accepted(made, order(2, SELL, "0.40", "100", kind=FAK))

    assert answer.taking == 48_000_000
    assert made.account("0xa").cash - before == 48_000_000 - micros(Decimal("0.9984"))
    made.assert_conserved()


def test_a_purchase_through_several_levels_is_one_trade_for_each_price() -> None:
    made = funded("0xa")
    ladder(made, asks={"0.50": "10", "0.51": "10", "0.55": "100"})

    answer = accepted(made, order(1, BUY, "0.51", "20"))

    trades = [made.trades[name] for name in answer.trade_ids]
    assert [(trade.price, trade.shares) for trade in trades] == [(500_000, 10_000_000), (510_000, 10_000_000)]
    assert answer.making == 10_100_000


def test_what_a_limit_order_does_not_find_rests_at_its_limit() -> None:
    made = funded("0xa")
    ladder(made, asks={"0.50": "10"})

    answer = accepted(made, order(1, BUY, "0.51", "30"))

    assert answer.status == "matched"
    assert made.levels(YES, BUY) == [(510_000, 20_000_000)]
    assert made.free_cash("0xa") == made.account("0xa").cash - 10_200_000


def test_the_same_digest_is_taken_once_whatever_became_of_it() -> None:
    made = funded("0xa")
    ladder(made, bids={"0.48": "1000"}, asks={"0.50": "1000"})
    matched, rested, cancelled = (
        order(1, BUY, "0.50", "100", kind=FAK),
        order(2, BUY, "0.2", "10"),
        order(3, BUY, "0.2", "9"),
    )
    for new in (matched, rested, cancelled):
        accepted(made, new)
    made.cancel(cancelled.digest, NOW)

    answers = [refused(made, new) for new in (matched, rested, cancelled)]

    assert all("Duplicated" in answer.error and answer.http_status == 400 for answer in answers)
    assert len(made.trades) == 1


def test_a_killed_order_leaves_no_trace_and_may_come_again() -> None:
    made = funded("0xa")
    new = order(1, BUY, "0.50", "100", kind=FAK)
    assert "no orders found to match" in refused(made, new).error
    ladder(made, asks={"0.50": "1000"})

    accepted(made, new)

    assert len(made.trades) == 1


def test_two_purchases_of_opposite_outcomes_mint_a_pair() -> None:
    made = funded("0xa", "0xb")
    place(made, order(1, BUY, "0.40", "10"))

    accepted(made, order(2, BUY, "0.65", "10", owner="0xb", token=NO))

    assert made.account("0xa").shares == {YES: 10_000_000}
    assert made.account("0xb").shares == {NO: 10_000_000}
    assert made.account("0xb").cash == 1_000_000_000 - 6_000_000 - micros(Decimal("0.096"))
    assert made.listings[CONDITION].pool == 10_000_000
    made.assert_conserved()


def test_two_sales_of_opposite_outcomes_merge_a_pair() -> None:
    made = funded("0xa", "0xb")
    place(made, order(1, BUY, "0.40", "10"))
    place(made, order(2, BUY, "0.60", "10", owner="0xb", token=NO))
    place(made, order(3, SELL, "0.45", "10"))

    accepted(made, order(4, SELL, "0.55", "10", owner="0xb", token=NO))

    assert made.listings[CONDITION].pool == 0
    assert made.account("0xa").shares == made.account("0xb").shares == {}
    made.assert_conserved()


def test_the_older_order_at_a_price_fills_first() -> None:
    made = funded("0xa", "0xb", "0xc")
    for number, owner in ((1, "0xa"), (2, "0xb")):
        place(made, order(number, BUY, "0.40", "10", owner=owner))

    place(made, order(3, BUY, "0.60", "10", owner="0xc", token=NO))

    assert made.account("0xa").shares == {YES: 10_000_000}
    assert made.account("0xb").shares == {}


def test_the_synthetic_depth_keeps_its_place_when_it_is_refreshed() -> None:
    made = funded("0xa", "0xb")
    ladder(made, asks={"0.50": "10"})
    accepted(made, order(1, BUY, "0.50", "5", owner="0xb", token=NO))  # an ask at 0.50 behind the synthetic one
    ladder(made, asks={"0.50": "20"})

    accepted(made, order(2, BUY, "0.50", "20"))

    assert made.account("0xb").shares == {}


def test_depth_that_crosses_a_resting_order_fills_it_at_its_price() -> None:
    made = funded("0xa")
    place(made, order(1, BUY, "0.50", "10"))

    ladder(made, bids={"0.40": "5"}, asks={"0.45": "100"})

    (trade,) = made.trades.values()
    assert (trade.taker.owner, trade.price, trade.fee) == (HOUSE, 500_000, 0)
    assert made.account("0xa").shares == {YES: 10_000_000}
    assert made.levels(YES, SELL) == [(450_000, 90_000_000)]
    made.assert_conserved()


@pytest.mark.parametrize(
    ("new", "error"),
    [
        (order(1, BUY, "0.405", "100"), "breaks minimum tick size rule: 0.01"),
        (order(1, BUY, "0.40", "4"), "Size (4) lower than the minimum: 5"),
        (order(1, BUY, "0.40", "4", kind=FAK), "Size (4) lower than the minimum: 5"),
        (order(1, BUY, "0.10", "9", kind=FAK), "invalid amount for a marketable BUY order ($0.9), min size: $1"),
        (order(1, BUY, "0.40", "10.001"), "Size 10.001 has 3 decimal places. Maximum lot size is 2"),
        (order(1, BUY, "0.40", "10.01", kind=FAK), "maker amount supports a max accuracy of 2 decimals"),
        (order(1, BUY, "0.40", "10000"), "not enough balance / allowance: the balance is not enough"),
        (order(1, BUY, "0.40", "1" + "0" * 40), "not enough balance / allowance"),
        (order(1, SELL, "0.40", "10"), "not enough balance / allowance: the balance is not enough"),
        (order(1, BUY, "0.40", "0"), "breaks minimum tick size rule"),
        (order(1, BUY, "0.40", "10", token=NO, kind=FOK, post_only=True), "Invalid order payload"),
        (order(1, BUY, "0.40", "10", kind=OrderType.GTD, expiration=1), "invalid expiration"),
        (order(1, BUY, "0.40", "10", kind=OrderType.GTD, expiration=10**14), "invalid expiration"),
        (order(1, BUY, "0.40", "10", expiration=1), "invalid expiration"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_invalid_order_is_refused_in_the_venues_words(new: object, error: str) -> None:
    from remora.venues.twin.engine.records import NewOrder

    assert isinstance(new, NewOrder)
    assert error in refused(funded("0xa"), new).error


def test_an_unknown_token_has_no_book() -> None:
    new = order(1, BUY, "0.40", "10")
    assert refused(funded("0xa", listed=spec(tokens=(NO, NO))), new).error == f"the orderbook {YES} does not exist"


def test_a_marketable_purchase_below_one_dollar_is_refused_also_as_a_limit_order() -> None:
    made = funded("0xa")
    ladder(made, asks={"0.10": "100"})

    answer = refused(made, order(1, BUY, "0.10", "5"))

    assert answer.error == "invalid amount for a marketable BUY order ($0.5), min size: $1"
    accepted(made, order(2, BUY, "0.09", "5"))


def test_fill_or_kill_takes_all_or_nothing() -> None:
    made = funded("0xa")
    ladder(made, asks={"0.50": "10"})

    assert "couldn't be fully filled" in refused(made, order(1, BUY, "0.50", "12", kind=FOK)).error
    accepted(made, order(2, BUY, "0.50", "10", kind=FOK))

    assert made.account("0xa").shares == {YES: 10_000_000}


def test_fill_and_kill_takes_what_there_is() -> None:
    made = funded("0xa")
    ladder(made, asks={"0.50": "7"})

    answer = accepted(made, order(1, BUY, "0.50", "12", kind=FAK))

    assert (answer.making, answer.taking) == (3_500_000, 7_000_000)
    assert made.open_orders("0xa") == []
    assert made.orders[answer.digest].status is OrderStatus.MATCHED


def test_post_only_rests_or_is_refused() -> None:
    made = funded("0xa")
    ladder(made, asks={"0.50": "10"})

    answer = refused(made, order(1, BUY, "0.50", "10", post_only=True))

    assert (answer.http_status, answer.error) == (200, "invalid post-only order: order crosses book")
    assert accepted(made, order(2, BUY, "0.49", "10", post_only=True)).status == "live"


def test_resting_purchases_reserve_their_cost() -> None:
    made = funded("0xa", cash="10")
    accepted(made, order(1, BUY, "0.50", "12"))

    assert "not enough balance" in refused(made, order(2, BUY, "0.50", "9")).error
    accepted(made, order(3, BUY, "0.50", "8"))


def test_resting_sales_reserve_their_shares() -> None:
    made = funded("0xa")
    ladder(made, asks={"0.50": "10"})
    accepted(made, order(1, BUY, "0.50", "10"))
    accepted(made, order(2, SELL, "0.60", "5"))

    assert "not enough balance" in refused(made, order(3, SELL, "0.60", "6")).error
    made.cancel(order(2, SELL, "0.60", "5").digest, NOW)
    accepted(made, order(3, SELL, "0.60", "10"))


def test_a_good_till_date_order_ends_a_minute_early() -> None:
    made = funded("0xa")
    new = order(1, BUY, "0.50", "10", kind=OrderType.GTD, expiration=int(NOW.timestamp()) + 300)
    accepted(made, new)

    made.advance(now=NOW, wall=NOW + timedelta(seconds=239))
    assert len(made.open_orders("0xa")) == 1
    made.advance(now=NOW, wall=NOW + timedelta(seconds=240))

    assert made.orders[new.digest].status is OrderStatus.EXPIRED


def test_silence_after_a_heartbeat_cancels_that_clients_orders_only() -> None:
    made = funded("0xa", "0xb")
    accepted(made, order(1, BUY, "0.40", "10"))
    accepted(made, order(2, BUY, "0.40", "10", owner="0xb"))
    made.beat("key-0xa", NOW)

    made.advance(now=NOW, wall=NOW + timedelta(seconds=10))
    assert len(made.open_orders("0xa")) == 1
    made.advance(now=NOW, wall=NOW + timedelta(seconds=10.1))

    assert made.open_orders("0xa") == []
    assert len(made.open_orders("0xb")) == 1


def test_a_resolution_cancels_orders_and_pays_half_and_half() -> None:
    made = funded("0xa", "0xb")
    place(made, order(1, BUY, "0.40", "10"))
    place(made, order(2, BUY, "0.60", "10", owner="0xb", token=NO))
    place(made, order(3, BUY, "0.30", "10"))

    made.resolve(CONDITION, (Decimal("0.5"), Decimal("0.5")), NOW)

    assert made.orders[order(3, BUY, "0.30", "10").digest].status is OrderStatus.RESOLVED
    assert made.redeem("0xa", CONDITION, NOW) == 5_000_000
    assert made.redeem("0xa", CONDITION, NOW) == 0
    assert made.redeem("0xb", CONDITION, NOW) == 5_000_000
    assert made.listings[CONDITION].pool == 0
    made.assert_conserved()


def test_the_synthetic_depth_pays_for_what_it_sold_short() -> None:
    made = funded("0xa")
    ladder(made, asks={"0.50": "100"})
    accepted(made, order(1, BUY, "0.50", "100"))

    made.resolve(CONDITION, (Decimal(1), Decimal(0)), NOW)

    made.assert_conserved()
    assert made.listings[CONDITION].pool == 100_000_000
    assert made.redeem("0xa", CONDITION, NOW) == 100_000_000
    assert made.listings[CONDITION].pool == 0


def test_a_market_that_stopped_or_resolved_takes_no_orders() -> None:
    made = funded("0xa")
    made.stop_trading(CONDITION, NOW)
    assert refused(made, order(1, BUY, "0.50", "10")).http_status == 200

    made.resolve(CONDITION, (Decimal(1), Decimal(0)), NOW)

    assert "does not exist" in refused(made, order(1, BUY, "0.50", "10")).error


def test_payouts_must_share_one_dollar() -> None:
    with pytest.raises(ValueError, match="one dollar"):
        exchange().resolve(CONDITION, (Decimal(1), Decimal(1)), NOW)


def test_settlement_moves_by_the_clock_and_the_hash_comes_late() -> None:
    made = funded("0xa")
    heard: list[tuple[FillStatus, bool]] = []
    made.listeners.append(
        lambda event: (
            heard.append((event.trade.status, bool(event.trade.transaction_hash)))
            if isinstance(event, events.TradeEvent)
            else None
        )
    )
    ladder(made, asks={"0.50": "1000"})
    accepted(made, order(1, BUY, "0.50", "10", kind=FAK))

    for seconds in (0.5, 1, 1.5, 2, 3):
        made.advance(now=NOW, wall=NOW + timedelta(seconds=seconds))

    assert heard == [(FillStatus.MATCHED, False), (FillStatus.MINED, True), (FillStatus.CONFIRMED, True)]


def test_a_finer_tick_admits_finer_prices_at_once() -> None:
    made = funded("0xa")
    assert "tick size" in refused(made, order(1, BUY, "0.405", "100")).error

    made.change_tick(CONDITION, Decimal("0.001"))

    accepted(made, order(1, BUY, "0.405", "100"))
