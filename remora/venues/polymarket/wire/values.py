"""Text of the wire as values: whatever the text, there is an answer and no exception."""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

MAGNITUDE_MAX = Decimal(10) ** 15
SMALLEST = -30
"""Power of ten below which a number is none that a venue sends."""

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
LONGEST_NUMBER = 60


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message that cannot be used; `reason` is stable, `detail` says what was expected and found."""

    reason: str
    detail: str


def json_value(text: str) -> Any:
    """Return what JSON says, sane fractions exactly; Malformed for anything else."""
    try:
        return json.loads(text, parse_float=_fraction)
    except RecursionError:
        return Malformed("not_json", "nested too deeply")
    except ValueError as error:
        return Malformed("not_json", f"expected JSON: {error!s:.80}, found {text[:40]!r}")


def messages_in(text: str) -> list[Any]:
    """Return the messages of one frame, which carries one or an array of them; what is no JSON is Malformed."""
    found = json_value(text)
    return found if isinstance(found, list) else [found]


def number(value: object) -> Decimal | None:
    """Return a finite number of a sane magnitude, None for anything else.

    Only plain decimal notation counts: what else Decimal would take (``1_000``, other scripts' digits, exponents
    that fill the memory once they are written out) is malformed.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    if isinstance(value, int) and abs(value) > MAGNITUDE_MAX:
        return None
    text = str(value)
    if len(text) > LONGEST_NUMBER or NUMBER.fullmatch(text) is None:
        return None
    found = Decimal(text)
    if found == 0:
        return Decimal(0)
    return found if found.adjusted() >= SMALLEST and abs(found) <= MAGNITUDE_MAX else None


def _fraction(text: str) -> Decimal | float:
    exact = number(text)
    return float(text) if exact is None else exact


def text_of(value: object) -> str | None:
    """Return a string with something in it, None for anything else."""
    return value if isinstance(value, str) and value else None
