from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.venues.twin.conftest import RunningTwin

ADDRESS = "0x" + "Ab" * 20


async def test_funding_shows_in_the_exact_books(empty_twin: RunningTwin) -> None:
    await empty_twin.post("/accounts", address=ADDRESS, cash="1000.5")
    books = await empty_twin.get(f"/books/{ADDRESS}")

    assert books["cash"] == "1000.5"
    assert (books["shares"], books["orders"], books["fills"], books["redemptions"]) == ({}, [], [], [])


async def test_an_empty_twin_runs_at_wall_time(empty_twin: RunningTwin) -> None:
    clock = await empty_twin.get("/clock")

    assert clock["started"] is True
    assert clock["speed"] == 1.0
    assert abs(datetime.fromisoformat(clock["venue_time"]) - datetime.now(UTC)) < timedelta(seconds=30)


async def test_quotes_move_the_book_of_either_outcome(empty_twin: RunningTwin) -> None:
    made = await empty_twin.post("/markets", question="Who?")
    await empty_twin.post("/quotes", token_id=made["tokens"][1], bid=0.30, ask=0.32, size=500)
    async with empty_twin.client() as client:
        book = await client.get_order_book(token_id=made["tokens"][1])
        mirror = await client.get_order_book(token_id=made["tokens"][0])

    assert (book.bids[-1].price, book.asks[-1].price) == (Decimal("0.30"), Decimal("0.32"))
    assert (mirror.bids[-1].price, mirror.asks[-1].price) == (Decimal("0.68"), Decimal("0.70"))
    assert 490 <= book.asks[-1].size <= 510


async def test_a_quote_of_nothing_empties_the_book(empty_twin: RunningTwin) -> None:
    made = await empty_twin.post("/markets", question="Who?")
    await empty_twin.post("/quotes", token_id=made["tokens"][0], bid=0.30, ask=0.32, size=0)
    async with empty_twin.client() as client:
        book = await client.get_order_book(token_id=made["tokens"][0])

    assert (list(book.bids), list(book.asks)) == ([], [])


async def test_listing_the_same_market_twice_changes_nothing(empty_twin: RunningTwin) -> None:
    first = await empty_twin.post("/markets", question="Twice?")
    second = await empty_twin.post("/markets", question="Twice?")

    assert first == second


async def test_a_closed_market_prints_nothing(empty_twin: RunningTwin) -> None:
    made = await empty_twin.post("/markets", question="Shut?")
    await empty_twin.post("/close", condition_id=made["condition_id"])
    answer = await empty_twin.control.post(
        "/trades",
        json={"wallet": ADDRESS, "token_id": made["tokens"][0], "side": "BUY", "price": 0.5, "size": 5},
    )

    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/accounts", {"address": "me", "cash": 5}, 422),
        ("/accounts", {"address": ADDRESS, "cash": -5}, 422),
        ("/trades", {"wallet": ADDRESS, "token_id": "12", "side": "BUY", "price": 0.5, "size": 5}, 404),
        ("/trades", {"wallet": ADDRESS, "token_id": "12", "side": "BUY", "price": 1.5, "size": 5}, 422),
        ("/resolve", {"condition_id": "0x12", "payouts": [1, 0]}, 404),
        ("/markets", {"question": ""}, 422),
        ("/markets", {"question": "x", "surprise": 1}, 422),
    ],
)
async def test_a_bad_request_is_refused_with_a_reason(
    empty_twin: RunningTwin, path: str, body: dict[str, object], status: int
) -> None:
    answer = await empty_twin.control.post(path, json=body)

    assert answer.status_code == status
    assert answer.json()["error"]


async def test_payouts_must_share_one_dollar(empty_twin: RunningTwin) -> None:
    made = await empty_twin.post("/markets", question="Who?")
    answer = await empty_twin.control.post(
        "/resolve", json={"condition_id": made["condition_id"], "payouts": [1, 1]}
    )

    assert answer.status_code == 422


async def test_a_body_that_is_no_json_is_refused(empty_twin: RunningTwin) -> None:
    answer = await empty_twin.control.post("/accounts", content=b"{")

    assert answer.status_code == 400


async def test_a_neg_risk_market_never_pays_half_and_half(empty_twin: RunningTwin) -> None:
    market = await empty_twin.list_market("Half of what?", neg_risk=True)
    half = {"condition_id": market.condition_id, "payouts": ["0.5", "0.5"]}

    refused = await empty_twin.control.post("/resolve", json=half)

    assert refused.status_code == 422
    assert "neg-risk" in refused.json()["error"]
    await empty_twin.post("/resolve", condition_id=market.condition_id, payouts=["0", "1"])
