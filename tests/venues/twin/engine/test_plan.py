"""Amounts of a match are exact, whoever meets whom in whatever pieces."""

from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from remora.domain.ids import TokenId
from remora.domain.matching import RESIDUE
from remora.domain.money import Side
from remora.domain.orders import OrderType
from remora.venues.twin.engine.plan import fills_whole, levels, meet
from remora.venues.twin.engine.records import UNIT, RestingOrder
from tests.venues.twin.engine.market_values import (
    CONDITION,
    NO,
    NOW,
    YES,
    accepted,
    funded,
    ladder,
    order,
    refused,
)

PRICES = st.integers(1, 9_999).map(lambda steps: steps * 100)
SIDES = st.sampled_from(Side)


def resting(side: Side, price: int, shares: int, token: TokenId = YES, dollars: int | None = None) -> RestingOrder:
    outcome = 0 if token == YES else 1
    return RestingOrder(
        digest=order(1, side, "0.5", "5").digest,
        owner="0xa",
        api_key="",
        condition_id=CONDITION,
        token_id=token,
        outcome=outcome,
        side=side,
        price=price,
        size=shares,
        remaining=shares,
        order_type=OrderType.GTC,
        created_at=NOW,
        expires_at=None,
        received_at=NOW,
        dollars_left=dollars,
    )


@given(SIDES, PRICES, st.lists(st.integers(1, 5_000_000), min_size=1, max_size=12), st.booleans())
def test_a_maker_filled_in_pieces_gets_its_price_to_the_millionth(
    side: Side, price: int, pieces: list[int], minted: bool
) -> None:
    maker = resting(side, price, sum(pieces))
    reserved, moved = maker.reserved_dollars, 0
    for piece in pieces:
        taker = resting(side, UNIT - price, piece, NO) if minted else resting(side.opposite, price, piece, YES)
        (step,) = meet(taker, [maker])
        moved += step.maker_dollars
        maker.made += step.shares
        maker.remaining -= step.shares
        assert step.maker_dollars + step.taker_dollars == (step.shares if minted else 2 * step.taker_dollars)
        assert side is Side.SELL or maker.reserved_dollars == reserved - moved

    exact = Decimal(sum(pieces)) * price / UNIT
    assert 0 <= (moved - exact if side is Side.BUY else exact - moved) < 1


@given(
    st.integers(100, 10**9).map(lambda cents: cents * 10_000),
    st.lists(st.tuples(PRICES, st.integers(1, 10**8)), min_size=1, max_size=8),
    st.booleans(),
)
@example(dollars=1_000_000, rows=[(581_700, 1_710_001)], minted=False)
@example(dollars=1_000_000, rows=[(581_700, 1_710_000), (590_000, 5)], minted=True)
def test_a_market_purchase_never_spends_more_than_its_dollars(
    dollars: int, rows: list[tuple[int, int]], minted: bool
) -> None:
    makers = sorted(
        (
            resting(Side.BUY, UNIT - price, shares, NO) if minted else resting(Side.SELL, price, shares)
            for price, shares in rows
        ),
        key=lambda maker: maker.book_price,
    )
    taker = resting(Side.BUY, UNIT - 100, 1, dollars=dollars)

    steps = meet(taker, makers)

    spent = sum(step.taker_dollars for step in steps)
    assert spent <= dollars
    if fills_whole(taker, steps):
        assert dollars - spent < RESIDUE
    else:
        assert [step.shares for step in steps] == [maker.remaining for maker in makers], "the book was not used up"
    assert [price for group in levels(steps) for price in {step.price for step in group}] == sorted(
        {step.price for step in steps}
    )


def test_a_purchase_needs_its_limit_and_the_fee_on_what_it_takes() -> None:
    made = funded("0xa", cash="51.00")
    ladder(made, asks={"0.50": "1000"})

    accepted(made, order(1, Side.BUY, "0.50", "100", kind=OrderType.FAK))

    assert made.account("0xa").cash == 0
    short = funded("0xa", cash="50.99999")
    ladder(short, asks={"0.50": "1000"})
    assert "not enough balance" in refused(short, order(1, Side.BUY, "0.50", "100", kind=OrderType.FAK)).error


def test_a_resting_purchase_needs_no_fee() -> None:
    accepted(funded("0xa", cash="50"), order(1, Side.BUY, "0.50", "100"))
