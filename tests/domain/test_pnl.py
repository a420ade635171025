"""A position's books conserve cash and shares whatever order its fills arrive in."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from remora.domain.money import ZERO, Side
from remora.domain.orders import Fill, FillStatus
from remora.domain.pnl import PositionBooks, Redemption, position_books
from tests.domain.values import NOW, d, decimals, fill

EXACT = d("1e-15")
statuses = st.sampled_from(list(FillStatus))
fills = st.lists(
    st.builds(
        lambda number, side, shares, price, fee, status: replace(
            fill(number, side, "1", "0.5"), shares=shares, price=price, fee=fee, status=status
        ),
        st.integers(0, 10**6),
        st.sampled_from(list(Side)),
        decimals("0.01", "100000", 6),
        decimals("0.01", "0.99", 2),
        decimals("0", "100", 5),
        statuses,
    ),
    max_size=12,
    unique_by=lambda f: f.trade_id,
)
redemptions = st.lists(st.builds(Redemption, decimals("0.01", "1000", 6), decimals("0", "1000", 6)), max_size=3)


def test_a_round_trip_gains_the_difference_less_all_fees() -> None:
    books = position_books([fill(1, Side.BUY, "100", "0.40"), fill(2, Side.SELL, "100", "0.50")])

    assert books.shares == 0
    assert books.realised_pnl == d("9.98")


def test_a_partial_sale_keeps_the_average_and_realises_its_part() -> None:
    books = position_books(
        [
            fill(1, Side.BUY, "100", "0.40"),
            fill(2, Side.BUY, "100", "0.60"),
            fill(3, Side.SELL, "50", "0.70"),
        ]
    )

    assert books.average_price == d("0.5")
    assert books.shares == d("150")
    assert books.cost == d("75")
    assert books.realised_pnl == d("9.97")


def test_a_purchase_after_a_sale_moves_nothing_that_was_gained() -> None:
    times = [NOW + timedelta(seconds=number) for number in range(3)]
    sold = [
        fill(1, Side.BUY, "100", "0.30", matched_at=times[0]),
        fill(2, Side.SELL, "50", "0.40", matched_at=times[1]),
    ]
    again = [*sold, fill(3, Side.BUY, "100", "0.50", matched_at=times[2])]

    before, after = position_books(sold), position_books(again)

    assert before.realised_pnl == d("4.98")
    assert after.realised_pnl == before.realised_pnl - d("0.01")  # its fee
    assert (after.cost, after.shares) == (d("65"), d("150"))
    assert after.average_price == d("65") / d("150")


def test_a_redemption_counts_as_a_sale_at_the_payout() -> None:
    books = position_books([fill(1, Side.BUY, "100", "0.40")], [Redemption(d("100"), d("100"))])

    assert books.shares == 0
    assert books.realised_pnl == d("59.99")


def test_without_fills_there_is_nothing() -> None:
    books = position_books([])

    assert books == PositionBooks()
    assert books.average_price is None
    assert books.shares == books.cost == books.realised_pnl == 0


@given(made=fills, redeemed=redemptions, data=st.data())
def test_the_order_of_arrival_and_redelivery_change_nothing(
    made: list[Fill], redeemed: list[Redemption], data: st.DataObject
) -> None:
    again = data.draw(
        st.permutations(made + (data.draw(st.lists(st.sampled_from(made), max_size=5)) if made else []))
    )

    assert position_books(again, redeemed) == position_books(made, redeemed)


@given(made=fills, redeemed=redemptions)
def test_shares_and_cash_are_conserved(made: list[Fill], redeemed: list[Redemption]) -> None:
    books = position_books(made, redeemed)
    stood = [f for f in made if f.status is not FillStatus.FAILED]
    shares = sum((f.shares if f.side is Side.BUY else -f.shares for f in stood), ZERO)
    cash = sum((f.shares * f.price * (-1 if f.side is Side.BUY else 1) - f.fee for f in stood), ZERO)

    assert books.shares == shares - sum((r.shares for r in redeemed), ZERO)
    assert books.proceeds - books.bought_notional - books.fees == cash + sum((r.payout for r in redeemed), ZERO)
    if books.average_price is not None:
        change = books.proceeds - books.bought_notional - books.fees
        assert abs(books.cost + change - books.realised_pnl) < EXACT * (1 + abs(books.proceeds))


@given(made=fills, lost=statuses)
def test_a_failed_fill_leaves_no_trace_whatever_was_said_of_it_before(made: list[Fill], lost: FillStatus) -> None:
    hit = fill(10**7, Side.BUY, "50", "0.30", status=lost)
    failed = replace(hit, status=FillStatus.FAILED)

    assert position_books([hit, *made, failed]) == position_books(made)
    assert position_books([failed, *made, hit]) == position_books(made)


@given(made=fills)
def test_settlement_progress_changes_nothing(made: list[Fill]) -> None:
    settled = [f if f.status is FillStatus.FAILED else replace(f, status=FillStatus.CONFIRMED) for f in made]

    assert position_books(settled) == position_books(made)


def test_average_price_lies_between_the_fills() -> None:
    books = position_books([fill(1, Side.BUY, "3", "0.10"), fill(2, Side.BUY, "7", "0.20")])

    assert books.average_price is not None
    assert Decimal("0.10") < books.average_price < Decimal("0.20")
