from decimal import Decimal

import httpx
import pytest
from polymarket.errors import RequestRejectedError

from tests.venues.twin.conftest import RunningTwin


async def test_a_market_reads_back_with_every_field_that_matters(empty_twin: RunningTwin) -> None:
    made = await empty_twin.post(
        "/markets", question="Will it rain?", category="Weather", price=0.4, tick_size=0.01, labels=["Wet", "Dry"]
    )
    async with empty_twin.client() as client:
        market = await client.get_market(slug="will-it-rain")

    assert market.condition_id == made["condition_id"]
    assert market.question == "Will it rain?"
    assert market.category == "Weather"
    assert (market.outcomes.yes.label, market.outcomes.no.label) == ("Wet", "Dry")
    assert [market.outcomes.yes.token_id, market.outcomes.no.token_id] == made["tokens"]
    assert (market.outcomes.yes.price, market.outcomes.no.price) == (Decimal("0.4"), Decimal("0.6"))
    assert market.state.accepting_orders is True
    assert market.state.closed is False
    assert market.state.end_date is not None
    assert market.trading.minimum_tick_size == Decimal("0.01")
    assert market.trading.minimum_order_size == 5
    assert market.trading.fee_schedule is not None
    assert market.trading.fee_schedule.rate == Decimal("0.05")
    assert market.trading.fee_schedule.exponent == 1
    assert market.metrics.volume_24hr == 100_000
    assert market.prices.best_bid is not None
    assert market.prices.best_ask is not None
    assert market.prices.best_ask - market.prices.best_bid == Decimal("0.01")
    assert market.resolution.uma_resolution_status is None
    assert market.events[0].slug == "will-it-rain"


async def test_a_market_without_fees_says_so(empty_twin: RunningTwin) -> None:
    await empty_twin.post("/markets", question="Will there be a treaty?", category="Geopolitics")
    async with empty_twin.client() as client:
        market = await client.get_market(slug="will-there-be-a-treaty")

    assert market.trading.fees_enabled is False
    assert market.trading.fee_schedule is None


async def test_pages_follow_one_another_without_gap_or_repeat(empty_twin: RunningTwin) -> None:
    for number in range(7):
        await empty_twin.post("/markets", question=f"Market number {number}?")
    async with empty_twin.client() as client:
        found = [market.slug async for market in client.list_markets(page_size=3).iter_items()]

    assert sorted(str(slug) for slug in found) == [f"market-number-{number}" for number in range(7)]


async def test_markets_are_found_by_token_and_by_condition(empty_twin: RunningTwin) -> None:
    first = await empty_twin.post("/markets", question="First?")
    second = await empty_twin.post("/markets", question="Second?")
    await empty_twin.post("/markets", question="Third?")
    async with empty_twin.client() as client:
        by_token = [m async for m in client.list_markets(clob_token_ids=[first["tokens"][1]]).iter_items()]
        by_condition = [
            m
            async for m in client.list_markets(
                condition_ids=[first["condition_id"], second["condition_id"]]
            ).iter_items()
        ]

    assert [market.slug for market in by_token] == ["first"]
    assert {market.slug for market in by_condition} == {"first", "second"}


async def test_proposal_close_and_resolution_show_step_by_step(empty_twin: RunningTwin) -> None:
    made = await empty_twin.post("/markets", question="Over?")
    condition = made["condition_id"]
    async with empty_twin.client() as client:
        await empty_twin.post("/propose", condition_id=condition)
        proposed = await client.get_market(slug="over")
        await empty_twin.post("/close", condition_id=condition)
        closed = await client.get_market(slug="over")
        await empty_twin.post("/resolve", condition_id=condition, payouts=[0, 1])
        resolved = await client.get_market(slug="over")
        open_only = [m async for m in client.list_markets(condition_ids=[condition]).iter_items()]
        asked_closed = [m async for m in client.list_markets(condition_ids=[condition], closed=True).iter_items()]

    assert (proposed.resolution.uma_resolution_status, proposed.state.accepting_orders) == ("proposed", True)
    assert (closed.state.accepting_orders, closed.state.closed) == (False, False)
    assert (resolved.state.closed, resolved.resolution.uma_resolution_status) == (True, "resolved")
    assert (resolved.outcomes.yes.price, resolved.outcomes.no.price) == (Decimal(0), Decimal(1))
    assert resolved.state.closed_time is not None
    assert open_only == []
    assert [market.slug for market in asked_closed] == ["over"]


async def test_an_event_holds_its_markets(empty_twin: RunningTwin) -> None:
    await empty_twin.post("/markets", question="Above 100?", event="Index day", neg_risk=True)
    await empty_twin.post("/markets", question="Above 110?", event="Index day", neg_risk=True)
    async with empty_twin.client() as client:
        event = await client.get_event(slug="index-day")
        listed = [e async for e in client.list_events().iter_items()]

    assert event.title == "Index day"
    assert [market.question for market in event.markets] == ["Above 100?", "Above 110?"]
    assert event.trading.neg_risk is True
    assert [e.slug for e in listed] == ["index-day"]


async def test_search_finds_by_words_and_profiles_show_traders(empty_twin: RunningTwin) -> None:
    made = await empty_twin.post("/markets", question="Will the harbour freeze?")
    wallet = "0x" + "7a" * 20
    await empty_twin.post("/trades", wallet=wallet, token_id=made["tokens"][0], side="BUY", price=0.51, size=20)
    async with empty_twin.client() as client:
        profile = await client.get_public_profile(wallet)
        found = await client.search(q="harbour freeze").first_page()
        nothing = await client.search(q="harbour sunshine").first_page()

    assert profile is not None
    assert str(profile.wallet).lower() == wallet
    assert profile.pseudonym
    assert [event.slug for event in found.items[0].events] == ["will-the-harbour-freeze"]
    assert nothing.items[0].events == ()


async def test_unknown_markets_and_senseless_parameters_are_refused(empty_twin: RunningTwin) -> None:
    async with empty_twin.client() as client:
        with pytest.raises(RequestRejectedError) as refused:
            await client.get_market(slug="nothing-here")
    async with httpx.AsyncClient(base_url=empty_twin.urls["gamma_url"], trust_env=False) as raw:
        bad_limit = await raw.get("/markets/keyset", params={"limit": "many"})
        bad_cursor = await raw.get("/markets/keyset", params={"after_cursor": "###"})

    assert refused.value.status == 404
    assert bad_limit.status_code == 422
    assert bad_cursor.status_code == 422
