"""Bodies of the control API: what a person or a test may tell the twin, checked."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from remora.domain.ids import ConditionId, EventId, TokenId, WalletAddress
from remora.domain.money import MICRO, ONE, ZERO, Side, floor_to
from remora.venues.twin.scenario.fees import fee_terms
from remora.venues.twin.scenario.identifiers import condition_id, numeric_id, second_protocol_ids, token_ids
from remora.venues.twin.scenario.model import ExternalTrade, MarketSpec, Scenario
from remora.venues.twin.scenario.season_titles import slugify


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FundBody(_Body):
    """``POST /accounts``."""

    address: str = Field(pattern=r"^0x[0-9a-fA-F]{40}$")
    cash: Decimal = Field(gt=0, max_digits=18, decimal_places=6)


class TradeBody(_Body):
    """``POST /trades``: one fill of somebody else, right now."""

    wallet: str = Field(pattern=r"^0x[0-9a-fA-F]{40}$")
    token_id: TokenId
    side: Side
    price: Decimal = Field(gt=0, lt=1)
    size: Decimal = Field(gt=0)
    transaction_hash: str | None = Field(default=None, pattern=r"^0x[0-9a-fA-F]{64}$")
    maker: bool = False
    parts: int = Field(default=1, ge=1, le=20)
    """Rows that the one transaction prints: a maker's orders that were met, or a taker's in several matches."""

    def sizes(self) -> list[Decimal]:
        """Return the shares of each row; no two are equal, so that none looks like a repetition."""
        weights = range(1, self.parts + 1)
        sizes = [floor_to(self.size * weight / sum(weights), MICRO) for weight in weights]
        sizes[-1] += self.size - sum(sizes)
        return sizes


class QuoteBody(_Body):
    """``POST /quotes``: the synthetic touch of one token; `size` is in shares at the first level, 0 empties."""

    token_id: TokenId
    bid: Decimal = Field(gt=0, lt=1)
    ask: Decimal = Field(gt=0, lt=1)
    size: Decimal = Field(default=Decimal(2000), ge=0)


class ConditionBody(_Body):
    """``POST /propose`` and ``POST /close``."""

    condition_id: ConditionId


class RedeemBody(_Body):
    """``POST /redeem``: what the account's on-chain call would do."""

    address: str = Field(pattern=r"^0x[0-9a-fA-F]{40}$")
    condition_id: ConditionId


class ResolveBody(_Body):
    """``POST /resolve``: dollars per share of each outcome."""

    condition_id: ConditionId
    payouts: tuple[Decimal, Decimal]

    def checked(self) -> tuple[Decimal, Decimal]:
        """Return the payouts; raise ValueError unless they share one dollar."""
        if sum(self.payouts) != ONE or min(self.payouts) < ZERO:
            raise ValueError(f"payouts must be two shares of one dollar, were {list(map(str, self.payouts))}")
        return self.payouts


class MarketBody(_Body):
    """``POST /markets``: a simple market; only the question is needed."""

    question: str = Field(min_length=1)
    slug: str | None = None
    event: str | None = None
    category: str | None = "Politics"
    tags: tuple[str, ...] | None = None
    labels: tuple[str, str] = ("Yes", "No")
    price: Decimal = Field(default=Decimal("0.5"), gt=0, lt=1)
    tick_size: Decimal = Decimal("0.01")
    min_order_size: Decimal = Decimal(5)
    neg_risk: bool = False
    protocol: Literal["v1", "v2"] = "v1"
    fee_rate: Decimal | None = None
    end_in_hours: float = Field(default=48.0)
    end_at: datetime | None = None
    depth_usd: Decimal = Field(default=Decimal(1000), ge=0)
    spread_ticks: int = Field(default=1, ge=1)
    volume_24h_usd: Decimal = Field(default=Decimal(100_000), ge=0)
    seconds_delay: int = Field(default=0, ge=0, le=60)

    def spec(self, now: datetime) -> MarketSpec:
        """Return the market that starts now."""
        condition = condition_id("control", self.question, self.slug or "")
        tokens = token_ids(condition)
        if self.protocol == "v2":
            condition, tokens = second_protocol_ids(self.question, self.slug or "", neg_risk=self.neg_risk)
        terms = fee_terms(self.category)
        slug = self.slug or slugify(self.question)
        event = self.event or slug
        return MarketSpec(
            condition_id=condition,
            question=self.question,
            slug=slug,
            event_id=EventId(numeric_id("control-event", event)),
            event_slug=slugify(event),
            event_title=self.event or self.question,
            category=self.category,
            tags=self.tags if self.tags is not None else ((self.category,) if self.category else ()),
            labels=self.labels,
            tokens=tokens,
            taker_delay=timedelta(seconds=self.seconds_delay),
            gamma_id=numeric_id("market", condition),
            tick_size=self.tick_size,
            min_order_size=self.min_order_size,
            neg_risk=self.neg_risk,
            fee_rate=terms.rate if self.fee_rate is None else self.fee_rate,
            fee_exponent=1,
            rebate_rate=terms.rebate_rate,
            start_at=now,
            end_at=self.end_at or now + timedelta(hours=self.end_in_hours),
            depth_usd=self.depth_usd,
            spread_ticks=self.spread_ticks,
        )


class CategoricalBody(_Body):
    """``POST /categorical-markets``: a market that nobody can trade here, with three outcomes or more."""

    question: str = Field(min_length=1)
    labels: tuple[str, ...] = Field(default=("First", "Second", "Third"), min_length=3)


def market_body(spec: MarketSpec) -> dict[str, Any]:
    """Return a market for the answers of ``/scenario`` and ``POST /markets``."""
    return {
        "condition_id": spec.condition_id,
        "question": spec.question,
        "slug": spec.slug,
        "event_id": spec.event_id,
        "event_slug": spec.event_slug,
        "category": spec.category,
        "tokens": list(spec.tokens),
        "labels": list(spec.labels),
        "neg_risk": spec.neg_risk,
        "start_at": spec.start_at.isoformat(),
        "end_at": spec.end_at.isoformat(),
        "fee_rate": str(spec.fee_rate),
    }


def scenario_body(scenario: Scenario) -> dict[str, Any]:
    """Return what is played, the notices first."""
    return {
        "name": scenario.name,
        "source": scenario.source,
        "notices": list(scenario.notices),
        "window": {"start": scenario.window_start.isoformat(), "end": scenario.window_end.isoformat()},
        "speed": scenario.speed,
        "wall_seconds": (scenario.window_end - scenario.window_start).total_seconds() / scenario.speed,
        "rejected_rows": dict(scenario.rejected),
        **scenario.details,
        "markets": [market_body(spec) for spec in scenario.markets],
    }


def history_body(trade: ExternalTrade, spec: MarketSpec) -> dict[str, Any]:
    """Return one earlier trade for ``/history``."""
    return {
        "at": trade.at.isoformat(),
        "wallet": trade.wallet,
        "condition_id": trade.condition_id,
        "token_id": spec.tokens[trade.outcome_index],
        "outcome_index": trade.outcome_index,
        "event_id": spec.event_id,
        "category": spec.category,
        "side": trade.side.value,
        "price": str(trade.price),
        "size": str(trade.size),
        "fee_rate": str(spec.fee_rate),
        "transaction_hash": trade.transaction_hash,
    }


def wallet_of(address: str) -> WalletAddress:
    """Return an address in the form used everywhere inside."""
    return WalletAddress(address.lower())
