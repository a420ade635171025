"""Markets as the public reads show them: metadata, status, volume, last price."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import ONE, ZERO
from remora.venues.twin.scenario.identifiers import question_id
from remora.venues.twin.scenario.model import MarketSpec

DAY = timedelta(hours=24)
CHALLENGE = timedelta(hours=2)
"""How long a proposed result can be disputed."""


@dataclass(slots=True)
class Listing:
    """One market's public state; prices are dollars per share of outcome 0."""

    spec: MarketSpec
    opened_at: datetime
    tick_size: Decimal
    price: Decimal
    accepting: bool = True
    proposed_at: datetime | None = None
    disputed: bool = False
    closed_at: datetime | None = None
    resolved_at: datetime | None = None
    payouts: tuple[Decimal, Decimal] | None = None
    volume_usd: Decimal = ZERO
    best: tuple[Decimal, Decimal] | None = None
    last_print: Decimal | None = None
    history: list[tuple[datetime, Decimal]] = field(default_factory=list)
    _day: deque[tuple[datetime, Decimal]] = field(default_factory=deque)
    _day_usd: Decimal = ZERO

    @property
    def closed(self) -> bool:
        """Whether the market has resolved: Gamma's `closed`."""
        return self.resolved_at is not None

    @property
    def uma_status(self) -> str | None:
        """Where the oracle stands, in Gamma's words; None while nobody asked it."""
        if self.resolved_at is not None:
            return "resolved"
        if self.disputed:
            return "disputed"
        return "proposed" if self.proposed_at is not None else None

    @property
    def question_id(self) -> str:
        """The oracle's id of the question."""
        return question_id(self.spec.condition_id)

    def price_of(self, index: int) -> Decimal:
        """Return the settlement price of an outcome, or its current one."""
        if self.payouts is not None:
            return self.payouts[index]
        return self.price if index == 0 else ONE - self.price

    def count(self, at: datetime, usd: Decimal) -> None:
        """Add one print to the volumes."""
        self.volume_usd += usd
        self._day.append((at, usd))
        self._day_usd += usd

    def volume_24h(self, now: datetime) -> Decimal:
        """Return the dollars that changed hands in the 24 hours before venue time `now`."""
        while self._day and self._day[0][0] <= now - DAY:
            self._day_usd -= self._day.popleft()[1]
        return self._day_usd

    def move(self, at: datetime, price: Decimal) -> None:
        """Set the current price of outcome 0 and remember it."""
        self.price = price
        if not self.history or self.history[-1][1] != price:
            self.history.append((at, price))

    def price_at(self, at: datetime, index: int) -> Decimal | None:
        """Return the last price of an outcome known at `at`, None before the first."""
        low, high = 0, len(self.history)
        while low < high:
            middle = (low + high) // 2
            if self.history[middle][0] <= at:
                low = middle + 1
            else:
                high = middle
        if low == 0:
            return None
        price = self.history[low - 1][1]
        return price if index == 0 else ONE - price


class Listings:
    """Every market that has opened, by each of its names."""

    def __init__(self) -> None:
        self._by_condition: dict[ConditionId, Listing] = {}
        self._by_token: dict[TokenId, tuple[Listing, int]] = {}
        self._by_gamma_id: dict[str, Listing] = {}
        self._by_slug: dict[str, Listing] = {}
        self._events: dict[str, list[Listing]] = {}
        self._event_slugs: dict[str, str] = {}

    def open(self, spec: MarketSpec, at: datetime, price: Decimal) -> Listing:
        """List a market; raise ValueError if it is listed already."""
        if spec.condition_id in self._by_condition:
            raise ValueError(f"market {spec.condition_id} is listed already")
        listing = Listing(spec=spec, opened_at=at, tick_size=spec.tick_size, price=price)
        listing.move(at, price)
        self._by_condition[spec.condition_id] = listing
        self._by_gamma_id[spec.gamma_id] = listing
        self._by_slug[spec.slug] = listing
        self._events.setdefault(spec.event_id, []).append(listing)
        self._event_slugs[spec.event_slug] = spec.event_id
        for index, token in enumerate(spec.tokens):
            self._by_token[token] = (listing, index)
        return listing

    def __iter__(self) -> Iterator[Listing]:
        """Iterate in the order of listing."""
        return iter(self._by_condition.values())

    def __len__(self) -> int:
        """Count listed markets."""
        return len(self._by_condition)

    def condition(self, condition_id: str) -> Listing | None:
        """Return the market with this condition id."""
        return self._by_condition.get(ConditionId(condition_id.lower()))

    def token(self, token_id: str) -> tuple[Listing, int] | None:
        """Return the market of a token and which outcome it is."""
        return self._by_token.get(TokenId(token_id))

    def gamma_id(self, gamma_id: str) -> Listing | None:
        """Return the market with this Gamma id."""
        return self._by_gamma_id.get(gamma_id)

    def slug(self, slug: str) -> Listing | None:
        """Return the market with this slug."""
        return self._by_slug.get(slug)

    def event(self, event_id: str) -> list[Listing]:
        """Return the markets of an event, none if it is unknown."""
        return self._events.get(event_id, [])

    def event_by_slug(self, slug: str) -> list[Listing]:
        """Return the markets of the event with this slug."""
        return self.event(self._event_slugs.get(slug, ""))

    def events(self) -> Iterable[list[Listing]]:
        """Return every event's markets."""
        return self._events.values()
