"""Comparing our books with the exchange's: every disagreement has one name, and agreement has none."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from remora.domain.ids import OrderDigest, TokenId
from remora.domain.money import Side
from remora.domain.orders import Fill, FillStatus
from remora.domain.reconcile import KnownFill, compare_cash, compare_fills, compare_shares, look_again

SHARES = st.decimals(0, 1000, places=6)
BOOKS = st.dictionaries(st.sampled_from("abcdef").map(TokenId), SHARES.filter(bool))


def fill(trade: str, digest: str = "0x1", *, status: FillStatus = FillStatus.CONFIRMED, shares: str = "5") -> Fill:
    return Fill(
        trade_id=trade,
        order_digest=OrderDigest(digest),
        token_id=TokenId("1"),
        side=Side.BUY,
        shares=Decimal(shares),
        price=Decimal("0.5"),
        fee=Decimal(0),
        status=status,
        matched_at=datetime(2026, 1, 1, tzinfo=UTC),
        transaction_hash="",
    )


def known(*fills: Fill) -> dict[tuple[str, OrderDigest], KnownFill]:
    return {(one.trade_id, one.order_digest): KnownFill(one.shares, one.price, one.status) for one in fills}


def test_every_fill_of_the_exchange_falls_into_one_class() -> None:
    ours = [fill("a"), fill("b", status=FillStatus.MATCHED), fill("c")]
    theirs = [fill("a"), fill("b"), fill("c", shares="6"), fill("d"), fill("e", "0x2")]
    found = compare_fills(known(*ours), theirs, placed={OrderDigest("0x1")})

    assert [one.trade_id for one in found.missed] == ["d"]
    assert [one.trade_id for one in found.moved] == ["b"]
    assert [one.trade_id for one in found.foreign] == ["e"]
    assert [(one.code, one.ours, one.theirs) for one in found.contradictions] == [
        ("fill_contradicts", "5 at 0.5", "6 at 0.5")
    ]


def test_a_final_fill_is_not_moved_back_by_a_stale_list() -> None:
    found = compare_fills(known(fill("a")), [fill("a", status=FillStatus.MATCHED)], placed={OrderDigest("0x1")})

    assert (found.missed, found.moved, found.foreign, found.contradictions) == ((), (), (), ())


def test_two_ends_of_one_fill_contradict_each_other() -> None:
    failed, confirmed = fill("a", status=FillStatus.FAILED), fill("a")
    for ours, theirs in ((failed, confirmed), (confirmed, failed)):
        found = compare_fills(known(ours), [theirs], placed={OrderDigest("0x1")})

        assert (found.missed, found.moved, found.foreign) == ((), (), ())
        assert [(one.code, one.ours, one.theirs) for one in found.contradictions] == [
            ("fill_contradicts", ours.status.value, theirs.status.value)
        ]


@given(BOOKS, BOOKS)
def test_shares_differ_exactly_where_the_books_do(
    ours: dict[TokenId, Decimal], theirs: dict[TokenId, Decimal]
) -> None:
    found = {one.subject: one.code for one in compare_shares(ours, theirs)}
    for token in ours.keys() | theirs.keys():
        held, shown = ours.get(token, Decimal(0)), theirs.get(token, Decimal(0))
        expected = None if held == shown else ("shares_higher" if shown > held else "shares_lower")
        assert found.get(token) == expected


def test_cash_that_the_exchange_lacks_is_lower() -> None:
    assert compare_cash(Decimal("5.000000"), Decimal(5), account="x") == []
    assert [one.code for one in compare_cash(Decimal(5), Decimal("4.999999"), account="x")] == ["cash_lower"]
    assert [one.code for one in compare_cash(Decimal(5), Decimal("5.000001"), account="x")] == ["cash_higher"]


def test_an_order_of_unknown_fate_is_looked_up_ever_more_rarely_and_never_given_up() -> None:
    due = [minute for minute in range(3 * 1440) if look_again(timedelta(minutes=minute, seconds=30))]
    pauses = [later - sooner for sooner, later in itertools.pairwise(due)]

    assert due[:8] == list(range(8))
    assert max(pauses) < 90
    assert pauses[-1] == 60
    assert len(due) < 120
