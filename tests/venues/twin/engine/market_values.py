"""A market and orders for tests of the engine."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from remora.domain.ids import ConditionId, EventId, OrderDigest, TokenId
from remora.domain.money import Side, micros
from remora.domain.orders import OrderType
from remora.venues.twin.engine.exchange import Exchange
from remora.venues.twin.engine.records import NewOrder, Placed, Refusal
from remora.venues.twin.scenario.model import MarketSpec

NOW = datetime(2026, 11, 1, tzinfo=UTC)
YES, NO = TokenId("101"), TokenId("102")
CONDITION = ConditionId("0x" + "ab" * 32)
MINED_AFTER, CONFIRMED_AFTER = timedelta(seconds=1), timedelta(seconds=2)


def spec(
    *,
    tick: str = "0.01",
    fee_rate: str = "0.04",
    tokens: tuple[TokenId, TokenId] = (YES, NO),
    neg_risk: bool = False,
) -> MarketSpec:
    """Return a market with five shares as minimum."""
    return MarketSpec(
        condition_id=CONDITION,
        question="Will it?",
        slug="will-it",
        event_id=EventId("1"),
        event_slug="it",
        event_title="It",
        category="politics",
        tags=("politics",),
        labels=("Yes", "No"),
        tokens=tokens,
        gamma_id="1",
        tick_size=Decimal(tick),
        min_order_size=Decimal(5),
        neg_risk=neg_risk,
        fee_rate=Decimal(fee_rate),
        fee_exponent=1,
        rebate_rate=Decimal(0),
        start_at=NOW,
        end_at=NOW + timedelta(days=30),
        depth_usd=Decimal(1000),
    )


def exchange(listed: MarketSpec | None = None) -> Exchange:
    """Return an exchange with one market."""
    made = Exchange(mined_after=MINED_AFTER, confirmed_after=CONFIRMED_AFTER)
    made.list_market(listed or spec())
    return made


def funded(*owners: str, cash: str = "1000", listed: MarketSpec | None = None) -> Exchange:
    """Return an exchange on which `owners` have dollars."""
    made = exchange(listed)
    for owner in owners:
        made.deposit(owner, Decimal(cash))
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
    expiration: int = 0,
) -> NewOrder:
    """Return an order for `shares`; a market purchase spends what they cost at `price`."""
    dollars, size = micros(Decimal(price) * Decimal(shares)), micros(Decimal(shares))
    buying = side is Side.BUY
    return NewOrder(
        digest=OrderDigest(f"0x{number:064x}"),
        owner=owner,
        api_key=f"key-{owner}",
        token_id=token,
        side=side,
        maker_amount=dollars if buying else size,
        taker_amount=size if buying else dollars,
        order_type=kind,
        post_only=post_only,
        expiration=expiration,
        received_at=NOW,
    )


def place(to: Exchange, new: NewOrder) -> Placed | Refusal:
    """Place an order at `NOW`."""
    return to.place(new, now=NOW, wall=NOW)


def accepted(to: Exchange, new: NewOrder) -> Placed:
    """Place an order that must be accepted."""
    answer = place(to, new)
    assert isinstance(answer, Placed), answer
    return answer


def refused(to: Exchange, new: NewOrder) -> Refusal:
    """Place an order that must be refused."""
    answer = place(to, new)
    assert isinstance(answer, Refusal), answer
    return answer


def ladder(to: Exchange, *, bids: dict[str, str] | None = None, asks: dict[str, str] | None = None) -> None:
    """Set the synthetic depth from prices to shares."""
    to.set_ladder(
        CONDITION,
        bids=[(Decimal(price), Decimal(size)) for price, size in (bids or {}).items()],
        asks=[(Decimal(price), Decimal(size)) for price, size in (asks or {}).items()],
        now=NOW,
        wall=NOW,
    )
