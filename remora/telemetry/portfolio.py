"""An account's measures as Prometheus sees them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from remora.domain.limits import Limits
from remora.domain.measures import Measures, bounded, limit_use
from remora.domain.reasons import DeskMode, ExitReason, PositionState

WHALES_MAX = 50
"""Wallets with a label of their own; the rest are summed, so that the number of series stays bounded."""

OUTCOMES = tuple((p, o) for p in ("entry", "exit") for o in ("filled", "unfilled", "rejected", "pending"))
LIVE_STATES = tuple(state.value for state in PositionState if not state.ended)

Values = Mapping[tuple[str, ...], Decimal | float]


class Portfolio(Collector):
    """Gauges of one account, all of the same instant; nothing before the first `show`.

    They come from the database: every process that serves them says the same, so queries take their maximum.
    """

    def __init__(self) -> None:
        self._shown: tuple[Measures, Limits, datetime] | None = None

    def show(self, measures: Measures, limits: Limits, *, now: datetime) -> None:
        """Replace what the next scrape sees."""
        self._shown = (measures, limits, now)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the names are known once there are values."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every gauge."""
        if self._shown is None:
            return
        measures, limits, now = self._shown
        yield from _money(measures)
        yield from _positions(measures)
        yield from _whales(measures)
        yield from _desk(measures, limits)
        yield from _times(measures, now)


def _gauge(measures: Measures, name: str, text: str, labels: tuple[str, ...], values: Values) -> Metric:
    family = GaugeMetricFamily(name, text, labels=("account", *labels))
    for key, value in values.items():
        family.add_metric((measures.account, *key), float(value))
    return family


def _money(measures: Measures) -> Iterator[Metric]:
    pnl: Values = {
        ("realised",): measures.realised,
        ("unrealised",): measures.unrealised,
        ("total",): measures.realised + measures.unrealised,
        ("day",): measures.day_pnl,
    }
    cash: Values = {("reserved",): measures.reserved, ("free",): measures.cash - measures.reserved}
    text = "Dollars gained: realised (fees off), unrealised, both, and since the day began."
    yield _gauge(measures, "trading_pnl_total", text, ("kind",), pnl)
    text = "Cash, set aside for orders or free."
    yield _gauge(measures, "trading_cash_dollars", text, ("kind",), cash)
    for name, text, value in (
        ("trading_fees_dollars", "Fees paid so far.", measures.fees),
        ("trading_equity_dollars", "Cash and holdings at executable prices.", measures.equity),
        ("trading_high_water_mark_dollars", "The highest equity so far.", measures.high_water),
        ("trading_drawdown_ratio", "Distance below the high-water mark, a share of it.", measures.drawdown),
    ):
        yield _gauge(measures, name, text, (), {(): value})


def _positions(measures: Measures) -> Iterator[Metric]:
    states: Values = {(s,): measures.states.get(PositionState(s), 0) for s in LIVE_STATES}
    exits: Values = {(reason.value,): measures.exits.get(reason, 0) for reason in ExitReason}
    orders: Values = {key: measures.orders.get(key, 0) for key in OUTCOMES}
    decisions: Values = {key: float(count) for key, count in measures.decisions.items()}
    total: Values = {(): sum(measures.states.values())}
    yield _gauge(measures, "trading_positions_open", "Positions that have not ended.", (), total)
    yield _gauge(measures, "trading_positions", "Positions that have not ended, by state.", ("state",), states)
    yield _gauge(measures, "trading_positions_closed", "Positions closed so far.", ("reason",), exits)
    text = "Orders sent so far, by what became of them."
    yield _gauge(measures, "trading_orders_submitted", text, ("purpose", "outcome"), orders)
    text = "Decisions of the last 24 hours; the reason of a skip."
    yield _gauge(measures, "trading_decisions", text, ("outcome", "reason"), decisions)


def _whales(measures: Measures) -> Iterator[Metric]:
    shown = bounded(measures.whales, WHALES_MAX)
    pnl: dict[tuple[str, ...], Decimal] = {}
    for whale in shown:
        pnl[whale.whale, "realised"] = whale.realised
        pnl[whale.whale, "unrealised"] = whale.unrealised
    committed: Values = {(whale.whale,): whale.committed for whale in shown}
    text = "Dollars gained by copying a whale, fees off."
    yield _gauge(measures, "trading_whale_pnl_dollars", text, ("whale", "kind"), pnl)
    text = "Dollars committed to a whale, at cost and with reservations."
    yield _gauge(measures, "trading_whale_committed_dollars", text, ("whale",), committed)


def _desk(measures: Measures, limits: Limits) -> Iterator[Metric]:
    use: Values = {(name,): used for name, used in limit_use(measures, limits).items()}
    modes: Values = {(mode.value,): float(measures.mode is mode) for mode in DeskMode}
    text = "Used part of each limit; 1 is reached."
    yield _gauge(measures, "trading_limit_use_ratio", text, ("limit",), use)
    yield _gauge(measures, "trading_desk_mode", "1 for the desk's mode, 0 for the others.", ("mode",), modes)
    text = "Scale of new sizes: 1, less after a drawdown."
    yield _gauge(measures, "trading_desk_scale_ratio", text, (), {(): measures.scale})
    text = "Whales on the newest roster."
    yield _gauge(measures, "trading_roster_whales", text, (), {(): measures.followed})


def _times(measures: Measures, now: datetime) -> Iterator[Metric]:
    for name, text, at in (
        ("trading_measured_timestamp_seconds", "When these numbers were read.", now),
        (
            "trading_last_decision_timestamp_seconds",
            "When the last decision was taken.",
            measures.last_decision_at,
        ),
        (
            "trading_roster_timestamp_seconds",
            "When the newest roster was published.",
            measures.roster_published_at,
        ),
    ):
        if at is not None:
            yield _gauge(measures, name, text, (), {(): at.timestamp()})
