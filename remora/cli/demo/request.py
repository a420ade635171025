"""What the user asked the demo for, checked before anything is started."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from remora.cli.errors import CommandFailed, Exit
from remora.domain.ids import WalletAddress
from remora.secret_settings import SecretSettings
from remora.settings import Mode, Settings, load_settings
from remora.venues.twin.scenario.window import SPEED_MAX

AUTO = "auto"
LEFT_OUT: Final = {name: field.default for name, field in SecretSettings.model_fields.items()} | {
    "geoblock_url": None
}
"""What the demo leaves out of the user's settings: keys, credentials, wallet, nodes, listeners to alerts."""

TAPE_VOLUME_FLOOR = Decimal(1000)
TAPE_SPREAD_MAX = Decimal("0.10")
"""Old recordings are of markets far smaller than the venue's of today; their overrides are named in the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A demo that can be played: the twin's options, whom to follow, the policy."""

    scenario: tuple[str, ...]
    follow: tuple[WalletAddress, ...]
    settings: Settings


def checked(
    *,
    tape: Path | None,
    season: int | None,
    since: str | None,
    until: str | None,
    speed: float | None,
    follow: Sequence[str],
    volume_floor: float | None,
    spread_max: float | None,
    outputs: Sequence[Path | None],
) -> Request:
    """Return the request; raise CommandFailed (usage) for anything that could not be played."""
    if tape is not None and season is not None:
        raise _usage("Expected --tape or --season, found both.", "Leave one out.")
    if speed is not None and not 0 < speed <= SPEED_MAX:
        raise _usage(
            f"--speed: expected a number above 0, {SPEED_MAX:.0f} at most, found {speed}.",
            "1 is real time; try 600.",
        )
    require_seed(season)
    start, end = _instant("--from", since), _instant("--to", until)
    if start is not None and end is not None and start >= end:
        raise _usage(f"The window is reversed: --from {since} is not before --to {until}.", "Swap them.")
    require_writable(outputs)
    _require_playable(tape, season, start, end, speed)
    options = ["--tape", str(tape.absolute())] if tape else ["--season", str(1 if season is None else season)]
    for name, value in (("--from", start), ("--to", end)):
        options += [name, value.isoformat()] if value is not None else []
    options += ["--speed", str(speed)] if speed is not None else []
    return Request(
        scenario=tuple(options),
        follow=_wallets(follow),
        settings=_policy(recorded=tape is not None, volume_floor=volume_floor, spread_max=spread_max),
    )


def refuse_beside_script(options: Mapping[str, object]) -> None:
    """Raise CommandFailed (usage) for options with a value that a scripted scenario would pay no attention to."""
    found = [name for name, value in options.items() if value not in (None, [])]
    if found:
        raise _usage(
            f"--scenario plays a script of its own, found {', '.join(found)} beside it.",
            "Leave out one or the other; --season, --json, --picture and --log go with a script.",
        )


def require_seed(season: int | None) -> None:
    """Raise CommandFailed (usage) for a seed that nothing can be drawn from."""
    if season is not None and season < 0:
        raise _usage(f"--season: expected a seed of 0 or more, found {season}.", "Such as 1.")


def _usage(message: str, next_step: str) -> CommandFailed:
    return CommandFailed(message, next_step, code=Exit.USAGE)


def _instant(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _usage(f"{option}: expected an ISO date or time, found {text!r}.", "Such as 2022-11-06.") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def require_writable(paths: Iterable[Path | None]) -> None:
    """Find out now, not after two minutes; raise CommandFailed (usage) for a file that cannot be written."""
    for path in paths:
        if path is None:
            continue
        try:
            with path.open("a"):
                pass
        except OSError as error:
            cause = error.strerror or error
            raise _usage(f"{path} cannot be written: {cause}.", "Name another file.") from None


def _require_playable(
    tape: Path | None, season: int | None, start: datetime | None, end: datetime | None, speed: float | None
) -> None:
    """Read what the twin will read; a season is only generated here when its window is in question."""
    from remora.venues.twin.scenario.season import season_scenario
    from remora.venues.twin.scenario.tape import TapeError
    from remora.venues.twin.scenario.tape_scenario import tape_scenario

    try:
        if tape is not None:
            tape_scenario(tape, start=start, end=end, speed=speed)
        elif start is not None or end is not None:
            season_scenario(1 if season is None else season, start=start, end=end, speed=speed)
    except (TapeError, ValueError, OverflowError) as error:
        text = str(error)
        raise _usage(f"{text[:1].upper()}{text[1:]}.", "`remora demo --help` says what can be played.") from None


def _wallets(follow: Sequence[str]) -> tuple[WalletAddress, ...]:
    names = [name.strip().lower() for entry in follow for name in entry.split(",") if name.strip()]
    if AUTO in names:
        if len(names) > 1:
            raise _usage("--follow: expected addresses or auto, found both.", "Leave one out.")
        return ()
    for name in names:
        if not re.fullmatch(r"0x[0-9a-f]{40}", name):
            raise _usage(f"--follow: expected 0x and 40 hexadecimal digits or auto, found {name!r}.", "")
    return tuple(WalletAddress(name) for name in dict.fromkeys(names))


def _policy(*, recorded: bool, volume_floor: float | None, spread_max: float | None) -> Settings:
    """Return the user's settings on the twin, with the policy that this scenario needs."""
    settings = load_settings()
    chosen: dict[str, Any] = {}
    for name, option, asked, of_a_tape in (
        ("volume_24h_min_usd", "--volume-floor", volume_floor, TAPE_VOLUME_FLOOR),
        ("spread_max", "--spread-max", spread_max, TAPE_SPREAD_MAX),
    ):
        if asked is not None and not math.isfinite(asked):
            raise _usage(f"{option}: expected a number, found {asked}.", "`remora demo --help` says which.")
        if asked is not None:
            chosen[name] = Decimal(str(asked))
        elif recorded and name not in settings.model_fields_set:
            chosen[name] = of_a_tape
    return settings.model_copy(update={**chosen, **LEFT_OUT, "mode": Mode.TWIN})


def overrides(settings: Settings) -> dict[str, str]:
    """Return every number of the policy that is not the product's own, by its environment name."""
    found = {}
    for name in _policy_names():
        info, value = Settings.model_fields[name], getattr(settings, name)
        if value != info.default:
            found[str(info.validation_alias)] = (
                ",".join(sorted(value)) if isinstance(value, frozenset) else str(value)
            )
    return found


def without_overrides(settings: Settings) -> Settings:
    """Return the settings with every number of the policy as the product has it."""
    return settings.model_copy(update={name: Settings.model_fields[name].default for name in _policy_names()})


def _policy_names() -> list[str]:
    from remora.domain.limits import Limits

    bounds = Limits.__dataclass_fields__
    return [
        name
        for name in Settings.model_fields
        if name.removesuffix("_s").removesuffix("_h") in bounds or "whale" in name
    ]
