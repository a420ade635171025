"""Every number that bounds what the desk may do, with its default."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from remora.domain.market import MarketClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Policy of one account. Shares of equity are fractions; money is in dollars; prices are per share."""

    # sizing
    kelly_fraction: Decimal = Decimal("0.25")
    position_share: Decimal = Decimal("0.05")
    position_share_ceiling: Decimal = Decimal("0.10")
    max_position_size_usd: Decimal = Decimal(1000)
    unproven_share: Decimal = Decimal("0.005")
    market_share: Decimal = Decimal("0.10")
    event_share: Decimal = Decimal("0.15")
    whale_share: Decimal = Decimal("0.30")

    # desk
    daily_loss_share: Decimal = Decimal("0.05")
    max_daily_loss_usd: Decimal = Decimal(500)
    drawdown_share: Decimal = Decimal("0.20")
    drawdown_recovered_share: Decimal = Decimal("0.10")
    entry_orders_per_minute: int = 10
    day_zone: str = "UTC"

    # live
    first_day_max_usd: Decimal = Decimal(100)

    # signals
    signal_age_max: timedelta = timedelta(seconds=30)
    signal_skew_max: timedelta = timedelta(seconds=5)
    roster_age_max: timedelta = timedelta(hours=24)
    trade_size_max: Decimal = Decimal(10_000_000)

    # markets
    volume_24h_min_usd: Decimal = Decimal(50_000)
    spread_max: Decimal = Decimal("0.03")
    drift_min_usd: Decimal = Decimal("0.02")
    drift_ticks: int = 2
    time_to_resolution_min: timedelta = timedelta(hours=3)
    market_classes: frozenset[MarketClass] = field(default_factory=lambda: frozenset({MarketClass.STANDARD}))
    marketable_buy_min_usd: Decimal = Decimal(1)

    # exits
    stop_loss: Decimal = Decimal("0.15")
    take_profit: Decimal = Decimal("0.30")
    target_max: Decimal = Decimal("0.99")
    stop_ticks: int = 2
    crossing_updates: int = 2
    crossing_age: timedelta = timedelta(seconds=2)
    pre_resolution: timedelta = timedelta(hours=3)
    pre_resolution_aggressive: timedelta = timedelta(hours=2)
