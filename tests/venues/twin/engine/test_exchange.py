"""The exchange keeps price-time priority and loses neither money nor shares."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from remora.domain.ids import ConditionId, EventId, OrderDigest, TokenId
from remora.domain.money import Side, micros
from remora.domain.orders import OrderType
from remora.venues.twin.engine.exchange import Exchange
from remora.venues.twin.engine.records import NewOrder, Placed, Refusal
from remora.venues.twin.scenario.model import MarketSpec

NOW = datetime(2026, 11, 1, tzinfo=UTC)
YES, NO = TokenId("101"), TokenId("102")
CONDITION = ConditionId("0x" + "ab" * 32)
SPEC = MarketSpec(
    condition_id=CONDITION,
    question="Will it?",
    slug="will-it",
    event_id=EventId("1"),
    event_slug="it",
    event_title="It",
    category="politics",
    tags=(),
    labels=("Yes", "No"),
    tokens=(YES, NO),
    gamma_id="1",
    tick_size=Decimal("0.01"),
    min_order_size=Decimal(5),
    neg_risk=False,
    fee_rate=Decimal("0.04"),
    fee_exponent=1,
    rebate_rate=Decimal(0),
    start_at=NOW,
    end_at=NOW + timedelta(days=30),
    depth_usd=Decimal(1000),
)


def exchange() -> Exchange:
    made = Exchange(mined_after=timedelta(seconds=1), confirmed_after=timedelta(seconds=2))
    made.list_market(SPEC)
    return made


def order(
    number: int,
    side: Side,
    price: str,
    shares: str,
    *,
    owner: str = "0xa",
    token: TokenId = YES,
    kind: OrderType = OrderType.GTC,
    post_only: bool = False,
) -> NewOrder:
    dollars, size = micros(Decimal(price) * Decimal(shares)), micros(Decimal(shares))
    buying = side is Side.BUY
    return NewOrder(
        digest=OrderDigest(f"0x{number:064x}"),
        owner=owner,
        api_key=owner,
        token_id=token,
        side=side,
        maker_amount=dollars if buying else size,
        taker_amount=size if buying else dollars,
        order_type=kind,
        post_only=post_only,
        expiration=0,
        received_at=NOW,
    )


def place(to: Exchange, new: NewOrder) -> Placed | Refusal:
    return to.place(new, now=NOW, wall=NOW)


def funded(*owners: str) -> Exchange:
    made = exchange()
    for owner in owners:
        made.deposit(owner, Decimal(1000))
    return made


def ladder(to: Exchange, bid: str, ask: str, size: str = "1000") -> None:
    to.set_ladder(
        CONDITION,
        bids=[(Decimal(bid), Decimal(size))],
        asks=[(Decimal(ask), Decimal(size))],
        now=NOW,
        wall=NOW,
    )


def test_a_market_purchase_spends_its_dollars_and_pays_the_fee_on_top() -> None:
    made = funded("0xa")
    ladder(made, "0.48", "0.50")

    answer = place(made, order(1, Side.BUY, "0.52", "100", kind=OrderType.FAK))

    assert isinstance(answer, Placed)
    assert (answer.making, answer.taking) == (52_000_000, 104_000_000)
    assert made.account("0xa").cash == 1_000_000_000 - 52_000_000 - micros(Decimal("1.04"))
    made.assert_conserved()


def test_the_same_digest_is_taken_once() -> None:
    made = funded("0xa")
    ladder(made, "0.48", "0.50")
    first = order(1, Side.BUY, "0.50", "100", kind=OrderType.FAK)

    assert isinstance(place(made, first), Placed)
    again = place(made, first)

    assert isinstance(again, Refusal)
    assert "Duplicated" in again.error
    assert len(made.trades) == 1


def test_two_purchases_of_opposite_outcomes_mint_a_pair() -> None:
    made = funded("0xa", "0xb")
    place(made, order(1, Side.BUY, "0.40", "10"))

    answer = place(made, order(2, Side.BUY, "0.60", "10", owner="0xb", token=NO))

    assert isinstance(answer, Placed)
    assert made.account("0xa").shares == {YES: 10_000_000}
    assert made.account("0xb").shares == {NO: 10_000_000}
    assert made.listings[CONDITION].pool == 10_000_000
    made.assert_conserved()


def test_two_sales_of_opposite_outcomes_merge_a_pair() -> None:
    made = funded("0xa", "0xb")
    place(made, order(1, Side.BUY, "0.40", "10"))
    place(made, order(2, Side.BUY, "0.60", "10", owner="0xb", token=NO))
    place(made, order(3, Side.SELL, "0.45", "10"))

    place(made, order(4, Side.SELL, "0.55", "10", owner="0xb", token=NO))

    assert made.listings[CONDITION].pool == 0
    assert made.account("0xa").shares == {}
    made.assert_conserved()


def test_the_older_order_at_a_price_fills_first() -> None:
    made = funded("0xa", "0xb", "0xc")
    for number, owner in ((1, "0xa"), (2, "0xb")):
        place(made, order(number, Side.BUY, "0.40", "10", owner=owner))

    place(made, order(3, Side.BUY, "0.60", "10", owner="0xc", token=NO))

    assert made.account("0xa").shares == {YES: 10_000_000}
    assert made.account("0xb").shares == {}


def test_a_price_off_the_tick_is_refused_in_the_venues_words() -> None:
    answer = place(funded("0xa"), order(1, Side.BUY, "0.405", "100"))

    assert isinstance(answer, Refusal)
    assert "breaks minimum tick size rule: 0.01" in answer.error


def test_an_order_without_money_is_refused() -> None:
    answer = place(exchange(), order(1, Side.BUY, "0.40", "10"))

    assert isinstance(answer, Refusal)
    assert answer.error.startswith("not enough balance / allowance")


def test_a_resolution_cancels_orders_and_pays_the_winners() -> None:
    made = funded("0xa", "0xb")
    place(made, order(1, Side.BUY, "0.40", "10"))
    place(made, order(2, Side.BUY, "0.60", "10", owner="0xb", token=NO))
    place(made, order(3, Side.BUY, "0.30", "10"))

    made.resolve(CONDITION, (Decimal("0.5"), Decimal("0.5")), NOW)

    assert made.open_orders("0xa") == []
    assert made.redeem("0xa", CONDITION, NOW) == 5_000_000
    assert made.redeem("0xa", CONDITION, NOW) == 0
    assert made.redeem("0xb", CONDITION, NOW) == 5_000_000
    made.assert_conserved()


def test_settlement_moves_by_the_clock() -> None:
    made = funded("0xa")
    ladder(made, "0.48", "0.50")
    place(made, order(1, Side.BUY, "0.50", "10", kind=OrderType.FAK))
    (trade,) = made.trades.values()

    made.advance(now=NOW, wall=NOW + timedelta(seconds=1))
    assert trade.status.value == "MINED"
    assert trade.transaction_hash.startswith("0x")
    made.advance(now=NOW, wall=NOW + timedelta(seconds=2))

    assert trade.status.final


SIDES = st.sampled_from([Side.BUY, Side.SELL])
ORDERS = st.lists(
    st.tuples(
        SIDES,
        st.integers(1, 99),
        st.integers(5, 40),
        st.sampled_from(["0xa", "0xb", "0xc"]),
        st.sampled_from([YES, NO]),
        st.sampled_from([OrderType.GTC, OrderType.FAK, OrderType.FOK]),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(ORDERS, st.integers(2, 98))
def test_no_sequence_of_orders_creates_or_destroys_anything(
    rows: list[tuple[Side, int, int, str, TokenId, OrderType]], middle: int
) -> None:
    made = funded("0xa", "0xb", "0xc")
    ladder(made, f"0.{middle - 1:02}", f"0.{middle + 1:02}", "20")
    for number, (side, cents, shares, owner, token, kind) in enumerate(rows):
        new = order(number, side, f"0.{cents:02}", str(shares), owner=owner, token=token, kind=kind)
        before, alone = made.account(owner).cash, not made.open_orders(owner)
        answer = place(made, new)

        made.assert_conserved()
        if isinstance(answer, Placed) and side is Side.BUY and alone:
            assert before - made.account(owner).cash <= new.maker_amount * 104 // 100 + 1
        best_bid, best_ask = made.best(YES, Side.BUY), made.best(YES, Side.SELL)
        assert best_bid is None or best_ask is None or best_bid < best_ask
        mirrored = [(1_000_000 - price, size) for price, size in made.levels(YES, Side.BUY)]
        assert mirrored == made.levels(NO, Side.SELL)

    made.resolve(CONDITION, (Decimal(1), Decimal(0)), NOW)
    for owner in ("0xa", "0xb", "0xc"):
        made.redeem(owner, CONDITION, NOW)
    made.assert_conserved()
