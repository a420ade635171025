"""Orders that two runs have in hand: what one has signed, the other does not give up."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import OrderDigest
from remora.domain.orders import OrderState, SignedOrder
from remora.storage import orders
from tests.storage.test_risk import NOW, ask, market, prepared


async def given_up(engine: AsyncEngine, order_id: str) -> OrderState:
    await orders.set_order_state(
        engine, order_id, OrderState.REJECTED, now=NOW, code="deadline", message="late", unsigned=True
    )
    return (await orders.load_order(engine, order_id)).state


async def set_aside(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        left = "SELECT count(*) FROM reservations WHERE released_at IS NULL"
        return int(await connection.scalar(text(left)) or 0)


async def test_an_order_that_was_signed_meanwhile_is_not_given_up_as_unsent(engine: AsyncEngine) -> None:
    await prepared(engine, whales=2)
    sent, unsent = [(await ask(engine, number, who=number, of=market(number))).order_id for number in (0, 1)]
    assert sent is not None
    assert unsent is not None
    await orders.attach_signed(engine, sent, SignedOrder(digest=OrderDigest("0x1"), payload="{}"), now=NOW)

    assert await given_up(engine, sent) is OrderState.UNKNOWN
    assert await set_aside(engine) == 2
    assert await given_up(engine, unsent) is OrderState.REJECTED
    assert await set_aside(engine) == 1
    # whoever meant to sign it finds that it is over
    late = SignedOrder(digest=OrderDigest("0x2"), payload="{}")
    assert await orders.attach_signed(engine, unsent, late, now=NOW) is None
