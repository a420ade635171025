"""This machine: programs, disk, and who may read the secrets."""

import platform
import shutil
import stat
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import SecretStr

from remora import secret_sources
from remora.cli.checks.finding import Check, Finding, fail, ok, warn
from remora.embedded.disk import FREE_BYTES_MIN

SDK_PIN = "0.14.0"
SECRET_NAMES = (*secret_sources.NAMES, "REMORA_ALERT_URLS", "REMORA_HEARTBEAT_URL")


def checks(state_dir: Path, env_file: Path, *, alert_urls: SecretStr | None = None) -> list[Check]:
    """Return the checks of this machine; alert targets are read, nothing is sent to them."""

    async def programs() -> Sequence[Finding]:
        return [_python(), _sdk(), _signer()]

    async def disk() -> Finding:
        return disk_room(state_dir)

    async def secrets() -> Finding:
        return env_mode(env_file)

    async def alerts() -> Finding:
        return alert_targets(alert_urls)

    return [
        Check("alerts", alerts, "See REMORA_ALERT_URLS."),
        Check("programs", programs, "Run `make install`."),
        Check("disk", disk, "Look at the disk."),
        Check("secrets", secrets, "Look at the file's permissions."),
    ]


def _python() -> Finding:
    found = f"Python {platform.python_version()} on {sys.platform} {platform.machine()}"
    return ok("python", found)


def _sdk() -> Finding:
    found = version("polymarket-client")
    if found != SDK_PIN:
        return fail(
            "sdk",
            f"polymarket-client {found}, expected {SDK_PIN}",
            "Its private parts are relied on: run `make install`, which checks hashes.",
        )
    return ok("sdk", f"polymarket-client {found}")


def _signer() -> Finding:
    try:
        return ok("signer", f"coincurve {version('coincurve')} signs natively")
    except PackageNotFoundError:
        return warn("signer", "coincurve is missing: signing takes 15 times as long", "Run `make install`.")


def disk_room(state_dir: Path, *, bytes_min: int = FREE_BYTES_MIN) -> Finding:
    """Return whether the state's disk has room; the directory need not exist yet."""
    place = state_dir
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free // 1024**2} MB free at {place}"
    if free < bytes_min:
        todo = f"Free at least {bytes_min // 1024**2} MB, or set REMORA_STATE_DIR to another disk."
        return fail("disk", found, todo)
    return ok("disk", found)


def alert_targets(urls: SecretStr | None) -> Finding:
    """Return whether alerts have somewhere to go."""
    from remora.telemetry.alerts import Notifier, TargetInvalid, addresses

    targets = addresses(urls)
    if not targets:
        todo = "Set REMORA_ALERT_URLS; then `remora doctor alerts` sends a test."
        return warn("alerts", "no target: nobody is told when something goes wrong", todo)
    try:
        Notifier(targets)
    except TargetInvalid as error:
        return fail("alerts", str(error), "Correct REMORA_ALERT_URLS.")
    return ok("alerts", f"{len(targets)} targets; `remora doctor alerts` sends a test")


def env_mode(env_file: Path) -> Finding:
    """Return whether others on this machine can read the secrets in `env_file`."""
    if not env_file.exists():
        return ok("env file", "none: everything comes from the environment")
    mode = stat.S_IMODE(env_file.stat().st_mode)
    text = env_file.read_text(encoding="utf-8", errors="replace")
    kept = [
        name for name in SECRET_NAMES if any(line.strip().startswith(f"{name}=") for line in text.splitlines())
    ]
    if kept and mode & 0o077:
        return fail(
            "env file",
            f"{env_file} holds {', '.join(kept)} and others can read it (mode {mode:o})",
            f"chmod 600 {env_file}; if others use this machine, take new keys.",
        )
    return ok("env file", f"{env_file}, mode {mode:o}")
