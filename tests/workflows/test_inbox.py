"""What a position that ends hands on to its next run."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.money import Side
from remora.domain.trades import TradeSource
from schemas.position import SignalMessage
from workflows.position_inbox import Inbox

TOKEN = TokenId("7")
AT = datetime(2026, 11, 1, tzinfo=UTC)


def signal(number: int, side: Side) -> SignalMessage:
    """Return the `number`th trade of a whale."""
    return SignalMessage(
        key=f"k{number}",
        trade_keys=(f"k{number}",),
        whale=WalletAddress("0x" + "1" * 40),
        token_id=TOKEN,
        condition_id=ConditionId("0x" + "2" * 64),
        side=side,
        price=Decimal("0.5"),
        size=Decimal(10),
        happened_at=AT,
        seen_at=AT,
        source=TradeSource.RTDS,
    )


@given(st.lists(st.sampled_from(Side), max_size=12), st.integers(0, 3), st.integers(0, 3))
def test_everything_since_the_first_waiting_purchase_is_handed_on_in_order(
    sides: list[Side], bought: int, sold: int
) -> None:
    inbox = Inbox(TOKEN)
    trades = [signal(number, side) for number, side in enumerate(sides)]
    for trade in trades:
        inbox.put_trade(trade)
        inbox.put_trade(trade)
    del inbox.purchases[:bought]
    del inbox.sales[:sold]
    waiting = [trade for trade in trades if trade in (*inbox.purchases, *inbox.sales)]
    first = waiting.index(inbox.purchases[0]) if inbox.purchases else len(waiting)

    assert inbox.handed_on == waiting[first:]
