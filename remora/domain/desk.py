"""The desk as a state machine: who may turn its dials, and what a loss does to them."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from remora.domain.limits import Limits
from remora.domain.money import MICRO, ONE, ZERO, floor_to
from remora.domain.reasons import DeskMode

FULL_SCALE: Final = ONE
REDUCED_SCALE: Final = Decimal("0.5")
"""What a drawdown turns the scale to; open positions are reduced by the rest."""


class DeskOrder(StrEnum):
    """What a person may ask of the desk."""

    PAUSE = "pause"
    RESUME = "resume"
    HALT = "halt"
    RESET = "reset"
    FLATTEN = "flatten"


class Measured(Protocol):
    """Equity beside what the day began with, in dollars."""

    @property
    def equity(self) -> Decimal:
        """Cash and what is held, marked to market."""
        ...

    @property
    def day_start_equity(self) -> Decimal:
        """The equity at the day's beginning."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Equity marked to market beside what it is measured against, in dollars."""

    equity: Decimal
    day_start_equity: Decimal
    high_water_mark: Decimal

    @property
    def day_loss(self) -> Decimal:
        """Dollars lost since the day began, unrealised losses included; 0 on a gain."""
        return max(ZERO, self.day_start_equity - self.equity)

    @property
    def drawdown(self) -> Decimal:
        """Distance from the high-water mark as a share of it; 0 without a mark."""
        if self.high_water_mark <= 0:
            return ZERO
        return max(ZERO, ONE - self.equity / self.high_water_mark)


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """Why the desk does not do what it was asked."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Where the dials belong, and why they moved: `breach` halted the desk, `drawdown` moved the scale."""

    mode: DeskMode
    scale: Decimal
    breach: str | None = None
    drawdown: str | None = None

    @property
    def reduces(self) -> bool:
        """Whether open positions are to be reduced now."""
        return self.drawdown is not None and self.scale < FULL_SCALE


def trading_day(at: datetime, zone: str) -> date:
    """Return the calendar day of venue time `at` in an IANA time zone: the day starts at its midnight."""
    return at.astimezone(ZoneInfo(zone)).date()


def roll(standing: Standing, *, new_day: bool) -> Standing:
    """Raise the high-water mark to equity; on a new day, make equity the day's base."""
    if not new_day and standing.equity <= standing.high_water_mark:
        return standing
    return Standing(
        equity=standing.equity,
        day_start_equity=standing.equity if new_day else standing.day_start_equity,
        high_water_mark=max(standing.high_water_mark, standing.equity),
    )


def loss_allowed(standing: Measured, limits: Limits) -> Decimal:
    """Return the dollars that may be lost in this day: a share of its base or a sum, whichever is less."""
    return min(limits.daily_loss_share * standing.day_start_equity, limits.max_daily_loss_usd)


def daily_loss_breach(standing: Measured, limits: Limits) -> str | None:
    """Say by how much the day's loss reaches its limit; None while it does not."""
    loss = standing.day_start_equity - standing.equity
    if loss <= 0:
        return None
    allowed = loss_allowed(standing, limits)
    return f"lost {loss:.2f} of {allowed:.2f} allowed today" if loss >= allowed else None


def judge(mode: DeskMode, scale: Decimal, standing: Standing, limits: Limits) -> Judgement:
    """Return where the dials belong at this standing; only a loss moves the mode, and only to halted.

    The scale falls at `drawdown_share` below the mark and returns within `drawdown_recovered_share` of it.
    """
    breach = None if mode is DeskMode.HALTED else daily_loss_breach(standing, limits)
    wanted, drawdown = scale, standing.drawdown
    if scale >= FULL_SCALE and drawdown >= limits.drawdown_share:
        wanted = REDUCED_SCALE
    elif scale < FULL_SCALE and drawdown <= limits.drawdown_recovered_share:
        wanted = FULL_SCALE
    moved = None
    if wanted != scale:
        moved = f"{100 * drawdown:.1f} % below the high-water mark of {standing.high_water_mark:.2f}"
    return Judgement(mode=mode if breach is None else DeskMode.HALTED, scale=wanted, breach=breach, drawdown=moved)


def obey(
    mode: DeskMode, order: DeskOrder, *, by: str, reason: str, breach: str | None, force: bool
) -> DeskMode | OrderRefused:
    """Return the mode after an order, or why it is refused; `breach` is the daily loss as it stands now."""
    if not by.strip():
        return OrderRefused("say who turns the dial")
    if order is DeskOrder.RESET:
        return _reset(mode, reason=reason, breach=breach, force=force)
    if order is DeskOrder.HALT:
        return DeskMode.HALTED
    if order is DeskOrder.FLATTEN:
        return DeskMode.HALTED if mode is DeskMode.HALTED else DeskMode.PAUSED
    if mode is DeskMode.HALTED:
        return OrderRefused("the desk is halted: it needs an audited reset first")
    return DeskMode.PAUSED if order is DeskOrder.PAUSE else DeskMode.TRADING


def _reset(mode: DeskMode, *, reason: str, breach: str | None, force: bool) -> DeskMode | OrderRefused:
    if mode is not DeskMode.HALTED:
        return OrderRefused(f"nothing to reset: the desk is {mode.value}, not halted")
    if not reason.strip():
        return OrderRefused("a reset needs a reason, for the record")
    if breach is not None and not force:
        return OrderRefused(
            f"the breach persists: {breach}; wait for the next day, or force the reset to accept the loss"
        )
    return DeskMode.TRADING


def stricter(one: DeskMode, other: DeskMode) -> DeskMode:
    """Return the mode that allows less."""
    return max(one, other, key=[DeskMode.TRADING, DeskMode.PAUSED, DeskMode.HALTED].index)


def accept_loss(standing: Standing) -> Standing:
    """Return the standing after a forced reset: the day's loss is measured from here on."""
    return replace(standing, day_start_equity=min(standing.day_start_equity, standing.equity))


def transferred(standing: Standing, dollars: Decimal) -> Standing:
    """Return the standing after a deposit (or, below 0, a withdrawal): money moved is no gain and no loss.

    The day's loss stays the same in dollars, since one of its limits is a sum of dollars; the drawdown stays the
    same share of the mark.
    """
    after = standing.equity + dollars
    if standing.equity > 0:
        mark = floor_to(standing.high_water_mark * max(ZERO, after) / standing.equity, MICRO)
    else:
        mark = max(ZERO, standing.high_water_mark + dollars)
    return replace(
        standing,
        equity=after,
        day_start_equity=standing.day_start_equity + dollars,
        high_water_mark=max(mark, after),
    )
