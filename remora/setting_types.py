"""The kinds of values that settings have: what each variable may hold, and how a mistake is told."""

import re
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from remora.domain.market import MarketClass

PLACEHOLDER: Final = re.compile(
    r"^\W*(your|change|replace|insert|enter|put|todo|fixme|example|placeholder|dummy)([\W_]|me|$)"
    r"|^<.*>$|^\W*x{3,}\W*$|^(0x)?(\.{2,}|…)$|^\*+$|^0x(0+|x+)$|://(user|username):password@",
    re.IGNORECASE,
)


GROUP_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of secp256k1: a private key lies strictly between 0 and this."""

PORT_MAX: Final = 65_535


def _no_placeholder(value: Any) -> Any:
    if isinstance(value, str) and PLACEHOLDER.search(value.strip()):
        raise ValueError("a placeholder")
    return value


def percent(value: Any) -> Any:
    """Read 15 and "15 %" as 0.15; below 1 the number is a fraction already."""
    text = str(value).strip()
    try:
        number = Decimal(text.removesuffix("%").strip())
        return number / 100 if text.endswith("%") or number >= 1 else number
    except InvalidOperation:
        raise ValueError("not a number") from None


def _classes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return frozenset(MarketClass(name.strip()) for name in value.split(",") if name.strip())


def zone(value: str) -> str:
    """Return the name of a time zone; raise ValueError for an unknown one."""
    if value not in available_timezones():
        raise ValueError("unknown")
    return value


def _full_match(pattern: str) -> AfterValidator:
    def check(value: Any) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not re.fullmatch(pattern, text):
            raise ValueError("malformed")
        return value

    return AfterValidator(check)


def _on_the_curve(value: SecretStr) -> SecretStr:
    if not 0 < int(value.get_secret_value(), 16) < GROUP_ORDER:
        raise ValueError("no private key")
    return value


def _with_a_port(value: str) -> str:
    if not 0 < int(value.rpartition(":")[2]) <= PORT_MAX:
        raise ValueError("no port")
    return value


def _database(value: str) -> str:
    parts = urlsplit(value)
    if "," not in parts.netloc and parts.port == 0:  # several hosts are the driver's to read
        raise ValueError("no address")
    return value


def _parsable(value: str) -> str:
    parts = urlsplit(value)
    if not parts.hostname or parts.port == 0:  # the port of a number too large is a ValueError by itself
        raise ValueError("no address")
    return value


Clean = BeforeValidator(_no_placeholder)
Text = Annotated[str, Clean, Field(min_length=1)]
Secret = Annotated[SecretStr, Clean, Field(min_length=1)]
Key = Annotated[SecretStr, Clean, _full_match(r"(0x)?[0-9a-fA-F]{64}"), AfterValidator(_on_the_curve)]
Address = Annotated[str, Clean, _full_match(r"0x[0-9a-fA-F]{40}"), AfterValidator(str.lower)]
HostPort = Annotated[str, Clean, _full_match(r"[A-Za-z0-9_.-]+:[0-9]{1,5}"), AfterValidator(_with_a_port)]
DatabaseUrl = Annotated[str, Clean, _full_match(r"postgres(ql)?(\+asyncpg)?://\S+"), AfterValidator(_database)]
HttpUrl = Annotated[str, Clean, _full_match(r"https?://\S+"), AfterValidator(_parsable)]
WsUrls = Annotated[str, Clean, _full_match(r"wss?://[^\s,]+(,wss?://[^\s,]+)*")]
Fraction = Annotated[Decimal, Clean, Field(gt=0, le=1, allow_inf_nan=False)]
Share = Annotated[float, Clean, Field(gt=0, lt=1, allow_inf_nan=False)]
Percent = Annotated[Decimal, BeforeValidator(percent), Clean, Field(gt=0, lt=1, allow_inf_nan=False)]
Dollars = Annotated[Decimal, Clean, Field(gt=0, le=10**12, allow_inf_nan=False)]
Floor = Annotated[Decimal, Clean, Field(ge=0, le=10**12, allow_inf_nan=False)]
Count = Annotated[int, Clean, Field(ge=1, le=10_000)]
Ticks = Annotated[int, Clean, Field(ge=0, le=100)]
Seconds = Annotated[Decimal, Clean, Field(gt=0, le=10**7, allow_inf_nan=False)]
Hours = Annotated[Decimal, Clean, Field(ge=0, le=24 * 365, allow_inf_nan=False)]
Classes = Annotated[frozenset[MarketClass], NoDecode, BeforeValidator(_classes), Clean]

FRACTION = "a fraction above 0 and at most 1, such as 0.25 (not a percentage)"
SHARE = "a fraction above 0 and below 1, such as 0.3 (not a percentage)"
PERCENT = "a fraction below 1 or a percentage, such as 0.15 or 15"
DOLLARS = "dollars above 0, such as 1000"
FLOOR = "a number, 0 or more"
COUNT = "a whole number from 1 to 10000"
TICKS = "a whole number from 0 to 100"
SECONDS = "seconds above 0"
HOURS = "hours, 0 or more"
LINE_FILE = "a file with one line that only you can read"


def env(name: str, expected: str, default: Any = None, *, secret: bool = False) -> Any:
    """Return the field of one variable; `expected` completes "expected ..., found ..."."""
    return Field(
        default=default,
        validation_alias=name,
        description=expected,
        repr=not secret,
        json_schema_extra={"secret": secret},
    )


def as_hours(value: timedelta) -> Decimal:
    """Return a span in hours."""
    return Decimal(str(value.total_seconds())) / 3600


def as_seconds(value: timedelta) -> Decimal:
    """Return a span in seconds."""
    return Decimal(str(value.total_seconds()))
