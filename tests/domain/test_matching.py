"""A taker never does better than the book, and never takes the same depth twice."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.books import Level
from remora.domain.matching import (
    Funds,
    Match,
    Refusal,
    Refused,
    free_levels,
    match,
    match_resting,
    still_taken,
)
from remora.domain.money import ZERO, Side
from remora.domain.orders import OrderRequest, OrderType
from tests.domain.values import CONDITION, TOKEN, book, d, market

RICH = Funds(cash=d("1000000"), shares=d("1000000"))
CENTS = st.integers(1, 99).map(lambda cents: Decimal(cents) / 100)
SIZES = st.integers(1, 100_000).map(lambda hundredths: Decimal(hundredths) / 100)
LADDERS = st.dictionaries(CENTS, SIZES, min_size=1, max_size=8)


def request(side: Side = Side.BUY, **changes: object) -> OrderRequest:
    values: dict[str, object] = {
        "token_id": TOKEN,
        "condition_id": CONDITION,
        "side": side,
        "shares": d("100"),
        "limit_price": d("0.55") if side is Side.BUY else d("0.40"),
        "notional": d("55.00") if side is Side.BUY else None,
    }
    return OrderRequest(**(values | changes))  # type: ignore[arg-type]


def test_a_purchase_walks_the_asks_and_pays_a_fee_for_each_level() -> None:
    shown = book(asks=[("0.50", "20"), ("0.52", "1000")])

    met = match(request(), market=market(), book=shown, taken={}, funds=RICH)

    assert isinstance(met, Match)
    assert [(t.price, t.shares, t.dollars) for t in met.takings] == [
        (d("0.50"), d("20"), d("10")),
        (d("0.52"), d("86.538450"), d("44.999994")),
    ]
    assert [t.fee for t in met.takings] == [d("0.25000"), d("1.07999")]
    assert met.rest == 0


def test_what_we_took_is_not_there_again_until_more_is_shown() -> None:
    shown = book(asks=[("0.50", "20"), ("0.52", "1000")])
    claims = {d("0.50"): d("20"), d("0.52"): d("990")}

    assert free_levels(shown.asks, claims) == [Level(d("0.52"), d("10"))]
    shrunk = still_taken(claims, [Level(d("0.52"), d("500"))])
    assert shrunk == {d("0.52"): d("500")}
    assert free_levels([Level(d("0.50"), d("7")), Level(d("0.52"), d("520"))], shrunk) == [
        Level(d("0.50"), d("7")),
        Level(d("0.52"), d("20")),
    ]


@pytest.mark.parametrize(
    ("asked", "facts", "funds", "code"),
    [
        (request(), {"accepting_orders": False}, RICH, Refused.MARKET),
        (request(), {"closed": True}, RICH, Refused.MARKET),
        (request(limit_price=d("0.555")), {}, RICH, Refused.TICK),
        (request(shares=d("4")), {}, RICH, Refused.MINIMUM),
        (request(notional=d("0.99")), {}, RICH, Refused.MINIMUM),
        (request(notional=d("55.001")), {}, RICH, Refused.MINIMUM),
        (request(Side.SELL, shares=d("10.001")), {}, RICH, Refused.MINIMUM),
        (request(), {}, Funds(cash=d("55"), shares=ZERO), Refused.BALANCE),
        (request(Side.SELL), {}, Funds(cash=d("55"), shares=d("99.99")), Refused.BALANCE),
        (request(limit_price=d("0.49")), {}, RICH, Refused.FAK),
        (request(order_type=OrderType.FOK, notional=d("6000.00")), {}, RICH, Refused.FOK),
        (
            request(order_type=OrderType.GTC, notional=None, limit_price=d("0.12"), shares=d("5")),
            {"min_order_size": d("1")},
            RICH,
            None,
        ),
    ],
)
def test_the_venue_refuses_in_its_own_codes(
    asked: OrderRequest, facts: dict[str, object], funds: Funds, code: Refused | None
) -> None:
    met = match(asked, market=market(**facts), book=book(), taken={}, funds=funds)

    assert (met.code if isinstance(met, Refusal) else None) is code


def test_a_resting_order_gets_its_own_price_without_a_fee() -> None:
    crossing = book(asks=[("0.44", "30"), ("0.45", "100"), ("0.46", "100")], bids=[("0.43", "10")])

    got = match_resting(side=Side.BUY, shares=d("60"), limit_price=d("0.45"), book=crossing, taken={})

    assert [(t.price, t.level_price, t.shares, t.fee) for t in got] == [
        (d("0.45"), d("0.44"), d("30"), ZERO),
        (d("0.45"), d("0.45"), d("30"), ZERO),
    ]


@given(LADDERS, st.integers(100, 100_000), CENTS)
def test_a_purchase_spends_no_more_than_it_may_and_never_beyond_its_limit(
    asks: dict[Decimal, Decimal], cents: int, limit: Decimal
) -> None:
    notional = Decimal(cents) / 100
    shown = book(asks=[(str(p), str(s)) for p, s in sorted(asks.items())], bids=[])
    asked = request(notional=notional, limit_price=limit, shares=(notional / limit).quantize(d("0.01")))

    met = match(asked, market=market(), book=shown, taken={}, funds=RICH)

    if isinstance(met, Refusal):
        return
    assert all(taking.price <= limit for taking in met.takings)
    assert all(taking.shares <= asks[taking.price] for taking in met.takings)
    assert sum(taking.dollars for taking in met.takings) <= notional
    assert all(taking.dollars == taking.shares * taking.price for taking in met.takings), "whole millionths"


@given(LADDERS, st.lists(st.integers(500, 20_000), min_size=2, max_size=8))
def test_many_small_orders_take_no_more_than_the_book_shows(
    asks: dict[Decimal, Decimal], sizes: list[int]
) -> None:
    shown = book(asks=[(str(p), str(s)) for p, s in sorted(asks.items())], bids=[])
    claims: dict[Decimal, Decimal] = {}
    for size in sizes:
        asked = request(notional=None, shares=Decimal(size) / 100, limit_price=d("0.99"), order_type=OrderType.GTC)
        met = match(asked, market=market(), book=shown, taken=claims, funds=RICH)
        assert isinstance(met, Match)
        for taking in met.takings:
            claims[taking.level_price] = claims.get(taking.level_price, ZERO) + taking.shares

    assert all(claims[price] <= asks[price] for price in claims)
    assert sum(claims.values()) == min(sum(asks.values()), Decimal(sum(sizes)) / 100)
