"""Spans of time as people type them."""

import re
from datetime import timedelta
from typing import Final

import typer

UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def span(text: str) -> timedelta:
    """Read ``90m``, ``24h`` or ``7d``."""
    found = re.fullmatch(r"(\d{1,5})([mhd])", text.strip())
    if found is None or int(found[1]) == 0:
        raise typer.BadParameter(f"expected a span such as 90m, 24h or 7d, found {text!r}")
    return timedelta(**{UNITS[found[2]]: int(found[1])})
