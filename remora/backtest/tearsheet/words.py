"""How numbers are written for people."""

import math
from datetime import UTC, datetime

MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share as a percentage, with a true minus sign; a dash for nothing."""
    return DASH if value is None or not math.isfinite(value) else _minus(f"{value:.{digits}%}")


def signed_percent(value: float | None, digits: int = 1) -> str:
    """Return a share as a percentage with its sign."""
    return DASH if value is None or not math.isfinite(value) else _minus(f"{value:+.{digits}%}")


def dollars(value: float | None, digits: int = 0) -> str:
    """Return dollars with their sign."""
    if value is None or not math.isfinite(value):
        return DASH
    sign = MINUS if round(value, digits) < 0 else "+"
    return f"{sign}${abs(value):,.{digits}f}"


def plain_dollars(value: float) -> str:
    """Return dollars of a balance, short."""
    size = abs(value)
    text = f"${size / 1e6:.1f}M" if size >= 1e6 else f"${size / 1000:.1f}k" if size >= 10_000 else f"${size:,.0f}"
    return f"{MINUS}{text}" if value < 0 else text


def number(value: float | None, digits: int = 2) -> str:
    """Return a number; a dash for nothing."""
    return DASH if value is None or not math.isfinite(value) else _minus(f"{value:.{digits}f}")


def count(value: float) -> str:
    """Return a whole number with thousands apart."""
    return f"{value:,.0f}"


def short_wallet(wallet: str) -> str:
    """Return an address as people compare it."""
    return f"{wallet[:6]}…{wallet[-4:]}" if len(wallet) == 42 and wallet.startswith("0x") else wallet


def day(days: float) -> str:
    """Return a day since 1970 as a date."""
    return f"{datetime.fromtimestamp(days * 86_400, UTC):%Y-%m-%d}"


def plain(code: str) -> str:
    """Return a reason code as words."""
    return code.replace("_", " ")


def _minus(text: str) -> str:
    return text.replace("-", MINUS)
