"""How a position reads in the Web UI."""

from decimal import Decimal

from remora.domain.ids import AccountId, ConditionId, TokenId, WalletAddress
from remora.domain.reasons import PositionState, SkipReason
from schemas.position import PositionSnapshot
from workflows.position_story import story

HELD = PositionSnapshot(
    position_id="p1",
    workflow_id="w",
    account=AccountId("0xee"),
    whale=WalletAddress("0xaa"),
    token_id=TokenId("71"),
    condition_id=ConditionId("0xc1"),
    question="Will it rain?",
    outcome="Yes",
    state=PositionState.OPEN,
    shares=Decimal("19.607800"),
    average_price=Decimal("0.510000"),
    cost=Decimal("10.000000"),
    stop_price=Decimal("0.4335"),
    target_price=Decimal("0.6630"),
)


def test_numbers_are_plain_and_the_list_follows_an_empty_line() -> None:
    title, state, *items = story(HELD).split("\n\n")

    assert (title, state) == ("### Will it rain? · Yes", "**open**")
    assert items == ["- 19.6078 shares at 0.51, cost $10, fees $0\n- stop 0.4335, target 0.663\n- copies `0xaa`"]


def test_a_skip_says_why() -> None:
    skipped = HELD.model_copy(
        update={"state": PositionState.SKIPPED, "skip_reason": SkipReason.STALE, "shares": 0, "cost": 0}
    )

    assert "- skipped: `stale`" in story(skipped)


def test_what_needs_attention_stands_out() -> None:
    lost = HELD.model_copy(update={"attention": "order 0x1 could not be looked up"})

    assert "- **needs attention**: order 0x1 could not be looked up" in story(lost)
