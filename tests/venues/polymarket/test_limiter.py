"""The venue's limits are kept by everybody together, and nobody waits long."""

import asyncio
from datetime import UTC, datetime

import pytest
from starlette.responses import JSONResponse

from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.limiter import TRICKLE_PER_S, WAIT_MAX_S, RateLimiter
from remora.venues.polymarket.public import PublicVenue
from remora.venues.venue import VenueUnavailable
from tests.fixtures.twin import RunningTwin, TwinMarket
from tests.venues.polymarket.answers import answering, page
from tests.venues.polymarket.wire.payloads import ACTIVITY, BOOK, TOKEN, WALLET


class Clock:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now, self.slept = 100.0, 0.0

    def read(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


def made(per_10_s: int = 100) -> tuple[RateLimiter, Clock]:
    clock = Clock()
    return RateLimiter({"book": per_10_s}, share=1.0, clock=clock.read, sleep=clock.sleep), clock


async def test_a_seconds_worth_goes_out_at_once_and_the_rest_evenly() -> None:
    limiter, clock = made()
    for _ in range(10):
        await limiter.turn("book")
    assert clock.slept == 0

    for _ in range(100):
        await limiter.turn("book")

    assert clock.slept == pytest.approx(10.0)


async def test_a_pause_saves_up_no_more_than_a_second() -> None:
    limiter, clock = made()
    clock.now += 3600
    for _ in range(30):
        await limiter.turn("book")

    assert clock.slept == pytest.approx(2.0)


async def test_a_crowd_of_one_instant_waits_a_second_at_most() -> None:
    clock, waits = Clock(), []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    limiter = RateLimiter({"book": 100}, share=1.0, clock=clock.read, sleep=note)
    await asyncio.gather(*(limiter.turn("book") for _ in range(500)))

    assert max(waits) == WAIT_MAX_S
    clock.now += 2.0
    waits.clear()
    await limiter.turn("book")
    assert waits == [], "who was let through does not hold up who comes later"


async def test_after_a_refusal_a_trickle_remains_until_the_venue_said() -> None:
    limiter, clock = made()
    limiter.back_off("book", 5.0)
    for _ in range(5):
        await limiter.turn("book")
    assert clock.slept == pytest.approx(5 / TRICKLE_PER_S)

    clock.now += 1.0
    before = clock.slept
    for _ in range(8):
        await limiter.turn("book")
    assert clock.slept == before


async def test_readers_share_one_limit_and_errors_say_whether_it_was_the_pace() -> None:
    limiter, clock = made()

    with pytest.raises(VenueUnavailable):
        async with limiter.reading("book", "reading"):
            raise VenueUnavailable("busy", retry_after=3.0, rate_limited=True)
    await limiter.turn("book")
    assert clock.slept > 0

    before = clock.slept
    clock.now += 4.0
    with pytest.raises(VenueUnavailable):
        async with limiter.reading("book", "reading"):
            raise VenueUnavailable("down")
    await limiter.turn("book")
    assert clock.slept == before


async def test_a_refusal_slows_every_reader_of_the_venue_and_no_other_family(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    clock = Clock()
    refused = JSONResponse({"error": "slow down"}, status_code=429, headers={"Retry-After": "7"})
    good = JSONResponse({name: value for name, value in BOOK.items() if name != "event_type"})
    async with answering(refused, good, good, page(ACTIVITY[0])) as (endpoints, _):
        venue = await PublicVenue.connect(endpoints)
        venue.limiter = RateLimiter(clock=clock.read, sleep=clock.sleep)
        with pytest.raises(VenueUnavailable) as told:
            await venue.book(TokenId(TOKEN))
        await venue.book(TokenId(TOKEN))
        await venue.book(TokenId(TOKEN))
        slept = clock.slept
        await venue.whale_trades(WalletAddress(WALLET), since=datetime(2026, 1, 1, tzinfo=UTC))
        await venue.close()

    assert (told.value.rate_limited, told.value.retry_after) == (True, 7.0)
    assert slept == pytest.approx(2 / TRICKLE_PER_S)
    assert clock.slept == slept


async def test_a_trade_is_seen_when_the_history_tells_of_it_and_not_when_its_turn_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    clock, families = Clock(), list[str]()

    async def turn(family: str) -> None:
        families.append(family)
        await clock.sleep(0.75)

    async with answering(page(ACTIVITY[0])) as (endpoints, _):
        venue = await PublicVenue.connect(endpoints, now=lambda: datetime.fromtimestamp(clock.now, UTC))
        monkeypatch.setattr(venue.limiter, "turn", turn)
        (trade,) = await venue.whale_trades(WalletAddress(WALLET), since=datetime(2026, 1, 1, tzinfo=UTC))
        await venue.close()

    assert (trade.seen_at.timestamp(), families) == (100.75, ["activity"])


async def test_many_books_are_read_in_few_requests(twin: RunningTwin, monkeypatch: pytest.MonkeyPatch) -> None:
    markets = [await twin.list_market(f"Will book {number} be read?") for number in range(12)]
    venue = await PublicVenue.connect(await Endpoints.from_twin(twin.urls["control_url"]))
    tokens = [token for market in markets for token in _tokens(market)]
    turns: list[str] = []

    async def counted(family: str) -> None:
        turns.append(family)

    monkeypatch.setattr(venue.limiter, "turn", counted)
    found = await venue.books([*tokens, *tokens[:3]])  # type: ignore[list-item]
    listed = await venue.markets([ConditionId(market.condition_id) for market in markets])

    assert {book.token_id for book in found} == set(tokens)
    assert {market.condition_id for market in listed} == {market.condition_id for market in markets}
    assert turns == ["books", "markets"]
    await venue.close()


def _tokens(market: TwinMarket) -> tuple[str, str]:
    return market.yes, market.no
