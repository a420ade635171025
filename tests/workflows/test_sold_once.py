"""What was sold is not sold again: not by another run of a position, and not because the venue tells it late."""

import asyncio
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from temporalio.client import WorkflowUpdateFailedError

from activities.tools import Patience
from remora.domain.ids import ConditionId, OrderDigest
from remora.domain.orders import Fill, OrderLookup, Rejected, SendOutcome, SignedOrder, Unknown
from remora.domain.reasons import ExitReason
from remora.storage.books import our_books
from schemas.position import (
    CloseRequest,
    PositionSnapshot,
    Reduce,
    Resolution,
    ResolveUnknownRequest,
)
from tests.fixtures.waiting import until
from workflows.position import PositionWorkflow

from .conftest import ACCOUNT, Stack, d

pytestmark = pytest.mark.system


async def halve(stack: Stack, key: str) -> None:
    """Tell the position to sell a half."""
    half = Reduce(share=d("0.5"), reason=ExitReason.REDUCED, by="limits", key=key)
    await stack.handle().signal(PositionWorkflow.reduce, half)


async def holds(stack: Stack, shares: Decimal) -> PositionSnapshot:
    """Return the open position once it holds about so many shares."""

    async def look() -> PositionSnapshot:
        return await stack.handle().query(PositionWorkflow.state)

    found: PositionSnapshot = await until(look, lambda view: abs(view.shares - shares) <= d("0.02"), looks=200)
    return found


async def test_a_run_that_takes_over_sells_under_names_of_its_own(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    before = await stack.reaches("open")
    await halve(stack, "one")
    await holds(stack, before.shares / 2)
    stack.venue.refuse = True
    sent = len(stack.venue.sent)
    await halve(stack, "two")

    async def tried() -> int:
        return len(stack.venue.sent) - sent

    await until(tried, lambda count: count == 3)
    await stack.take_over(before.position_id)
    stack.venue.refuse = False
    # the half of what is left, although the run before has sold a half and was refused another
    await halve(stack, "three")
    await holds(stack, before.shares / 4)
    left = await stack.handle().execute_update(PositionWorkflow.close, CloseRequest(by="me"))

    assert left.state == "closed"
    assert (await our_books(stack.engine, ACCOUNT)).shares == {}
    # bytes that were refused, or that filled, are never sent again
    assert max(Counter(stack.venue.sent).values()) == 1


async def test_a_sale_that_filled_unseen_is_not_made_again_for_lack_of_shares(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    send, look_up, sent = stack.venue.send, stack.venue.look_up, Counter[OrderDigest]()

    async def lost_and_then_short(order: SignedOrder) -> SendOutcome:
        sent[order.digest] += 1
        if sent[order.digest] > 1:
            short = "not enough balance / allowance"
            return Rejected(digest=order.digest, code="not_enough_balance", message=short)
        await send(order)
        return Unknown(digest=order.digest, cause="the reply was lost")

    async def shown_late(digest: OrderDigest, *, condition_id: ConditionId, may_rest: bool = True) -> OrderLookup:
        if sent[digest] < 2:
            return OrderLookup(digest=digest, found=False, live=False, fills=())
        return await look_up(digest, condition_id=condition_id)

    monkeypatch.setattr(stack.venue, "send", lost_and_then_short)
    monkeypatch.setattr(stack.venue, "look_up", shown_late)
    left = await stack.handle().execute_update(PositionWorkflow.close, CloseRequest(by="me"))

    assert (left.state, list(sent.values())) == ("closed", [2])
    assert (await our_books(stack.engine, ACCOUNT)).shares == {}


class TestAListThatLags:
    """The list of trades shows one part of a sale a while before the other."""

    @pytest.fixture
    def patience(self, patience: Patience) -> Patience:
        """Look as often as in production."""
        return replace(patience, looks=24, resend_after=6)

    async def test_what_fills_in_parts_that_show_one_after_the_other_is_one_sale(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await stack.deliver(stack.trade())
        await stack.reaches("open")
        send, looks = stack.venue.send, Counter[OrderDigest]()

        async def lost(order: SignedOrder) -> SendOutcome:
            await send(order)
            return Unknown(digest=order.digest, cause="the reply was lost")

        async def in_parts(
            digest: OrderDigest, *, condition_id: ConditionId, may_rest: bool = True
        ) -> OrderLookup:
            looks[digest] += 1
            [whole] = stack.venue.fills_of[digest]
            parts: tuple[Fill, ...] = (
                replace(whole, trade_id="first", shares=whole.shares - 7),
                replace(whole, trade_id="second", shares=d(7)),
            )
            shown = parts[:1] if looks[digest] < 6 else parts
            return OrderLookup(digest=digest, found=True, live=False, fills=shown)

        monkeypatch.setattr(stack.venue, "send", lost)
        monkeypatch.setattr(stack.venue, "look_up", in_parts)
        left = await stack.handle().execute_update(PositionWorkflow.close, CloseRequest(by="me"))

        assert (left.state, len(looks)) == ("closed", 1)
        assert (await our_books(stack.engine, ACCOUNT)).shares == {}


async def test_a_sale_of_unknown_fate_is_a_persons_to_tell_also_while_the_resolution_is_awaited(
    stack: Stack,
) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    stack.venue.bid = None
    close = CloseRequest(by="me")
    assert (await stack.handle().execute_update(PositionWorkflow.close, close)).state == "awaiting_resolution"
    stack.venue.bid, stack.venue.lost = d("0.49"), True
    before = len(stack.venue.sent)
    await stack.handle().execute_update(PositionWorkflow.close, close)
    # answered once what was asked for was tried
    assert len(stack.venue.sent) > before
    doubtful = await stack.reaches("needs_attention")
    found = ResolveUnknownRequest(digest=stack.venue.sent[-1], outcome=Resolution.NONE, by="me")
    async with asyncio.timeout(30):
        await stack.handle().execute_update(PositionWorkflow.resolve_unknown, found)
    stack.venue.lost = False
    await stack.reaches("awaiting_resolution")
    assert (await stack.handle().execute_update(PositionWorkflow.close, close)).state == "closed"
    result = await stack.handle().result()

    assert found.digest in (doubtful.attention or "")
    assert (result.state, result.exit_reason) == ("closed", "operator")
    assert (await our_books(stack.engine, ACCOUNT)).shares == {}


async def test_a_finding_that_cannot_be_booked_is_refused_and_leaves_the_order_open(stack: Stack) -> None:
    stack.venue.lost = True
    await stack.deliver(stack.trade())
    await stack.reaches("needs_attention")
    digest = stack.venue.sent[0]
    mistyped = ResolveUnknownRequest(
        digest=digest, outcome=Resolution.FILLED, shares=d(1_000_000), price=d("0.5"), by="me"
    )
    async with asyncio.timeout(30):
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await stack.handle().execute_update(PositionWorkflow.resolve_unknown, mistyped)
    assert "cannot be booked" in str(refused.value.cause)
    assert (await stack.reaches("needs_attention")).shares == 0
    none = ResolveUnknownRequest(digest=digest, outcome=Resolution.NONE, by="me")
    await stack.handle().execute_update(PositionWorkflow.resolve_unknown, none)

    assert (await stack.handle().result()).state == "unfilled"
    assert (await our_books(stack.engine, ACCOUNT)).cash == d(10_000)
