"""What a user may set, from the environment and `.env`; every mistake is one line that says what to do."""

import difflib
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from dotenv.parser import parse_stream
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsConfigDict

from remora import secret_sources
from remora.domain.limits import Limits
from remora.domain.market import MarketClass
from remora.secret_settings import SecretSettings
from remora.setting_types import (
    COUNT,
    DOLLARS,
    FLOOR,
    FRACTION,
    HOURS,
    PERCENT,
    PLACEHOLDER,
    SECONDS,
    SHARE,
    TICKS,
    Classes,
    Clean,
    Count,
    Dollars,
    Floor,
    Fraction,
    HostPort,
    Hours,
    HttpUrl,
    Percent,
    Seconds,
    Share,
    Text,
    Ticks,
    percent,
    zone,
)
from remora.setting_types import as_hours as _hours
from remora.setting_types import as_seconds as _seconds
from remora.setting_types import env as _env

DEFAULTS: Final = Limits()


class SettingsError(ValueError):
    """One or more variables cannot be used; one line each, without any secret."""


class Mode(StrEnum):
    """Where orders go."""

    TWIN = "twin"
    PAPER = "paper"
    LIVE = "live"


class Settings(SecretSettings):
    """Everything a user may set; `limits()` gives the part that bounds the desk."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, case_sensitive=True)

    # where
    mode: Annotated[Mode, Clean] = _env("REMORA_MODE", "twin, paper or live", Mode.TWIN)
    temporal_address: HostPort | None = _env("TEMPORAL_ADDRESS", "host:port, such as localhost:7233")
    temporal_namespace: Text = _env("TEMPORAL_NAMESPACE", "the name of a namespace", "default")
    state_dir: Annotated[Path, Clean] | None = _env("REMORA_STATE_DIR", "a directory of this machine")
    twin_url: HttpUrl | None = _env("REMORA_TWIN_URL", "the twin's control address, such as http://127.0.0.1:7074")

    research_dir: Annotated[Path, Clean] | None = _env("REMORA_RESEARCH_DIR", "a directory all workers share")
    metrics_port: Annotated[int, Clean, Field(ge=1, le=65534)] | None = _env(
        "REMORA_METRICS_PORT", "a port from 1 to 65534; Temporal's client uses the one after it"
    )
    metrics_host: Text = _env("REMORA_METRICS_HOST", "an address of this machine", "127.0.0.1")

    # twin
    twin_cash_usd: Dollars = _env("REMORA_TWIN_CASH", DOLLARS, Decimal(10_000))

    # paper
    paper_cash_usd: Dollars = _env("REMORA_PAPER_CASH", DOLLARS, Decimal(10_000))
    paper_failed_share: Annotated[Decimal, Clean, Field(ge=0, lt=1, allow_inf_nan=False)] = _env(
        "REMORA_PAPER_FAILED_SHARE", "a fraction from 0 to below 1", Decimal("0.001")
    )

    # live
    first_day_max_usd: Dollars = _env("REMORA_FIRST_DAY_MAX", DOLLARS, DEFAULTS.first_day_max_usd)
    geoblock_url: HttpUrl | None = _env("REMORA_GEOBLOCK_URL", "an address that answers like the venue's geoblock")

    # selection
    min_whale_win_rate: Annotated[float, Clean, Field(ge=0, le=1)] = _env(
        "MIN_WHALE_WIN_RATE", "a fraction from 0 to 1, such as 0.65 (not a percentage)", 0.65
    )
    min_whale_sharpe: Annotated[float, Clean, Field(ge=-100, le=100)] = _env(
        "MIN_WHALE_SHARPE", "an annual Sharpe ratio, such as 1.0", 1.0
    )
    whale_score_threshold: Annotated[float, Clean, Field(ge=0, le=100)] = _env(
        "WHALE_SCORE_THRESHOLD", "a score from 0 to 100", 70.0
    )

    unknown_fee_rate: Annotated[float, Clean, Field(ge=0, le=0.5)] = _env(
        "REMORA_UNKNOWN_FEE_RATE", "a fraction from 0 to 0.5, such as 0.04 (not a percentage)", 0.04
    )

    rank_by: Annotated[str, Clean, Field(pattern="^(score_low|edge)$")] = _env(
        "REMORA_RANK_BY", "score_low or edge", "score_low"
    )

    event_return_max: Annotated[float, Clean, Field(gt=0, le=1000)] = _env(
        "REMORA_EVENT_RETURN_MAX", "a multiple of the stake above 0, such as 3 for +300 %", 3.0
    )
    half_life_days: Annotated[float, Clean, Field(gt=0, le=10_000)] = _env(
        "REMORA_HALF_LIFE_DAYS", "days above 0", 90.0
    )
    score_confidence: Share = _env("REMORA_SCORE_CONFIDENCE", SHARE, 0.95)
    gain_concentration_max: Share = _env("REMORA_GAIN_CONCENTRATION_MAX", SHARE, 0.30)
    tested_events_min: Count = _env("REMORA_TESTED_EVENTS_MIN", COUNT, 10)
    keep_score: Annotated[float, Clean, Field(ge=0, le=100)] = _env(
        "REMORA_KEEP_SCORE", "a score from 0 to 100", 60.0
    )
    keep_win_rate: Share = _env("REMORA_KEEP_WIN_RATE", SHARE, 0.60)
    keep_false_discovery_rate: Share = _env("REMORA_KEEP_FALSE_DISCOVERY_RATE", SHARE, 0.35)

    # sizing
    kelly_fraction: Fraction = _env("KELLY_FRACTION", FRACTION, DEFAULTS.kelly_fraction)
    position_share: Fraction = _env("REMORA_POSITION_SHARE", FRACTION, DEFAULTS.position_share)
    position_share_ceiling: Annotated[Decimal, Clean, Field(gt=0, le=Decimal("0.10"))] = _env(
        "REMORA_POSITION_SHARE_CEILING",
        "a fraction above 0 and at most 0.10",
        DEFAULTS.position_share_ceiling,
    )
    max_position_size_usd: Dollars = _env("MAX_POSITION_SIZE", DOLLARS, DEFAULTS.max_position_size_usd)
    unproven_share: Fraction = _env("REMORA_UNPROVEN_SHARE", FRACTION, DEFAULTS.unproven_share)
    market_share: Fraction = _env("REMORA_MARKET_SHARE", FRACTION, DEFAULTS.market_share)
    event_share: Fraction = _env("REMORA_EVENT_SHARE", FRACTION, DEFAULTS.event_share)
    whale_share: Fraction = _env("REMORA_WHALE_SHARE", FRACTION, DEFAULTS.whale_share)

    # desk
    daily_loss_share: Fraction = _env("REMORA_DAILY_LOSS_SHARE", FRACTION, DEFAULTS.daily_loss_share)
    max_daily_loss_usd: Dollars = _env("MAX_DAILY_LOSS", DOLLARS, DEFAULTS.max_daily_loss_usd)
    drawdown_share: Fraction = _env("REMORA_DRAWDOWN_SHARE", FRACTION, DEFAULTS.drawdown_share)
    drawdown_recovered_share: Fraction = _env(
        "REMORA_DRAWDOWN_RECOVERED_SHARE", FRACTION, DEFAULTS.drawdown_recovered_share
    )
    entry_orders_per_minute: Count = _env(
        "REMORA_ENTRY_ORDERS_PER_MINUTE", COUNT, DEFAULTS.entry_orders_per_minute
    )
    day_zone: Annotated[str, Clean, AfterValidator(zone)] = _env(
        "REMORA_DAY_ZONE", "an IANA time zone, such as UTC or America/New_York", DEFAULTS.day_zone
    )

    # alerts
    alert_quiet_h: Hours = _env("REMORA_ALERT_QUIET_H", HOURS, Decimal(6))

    # signals
    signal_age_max_s: Seconds = _env("REMORA_SIGNAL_AGE_MAX_S", SECONDS, _seconds(DEFAULTS.signal_age_max))
    signal_skew_max_s: Seconds = _env("REMORA_SIGNAL_SKEW_MAX_S", SECONDS, _seconds(DEFAULTS.signal_skew_max))
    roster_age_max_h: Hours = _env("REMORA_ROSTER_AGE_MAX_H", HOURS, _hours(DEFAULTS.roster_age_max))
    trade_size_max: Dollars = _env("REMORA_TRADE_SIZE_MAX", "shares above 0", DEFAULTS.trade_size_max)

    # markets
    volume_24h_min_usd: Floor = _env("REMORA_VOLUME_24H_MIN_USD", FLOOR, DEFAULTS.volume_24h_min_usd)
    spread_max: Fraction = _env("REMORA_SPREAD_MAX", FRACTION, DEFAULTS.spread_max)
    drift_min_usd: Annotated[Decimal, Clean, Field(ge=0, lt=1)] = _env(
        "REMORA_DRIFT_MIN_USD", "dollars per share, from 0 to below 1", DEFAULTS.drift_min_usd
    )
    drift_ticks: Ticks = _env("REMORA_DRIFT_TICKS", TICKS, DEFAULTS.drift_ticks)
    time_to_resolution_min_h: Hours = _env(
        "REMORA_TIME_TO_RESOLUTION_MIN_H", HOURS, _hours(DEFAULTS.time_to_resolution_min)
    )
    market_classes: Classes = _env(
        "REMORA_MARKET_CLASSES",
        "names separated by commas, out of " + ", ".join(MarketClass),
        DEFAULTS.market_classes,
    )
    marketable_buy_min_usd: Annotated[Decimal, Clean, Field(ge=1, le=10**6)] = _env(
        "REMORA_MARKETABLE_BUY_MIN_USD", "dollars, 1 or more", DEFAULTS.marketable_buy_min_usd
    )

    # exits
    stop_loss: Percent = _env("STOP_LOSS_PCT", PERCENT, DEFAULTS.stop_loss)
    take_profit: Annotated[Decimal, BeforeValidator(percent), Clean, Field(gt=0, le=100, allow_inf_nan=False)] = (
        _env("TAKE_PROFIT_PCT", PERCENT, DEFAULTS.take_profit)
    )
    target_max: Annotated[Decimal, Clean, Field(gt=0, lt=1)] = _env(
        "REMORA_TARGET_MAX", "a price between 0 and 1", DEFAULTS.target_max
    )
    stop_ticks: Ticks = _env("REMORA_STOP_TICKS", TICKS, DEFAULTS.stop_ticks)
    crossing_updates: Count = _env("REMORA_CROSSING_UPDATES", COUNT, DEFAULTS.crossing_updates)
    crossing_age_s: Seconds = _env("REMORA_CROSSING_AGE_S", SECONDS, _seconds(DEFAULTS.crossing_age))
    pre_resolution_h: Hours = _env("REMORA_PRE_RESOLUTION_H", HOURS, _hours(DEFAULTS.pre_resolution))
    pre_resolution_aggressive_h: Hours = _env(
        "REMORA_PRE_RESOLUTION_AGGRESSIVE_H", HOURS, _hours(DEFAULTS.pre_resolution_aggressive)
    )

    def limits(self) -> Limits:
        """Return the numbers that bound the desk."""
        values: dict[str, Any] = self.model_dump()
        seconds = ("signal_age_max", "signal_skew_max", "crossing_age")
        hours = ("roster_age_max", "time_to_resolution_min", "pre_resolution", "pre_resolution_aggressive")
        spans: dict[str, Any] = {name: timedelta(seconds=float(values[f"{name}_s"])) for name in seconds}
        spans |= {name: timedelta(hours=float(values[f"{name}_h"])) for name in hours}
        plain = {name: values[name] for name in Limits.__dataclass_fields__ if name not in spans}
        return Limits(**(plain | spans))


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """Return the settings of the environment and, beneath it, of `env_file` if it exists.

    Raises SettingsError with one line per variable: what was expected, what was found, what to do.
    """
    if env_file is not None and env_file.exists():
        _check_file(env_file)
    options: dict[str, Any] = {"_env_file": env_file, "_env_file_encoding": "utf-8"}
    settings = _read(options)
    kept = _kept_elsewhere(settings)
    if kept:
        settings = _read(options | kept)
    problems = list(_contradictions(settings))
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _read(options: dict[str, Any]) -> Settings:
    try:
        return Settings(**options)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(detail) for detail in error.errors())) from None


def _kept_elsewhere(settings: Settings) -> dict[str, str]:
    """Return the secrets that files and the keyring hold, by variable; a value that is set wins over both."""
    fields = {variable: field for field, variable in variable_names().items()}
    found: dict[str, str] = {}
    problems = []
    for name in secret_sources.NAMES:
        if getattr(settings, fields[name]) is not None:
            continue
        path = getattr(settings, fields[f"{name}_FILE"])
        try:
            if path is not None:
                found[name] = secret_sources.from_file(name, path)
            elif settings.keyring is not None:
                value = secret_sources.from_keyring(settings.keyring, name)
                found |= {} if value is None else {name: value}
        except secret_sources.SecretUnavailable as error:
            problems.append(str(error))
    if problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    return found


def variable_names() -> dict[str, str]:
    """Return each variable's environment name by the name of its field."""
    return {field: str(info.validation_alias) for field, info in Settings.model_fields.items()}


def _check_file(path: Path) -> None:
    try:
        with path.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path}: expected a readable UTF-8 text file, found {type(error).__name__}; fix or remove it"
        ) from None
    known = set(variable_names().values())
    problems = []
    for binding in bindings:
        line = binding.original.line
        if binding.error:
            problems.append(
                f"{path}, line {line}: expected NAME=value, found something else; fix or remove the line"
            )
        elif binding.key is not None and binding.key not in known:
            near = difflib.get_close_matches(binding.key.upper(), known, n=1, cutoff=0.8)
            problems += (
                [f"{path}, line {line}: unknown variable {binding.key}; did you mean {near[0]}?"] if near else []
            )
    if problems:
        raise SettingsError("\n".join(problems))


def _explain(detail: ErrorDetails) -> str:
    name = str(detail["loc"][0])
    field = next(info for info in Settings.model_fields.values() if info.validation_alias == name)
    extra = field.json_schema_extra
    secret = isinstance(extra, dict) and bool(extra["secret"])
    return (
        f"{name}: expected {field.description}, found {_found(detail['input'], secret=secret)}; "
        f"set it in .env or the environment, or remove it{'' if secret else _default(field.default)}"
    )


def _found(value: object, *, secret: bool) -> str:
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    if PLACEHOLDER.search(text.strip()):
        return "a placeholder"
    return f"{len(text)} characters (not shown)" if secret else repr(text[:80])


def _default(value: Any) -> str:
    if value is None:
        return ""
    return f" for the default {','.join(sorted(value)) if isinstance(value, frozenset) else value}"


def _contradictions(settings: Settings) -> Iterator[str]:
    if settings.mode is Mode.LIVE:
        for name, value in (("PRIVATE_KEY", settings.private_key), ("WALLET_ADDRESS", settings.wallet_address)):
            if value is None:
                yield f"{name}: expected for REMORA_MODE=live, found nothing; set it, or use REMORA_MODE=twin"
    credentials = (settings.api_key, settings.api_secret, settings.api_passphrase)
    if any(credentials) and not all(credentials):
        yield (
            "POLYMARKET_API_KEY, POLYMARKET_SECRET, POLYMARKET_PASSPHRASE: expected all three or none, "
            f"found {sum(map(bool, credentials))}; set the rest, or remove them: PRIVATE_KEY is enough"
        )
    builder = (settings.builder_key, settings.builder_secret, settings.builder_passphrase)
    if any(builder) and not all(builder):
        yield (
            "POLYMARKET_BUILDER_API_KEY, POLYMARKET_BUILDER_SECRET, POLYMARKET_BUILDER_PASSPHRASE: "
            f"expected all three or none, found {sum(map(bool, builder))}; set the rest, or remove them"
        )
    for smaller, larger in (
        ("drawdown_recovered_share", "drawdown_share"),
        ("pre_resolution_aggressive_h", "pre_resolution_h"),
        ("position_share", "position_share_ceiling"),
    ):
        low, high = getattr(settings, smaller), getattr(settings, larger)
        if low > high:
            names = variable_names()
            yield f"{names[smaller]}: expected at most {names[larger]} = {high}, found {low}; change one of them"
