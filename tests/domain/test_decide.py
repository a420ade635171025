"""The decision core: each check alone, then everything at once under odd values."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.domain.books import OrderBook
from remora.domain.decide import (
    Copy,
    Decision,
    DeskSnapshot,
    Exposure,
    RosterStatus,
    Skip,
    WhaleStanding,
    decide,
)
from remora.domain.fees import taker_fee
from remora.domain.limits import Limits
from remora.domain.market import Market, MarketClass, ResolutionStatus
from remora.domain.money import ZERO, Side
from remora.domain.precision import CENT, SHARE_QUANTUM, entry_limit, on_tick
from remora.domain.reasons import DeskMode, SkipReason
from tests.domain.values import (
    NOW,
    TICKS,
    TOKEN,
    book,
    books,
    d,
    decided,
    decimals,
    desk,
    market,
    prices,
    signal,
    whale,
)


def refusal(decision: Decision) -> SkipReason:
    assert isinstance(decision, Skip), decision
    return decision.reason


def copy(decision: Decision) -> Copy:
    assert isinstance(decision, Copy), decision
    return decision


def test_a_proven_whales_purchase_is_copied_at_a_quarter_of_kelly_within_the_cap() -> None:
    made = copy(decided())

    # all-in cost .50 + .05 * .25 = .5125; Kelly .05 / .4875 = .10256; a quarter is .02564 of 10,000
    assert made.notional == d("256.41")
    assert made.limit_price == d("0.52")
    assert made.shares == d("493.09")
    assert made.expected_price == d("0.50")
    assert made.bound_by == "kelly"


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        (SkipReason.NOT_ON_ROSTER, {"whale": whale(on_roster=False)}),
        (SkipReason.ROSTER_STALE, {"whale": whale(published_at=None)}),
        (SkipReason.ROSTER_STALE, {"whale": whale(published_at=NOW - timedelta(hours=24, seconds=1))}),
        (SkipReason.DEMOTED, {"whale": whale(status=RosterStatus.DEMOTED)}),
        (SkipReason.PROBATION, {"whale": whale(status=RosterStatus.PROBATION), "desk": desk(live=True)}),
        (SkipReason.STALE, {"signal": signal(seen_at=NOW - timedelta(seconds=30.001))}),
        (SkipReason.FUTURE_DATED, {"signal": signal(happened_at=NOW + timedelta(seconds=6))}),
        (SkipReason.FUTURE_DATED, {"signal": signal(seen_at=NOW + timedelta(seconds=60))}),
        (SkipReason.PRICE_OUT_OF_RANGE, {"signal": signal(price=d("0"))}),
        (SkipReason.PRICE_OUT_OF_RANGE, {"signal": signal(price=d("1"))}),
        (SkipReason.PRICE_OUT_OF_RANGE, {"signal": signal(price=d("NaN"))}),
        (SkipReason.SIZE_OUT_OF_RANGE, {"signal": signal(size=d("0"))}),
        (SkipReason.SIZE_OUT_OF_RANGE, {"signal": signal(size=d("1e30"))}),
        (SkipReason.SIZE_OUT_OF_RANGE, {"signal": signal(size=d("Infinity"))}),
        (SkipReason.MALFORMED, {"market": market(fee_rate=d("-0.01"))}),
        (SkipReason.MALFORMED, {"whale": whale(edge=d("1.01"))}),
        (SkipReason.DESK_PAUSED, {"desk": desk(mode=DeskMode.PAUSED)}),
        (SkipReason.DESK_HALTED, {"desk": desk(mode=DeskMode.HALTED)}),
        (SkipReason.DAILY_LOSS, {"desk": desk(equity=d("9500"))}),
        (SkipReason.DAILY_LOSS, {"desk": desk(equity=d("9899"), day_start_equity=d("10399"))}),
        (SkipReason.OPPOSITE_HELD, {"exposure": Exposure(opposite_held=True)}),
        (SkipReason.ORDER_RATE, {"desk": desk(entry_orders_last_minute=10)}),
        (SkipReason.MARKET_CLOSED, {"market": market(closed=True)}),
        (SkipReason.MARKET_CLOSED, {"market": market(accepting_orders=False)}),
        (SkipReason.MARKET_CLASS, {"market": market(market_class=MarketClass.SHORT_CRYPTO)}),
        (SkipReason.MARKET_CLASS, {"market": market(market_class=MarketClass.UNCLASSIFIED)}),
        (SkipReason.VOLUME, {"market": market(volume_24h_usd=d("49999.99"))}),
        (SkipReason.TIME_TO_RESOLUTION, {"market": market(resolution=ResolutionStatus.PROPOSED)}),
        (SkipReason.TIME_TO_RESOLUTION, {"market": market(end_at=None)}),
        (SkipReason.TIME_TO_RESOLUTION, {"market": market(end_at=NOW + timedelta(hours=2, minutes=59))}),
        (SkipReason.NO_BOOK, {"book": None}),
        (SkipReason.NO_BOOK, {"book": book(asks=())}),
        (SkipReason.NO_BOOK, {"book": book(bids=())}),
        (SkipReason.NO_BOOK, {"book": book(bids=(("0.50", "10"),))}),
        (SkipReason.SPREAD, {"book": book(bids=(("0.48", "10"),))}),
        (SkipReason.DRIFT, {"signal": signal(price=d("0.47"))}),
        (SkipReason.NO_EDGE, {"whale": whale(edge=ZERO)}),
        (SkipReason.NO_EDGE, {"whale": whale(edge=d("-0.01"))}),
        (SkipReason.WHALE_SHARE, {"exposure": Exposure(whale=d("3000"))}),
        (SkipReason.POSITION_LIMIT, {"exposure": Exposure(position=d("500"))}),
        (SkipReason.MARKET_LIMIT, {"exposure": Exposure(market=d("1000"))}),
        (SkipReason.EVENT_LIMIT, {"exposure": Exposure(event=d("1500"))}),
        (SkipReason.CASH, {"desk": desk(cash=ZERO)}),
        (SkipReason.CASH, {"desk": desk(cash=d("-5"))}),
        (SkipReason.DEPTH, {"book": book(asks=(("0.50", "4"),))}),
        (SkipReason.CASH, {"desk": desk(cash=d("2"))}),
        (SkipReason.MARKET_LIMIT, {"exposure": Exposure(market=d("999"))}),
        (SkipReason.BELOW_MINIMUM, {"desk": desk(equity=d("9"), day_start_equity=d("9"))}),
        (SkipReason.BELOW_MINIMUM, {"market": market(min_order_size=d("100000"))}),
    ],
)
def test_each_check_refuses_with_its_own_reason(reason: SkipReason, changes: dict[str, object]) -> None:
    assert refusal(decided(**changes)) is reason


@pytest.mark.parametrize(
    "changes",
    [
        {"signal": signal(seen_at=NOW - timedelta(seconds=30))},
        {"whale": whale(status=RosterStatus.PROBATION)},
        {"desk": desk(equity=d("9500.01"))},
        {"desk": desk(entry_orders_last_minute=9)},
        {"market": market(volume_24h_usd=d("50000"))},
        {"market": market(end_at=NOW + timedelta(hours=3))},
        {"signal": signal(price=d("0.48"))},
    ],
)
def test_a_value_on_the_limit_passes(changes: dict[str, object]) -> None:
    copy(decided(**changes))


@pytest.mark.parametrize(
    ("bound", "dollars", "changes"),
    [
        ("whale_share", "100", {"exposure": Exposure(whale=d("2900"))}),
        ("position_limit", "100", {"exposure": Exposure(position=d("400"))}),
        ("market_limit", "100", {"exposure": Exposure(market=d("900"))}),
        ("event_limit", "100", {"exposure": Exposure(event=d("1400"))}),
        ("cash", "100", {"desk": desk(cash=d("105"))}),
        ("position_limit", "500", {"whale": whale(edge=d("0.4"))}),
        ("position_limit", "80", {"whale": whale(edge=d("0.4")), "limits": Limits(max_position_size_usd=d("80"))}),
        ("position_limit", "1000", {"whale": whale(edge=d("0.4")), "limits": Limits(position_share=d("0.9"))}),
        ("depth", "100", {"book": book(asks=(("0.50", "200"),))}),
        ("depth", "151", {"book": book(asks=(("0.50", "200"), ("0.51", "100"), ("0.55", "9000")))}),
    ],
)
def test_each_cap_binds_alone(bound: str, dollars: str, changes: dict[str, object]) -> None:
    made = copy(decided(**changes))

    assert made.bound_by == bound
    assert made.notional == d(dollars)


def test_a_halved_desk_takes_half_the_stake() -> None:
    assert copy(decided(desk=desk(scale=d("0.5")))).notional == d("128.20")


def test_an_unproven_wallet_takes_the_fixed_stake_whatever_its_edge() -> None:
    for edge in ("-0.5", "0", "0.4"):
        made = copy(decided(whale=whale(unproven=True, edge=d(edge))))
        assert made.notional == d("50")
        assert made.unproven


def test_an_unproven_wallet_still_needs_a_price_that_can_win() -> None:
    at_the_top = book(bids=(("0.998", "100"),), asks=(("0.999", "5000"),))
    decision = decided(
        whale=whale(unproven=True),
        book=at_the_top,
        signal=signal(price=d("0.999")),
        market=market(tick_size=d("0.001")),
    )

    assert refusal(decision) is SkipReason.NO_EDGE


@given(price=decimals("0.0001", "0.9999", 6), tick=st.sampled_from(TICKS))
def test_the_entry_limit_is_a_valid_price_at_most_the_allowance_above_the_whales(
    price: Decimal, tick: Decimal
) -> None:
    limit = entry_limit(price, tick, Limits())

    assert on_tick(limit, tick)
    assert limit <= max(price + max(2 * tick, d("0.02")), tick)


money = decimals("-1000", "1000000000", 6)
anything = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=d("-1e15"), max_value=d("1e15"), places=6),
    decimals("0", "1", 6),
    st.sampled_from([d("100000"), d("0.5"), d("5"), d("1e15"), d("-1e15"), d("1e-6"), d("1e-400"), d("1e400")]),
)
moments = st.datetimes(datetime(2026, 5, 1), datetime(2026, 5, 30)).map(lambda t: t.replace(tzinfo=NOW.tzinfo))  # noqa: DTZ001


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    share = decimals("0.000001", "1", 6)
    return Limits(
        kelly_fraction=draw(share),
        position_share=draw(share),
        max_position_size_usd=draw(decimals("0.01", "10000000", 2)),
        unproven_share=draw(share),
        market_share=draw(share),
        event_share=draw(share),
        whale_share=draw(share),
        spread_max=draw(share),
        drift_min_usd=draw(decimals("0", "0.5", 4)),
        volume_24h_min_usd=ZERO,
        max_daily_loss_usd=d("1e12"),
        daily_loss_share=d("1"),
    )


@st.composite
def situations(draw: st.DrawFn) -> dict[str, object]:
    tick = draw(st.sampled_from(TICKS))
    ladder = draw(books(tick, two_sided=True))
    equity = draw(money)
    return {
        "signal": signal(price=draw(st.one_of(prices(tick), st.just(ladder.asks[0].price))), size=d("10")),
        "market": market(
            tick_size=tick,
            min_order_size=draw(st.sampled_from([d("1"), d("5"), d("15")])),
            fee_rate=draw(decimals("0", "0.2", 4)),
            fee_exponent=draw(st.integers(1, 3)),
        ),
        "book": ladder,
        "whale": whale(edge=draw(decimals("-1", "1", 6)), unproven=draw(st.booleans())),
        "desk": desk(
            scale=draw(st.sampled_from([d("1"), d("0.5")])),
            equity=equity,
            day_start_equity=equity,
            cash=draw(money),
        ),
        "exposure": Exposure(
            position=draw(money.map(abs)),
            market=draw(st.one_of(st.just(ZERO), money.map(abs))),
            event=draw(st.one_of(st.just(ZERO), money.map(abs))),
            whale=draw(st.one_of(st.just(ZERO), money.map(abs))),
        )
        if draw(st.booleans())
        else Exposure(),
        "limits": draw(limits()),
    }


@settings(max_examples=400, deadline=None)
@given(situation=situations())
def test_no_copy_ever_exceeds_any_limit_or_leaves_the_venues_grid(situation: dict[str, object]) -> None:
    decision = decided(**situation)

    if isinstance(decision, Skip):
        return
    rules, row, held = situation["limits"], situation["desk"], situation["exposure"]
    venue, ladder = situation["market"], situation["book"]
    assert isinstance(rules, Limits)
    assert isinstance(row, DeskSnapshot)
    assert isinstance(held, Exposure)
    assert isinstance(venue, Market)
    assert isinstance(ladder, OrderBook)
    spent = decision.notional
    assert spent + held.position <= min(rules.position_share, d("0.10")) * row.equity * row.scale
    assert spent + held.position <= rules.max_position_size_usd * row.scale
    assert spent + held.market <= rules.market_share * row.equity
    assert spent + held.event <= rules.event_share * row.equity
    assert spent + held.whale <= rules.whale_share * row.equity
    assert decision.reserve <= row.cash + d("0.01")
    assert spent <= ladder.depth(Side.BUY, d("1e12"), decision.limit_price).notional
    assert spent >= rules.marketable_buy_min_usd
    assert decision.shares >= venue.min_order_size
    assert spent % CENT == 0
    assert decision.shares % SHARE_QUANTUM == 0
    assert decision.shares * decision.limit_price <= spent
    assert on_tick(decision.limit_price, venue.tick_size)
    assert ladder.asks[0].price <= decision.expected_price <= decision.limit_price
    bought = ladder.depth(Side.BUY, decision.shares, decision.limit_price)
    assert bought.average is not None
    fee = taker_fee(bought.shares, min(bought.average, d("1")), venue.fee_rate, venue.fee_exponent)
    assert decision.reserve >= bought.notional + fee


@settings(max_examples=300, deadline=None)
@given(situation=situations())
def test_the_same_situation_is_always_decided_the_same(situation: dict[str, object]) -> None:
    assert decided(**situation) == decided(**situation)


@settings(max_examples=300, deadline=None)
@given(
    price=anything,
    size=anything,
    equity=anything,
    cash=anything,
    mark=anything,
    edge=anything,
    held=anything,
    volume=anything,
    fee_rate=anything,
    minimum=anything,
    now=moments,
    seen=moments,
    end=st.one_of(st.none(), moments),
    orders=st.integers(-5, 10**9),
    ladder=st.one_of(st.none(), books()),
)
def test_whatever_comes_in_a_decision_comes_out(
    price: Decimal,
    size: Decimal,
    equity: Decimal,
    cash: Decimal,
    mark: Decimal,
    edge: Decimal,
    held: Decimal,
    volume: Decimal,
    fee_rate: Decimal,
    minimum: Decimal,
    now: datetime,
    seen: datetime,
    end: datetime | None,
    orders: int,
    ladder: OrderBook | None,
) -> None:
    decision = decide(
        signal(price=price, size=size, seen_at=seen),
        market=market(volume_24h_usd=volume, end_at=end, fee_rate=fee_rate, min_order_size=minimum),
        book=ladder,
        whale=WhaleStanding(
            on_roster=True, unproven=False, edge=edge, status=RosterStatus.ACTIVE, published_at=now
        ),
        desk=desk(equity=equity, cash=cash, day_start_equity=mark, entry_orders_last_minute=orders),
        exposure=Exposure(position=held, market=held, event=held, whale=held),
        limits=Limits(),
        now_wall=now,
        now_venue=now,
    )

    assert isinstance(decision, Copy | Skip)


@pytest.mark.parametrize("bad", ["NaN", "sNaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400"])
def test_numbers_that_are_none_are_refused_not_raised(bad: str) -> None:
    number = d(bad)
    for changes in (
        {"signal": signal(price=number)},
        {"signal": signal(size=number)},
        {"whale": whale(edge=number)},
        {"market": market(volume_24h_usd=number)},
        {"market": market(fee_rate=number)},
        {"market": market(min_order_size=number)},
        {"desk": desk(equity=number)},
        {"desk": desk(cash=number)},
        {"desk": desk(day_start_equity=number)},
        {"exposure": Exposure(market=number)},
        {"book": OrderBook(token_id=TOKEN, bids=(), asks=(), as_of=NOW, tick_size=number)},
        {"book": book(asks=((bad, "100"),))},
        {"book": book(asks=(("0.50", bad),))},
        {"book": book(bids=((bad, "100"),))},
    ):
        assert isinstance(decided(**changes), Copy | Skip)
