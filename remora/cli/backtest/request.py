"""What the user asked the backtest for, checked before anything is replayed."""

import json
import math
import re
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from remora.backtest.costs import FillLevel, Latency, LatencyUnreadable
from remora.backtest.history import History, instant
from remora.backtest.rosters import NamedRoster
from remora.backtest.run import prepare, replay
from remora.backtest.scenarios import season_history
from remora.backtest.sources import DataUnusable, read_history
from remora.backtest.spec import Spec, SpecRefused, changed
from remora.backtest.sweep import Point, Source, points_of
from remora.cli.backtest.latency import LEDGER, latency_of
from remora.cli.backtest.period import DAY, Period, day, require_inside, sentence, stopped, usage
from remora.cli.errors import CommandFailed, Exit
from remora.domain.limits import Limits
from remora.settings import load_settings
from remora.statistics.scoring_params import ScoringParams
from starters.roster import scoring_params

SIMULATIONS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options as they were given."""

    data: tuple[Path, ...]
    season: int | None
    period: Period
    simulations: int
    workers: int | None
    whales: tuple[str, ...]
    select: bool
    latency: str
    fills: str
    capital: float
    policy: Path | None
    assume_end_days: float | None
    seed: int
    grid: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A backtest that can be run."""

    spec: Spec
    history: History
    limits: Limits
    scoring: ScoringParams
    simulations: int
    workers: int | None
    source: Source
    points: list[Point]


def requested(asked: Asked) -> Request:
    """Read the data and check everything; raise CommandFailed for what cannot be run."""
    _check_numbers(asked)
    settings = load_settings()
    limits = settings.limits()
    scoring = scoring_params(settings)
    policy = read_policy(asked.policy, limits)
    history = _history(asked)
    span, start, end = history.span, asked.period.start, asked.period.end
    require_inside(asked.period, instant(span[0]), instant(span[1]))
    first = instant(span[0]) if start is None else start
    last = instant(span[1] + 1) if end is None else end + DAY
    spec = Spec(
        start=first.timestamp(),
        end=last.timestamp(),
        whales=whales_of(asked.whales, history, first),
        select=asked.select or not asked.whales,
        latency=latency_of(asked.latency),
        fills=asked.fills,
        capital=asked.capital,
        policy=policy,
        rank_by=scoring.rank_by.value,
        seed=asked.seed,
    )
    points = [] if asked.grid is None else _points(asked.grid, spec, history, limits, scoring)
    source = Source(
        paths=tuple(str(path.absolute()) for path in asked.data),
        season=asked.season,
        assumed_life_days=asked.assume_end_days,
    )
    return Request(
        spec=spec,
        history=history,
        limits=limits,
        scoring=scoring,
        simulations=asked.simulations,
        workers=asked.workers,
        source=source,
        points=points,
    )


def _check_numbers(asked: Asked) -> None:
    if bool(asked.data) == (asked.season is not None):
        found = "both" if asked.data else "neither"
        raise usage(f"Expected --data or --season, found {found}.", "Try --data tape.parquet, or --season 1.")
    if not 1 <= asked.simulations <= SIMULATIONS_MAX:
        raise usage(
            f"--simulations: expected 1 to {SIMULATIONS_MAX}, found {asked.simulations}.", "1000 is a good number."
        )
    if asked.workers is not None and not 1 <= asked.workers <= 256:
        raise usage(f"--workers: expected 1 to 256 processes, found {asked.workers}.")
    if not (math.isfinite(asked.capital) and 1 <= asked.capital <= 1e9):
        raise usage(f"--capital: expected dollars from 1 to 1e9, found {asked.capital}.")
    if asked.assume_end_days is not None and not 0 < asked.assume_end_days <= 3650:
        raise usage(f"--assume-end-days: expected days above 0, found {asked.assume_end_days}.")
    if asked.fills not in set(FillLevel):
        raise usage(f"--fills: expected one of {', '.join(FillLevel)}, found {asked.fills!r}.")
    if asked.select and asked.whales:
        raise usage("Expected --whales or --select, found both.", "Leave one out.")
    if asked.seed < 0 or (asked.season or 0) < 0:
        raise usage("--seed and --season: expected 0 or more, found a negative number.")
    _check_latency(asked.latency)


def _check_latency(text: str) -> None:
    if text == LEDGER:
        return
    try:
        Latency.parse(text)
    except LatencyUnreadable as error:
        raise usage(f"--latency: {stopped(error)}") from None


def _history(asked: Asked) -> History:
    if asked.season is not None:
        return season_history(asked.season)[0]
    life = None if asked.assume_end_days is None else timedelta(days=asked.assume_end_days)
    try:
        return read_history(asked.data, assumed_life=life)
    except DataUnusable as error:
        raise usage(sentence(error)) from None


def read_policy(path: Path | None, limits: Limits) -> dict[str, str]:
    """Return the numbers of a policy file as text by name; raise CommandFailed for one that cannot be used."""
    if path is None:
        return {}
    found = read_mapping(path)
    try:
        changed(limits, found)
    except SpecRefused as error:
        raise usage(f"{path}: {stopped(error)}") from None
    return {name: str(value) for name, value in sorted(found.items())}


def _points(path: Path, spec: Spec, history: History, limits: Limits, scoring: ScoringParams) -> list[Point]:
    grid = read_mapping(path)
    if isinstance(values := grid.get("latency"), list):
        grid["latency"] = [latency_of(str(value)) for value in values]
    try:
        return points_of(
            grid,
            spec.limits(limits),
            scoring if spec.select else None,
            seconds=lambda: _seconds_of_a_replay(spec, history, limits),
        )
    except SpecRefused as error:
        raise CommandFailed(f"{path}: {stopped(error)}", code=Exit.REFUSED) from None


def _seconds_of_a_replay(spec: Spec, history: History, limits: Limits) -> float:
    """Return how long one replay takes here: behind the named wallets, else behind as many of the busiest."""
    codes = history.prints.wallet[history.prints.wallet >= 0]
    busiest = np.argsort(-np.bincount(codes, minlength=len(history.wallets)), kind="stable")
    whales = spec.whales or tuple(history.wallets[code] for code in busiest[: spec.followed_max])
    case = prepare(spec, history, NamedRoster(frozenset(whales)), whales, spec.limits(limits), spec.costs())
    began = time.perf_counter()
    replay(case, record=False)
    return time.perf_counter() - began


def read_mapping(path: Path) -> dict[str, Any]:
    """Return a TOML or JSON file's top-level table; raise CommandFailed for anything else."""
    try:
        text = path.read_text(encoding="utf-8")
        found: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise usage(f"{path}: expected readable TOML or JSON ({error}).") from None
    if not isinstance(found, dict):
        raise usage(f"{path}: expected a table of names and numbers, found {type(found).__name__}.")
    return found


def whales_of(given: Sequence[str], history: History, start: datetime) -> tuple[str, ...]:
    """Return the wallets to follow; raise CommandFailed for a choice that would look ahead."""
    wallets: list[str] = []
    for entry in (part.strip() for text in given for part in text.split(",")):
        if match := re.fullmatch(r"top:(\d+)", entry):
            wallets += _largest(int(match[1]), history, start)
        elif re.fullmatch(r"0x[0-9a-fA-F]{40}", entry):
            wallets.append(entry.lower())
        elif entry.endswith(".json"):
            wallets += _of_roster(Path(entry), start)
        elif entry:
            raise usage(
                f"--whales: expected 0x and 40 hexadecimal digits, top:N or a .json file, found {entry!r}."
            )
    chosen = tuple(dict.fromkeys(wallets))
    missing = [wallet for wallet in chosen if wallet not in history.codes]
    if given and not chosen:
        raise usage(
            f"--whales {','.join(given)} names nobody.", "Name wallets, or leave it out to choose as we go."
        )
    if chosen and len(missing) == len(chosen):
        raise usage(f"None of the {len(chosen)} wallets is in the recording.", f"First: {missing[0]}.")
    return chosen


def _largest(count: int, history: History, start: datetime) -> list[str]:
    known = history.before(start.timestamp()).prints
    if not len(known):
        raise CommandFailed(
            f"--whales top:{count} would look ahead: nothing was recorded before {start:%Y-%m-%d}.",
            "Name a later --start-date, or the wallets.",
            code=Exit.REFUSED,
        )
    mine = known.take(known.wallet >= 0)
    dollars = np.bincount(mine.wallet, weights=mine.price * mine.size, minlength=len(history.wallets))
    order = np.argsort(-dollars, kind="stable")[:count]
    return [history.wallets[code] for code in order if dollars[code] > 0]


def _of_roster(path: Path, start: datetime) -> list[str]:
    found = read_mapping(path)
    as_of = day("as_of", str(found.get("as_of", "")) or None)
    rows = found.get("roster")
    if as_of is None or not isinstance(rows, list):
        raise usage(f"{path}: expected as_of and roster, as `remora discover --json` writes them.")
    if as_of > start:
        raise CommandFailed(
            f"{path} would look ahead: its roster knows everything up to {as_of:%Y-%m-%d %H:%M}, "
            f"the backtest starts on {start:%Y-%m-%d}.",
            "Name a --start-date after it, or choose as we go with --select.",
            code=Exit.REFUSED,
        )
    return [str(row.get("wallet", row) if isinstance(row, dict) else row).lower() for row in rows]
