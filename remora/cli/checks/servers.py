"""PostgreSQL, Temporal and what they know: reached, up to date, worked on."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from remora.cli.checks.finding import Check, Finding, fail, ok, warn
from remora.embedded.health import polls
from remora.embedded.services import TRADING_QUEUE
from remora.embedded.temporal import knows_namespace

START = "Run `remora up`."
SKEW_MAX = timedelta(seconds=2)


def checks(
    *, database_url: str | None, temporal_address: str | None, namespace: str, roster_age_max: timedelta
) -> list[Check]:
    """Return the checks of the servers that are named or run on this machine."""

    async def database() -> Sequence[Finding]:
        if database_url is None:
            return [fail("postgresql", "no DATABASE_URL and none runs on this machine", START)]
        return await _database(database_url, roster_age_max)

    async def temporal() -> Sequence[Finding]:
        if temporal_address is None:
            return [fail("temporal", "no TEMPORAL_ADDRESS and none runs on this machine", START)]
        return await _temporal(temporal_address, namespace)

    return [
        Check(
            "postgresql", database, "Start the server that DATABASE_URL names, or unset it and run `remora up`."
        ),
        Check(
            "temporal", temporal, "Start the server that TEMPORAL_ADDRESS names, or unset it and run `remora up`."
        ),
    ]


async def _database(url: str, roster_age_max: timedelta) -> Sequence[Finding]:
    import asyncpg
    from alembic.script import ScriptDirectory

    from remora.storage.migrate import config

    plain = url.replace("postgresql+asyncpg://", "postgresql://")
    try:
        connection = await asyncpg.connect(plain, timeout=8)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        todo = "Start that server and check user, password and name; or unset DATABASE_URL and run `remora up`."
        return [fail("postgresql", f"cannot be used: {type(error).__name__}", todo)]
    try:
        version = await connection.fetchval("SHOW server_version")
        skew = datetime.now(UTC) - await connection.fetchval("SELECT clock_timestamp()")
        head = ScriptDirectory.from_config(config(url)).get_current_head()
        known = await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL")
        found = await connection.fetchval("SELECT version_num FROM alembic_version") if known else None
        findings = [ok("postgresql", f"PostgreSQL {version}"), _skew("database clock", skew)]
        if found != head:
            todo = "Run `remora up`, or `python -m remora.storage.migrate`."
            return [*findings, fail("schema", f"revision {found or 'none'}, expected {head}", todo)]
        findings.append(ok("schema", f"revision {found}"))
        return [*findings, await _roster(connection, roster_age_max)]
    finally:
        await connection.close()


async def _roster(connection: object, age_max: timedelta) -> Finding:
    import asyncpg

    assert isinstance(connection, asyncpg.Connection)
    row = await connection.fetchrow(
        "SELECT r.published_at, count(e.whale) AS whales "
        "FROM rosters r LEFT JOIN roster_entries e USING (version) "
        "GROUP BY r.version ORDER BY r.version DESC LIMIT 1"
    )
    if row is None:
        return warn("roster", "no wallet is followed yet", "See `remora discover`, then `remora rescore`.")
    age = datetime.now(UTC) - row["published_at"]
    found = f"{row['whales']} wallets, {age.total_seconds() / 3600:.1f} h old"
    if age > age_max:
        return warn("roster", f"{found}: too old, entries are refused", "Run `remora rescore`.")
    return ok("roster", found)


async def _temporal(address: str, namespace: str) -> Sequence[Finding]:
    if not await knows_namespace(address, namespace):
        todo = "Start it and check TEMPORAL_NAMESPACE; or unset TEMPORAL_ADDRESS and run `remora up`."
        return [fail("temporal", f"no server with namespace {namespace!r} answers at {address}", todo)]
    findings = [ok("temporal", f"{address}, namespace {namespace}")]
    if not await polls(address, namespace, TRADING_QUEUE):
        todo = "Run `remora up`; see engine.log in the state directory if it ended."
        return [*findings, fail("trading worker", "nobody takes work from the trading queue", todo)]
    return [*findings, ok("trading worker", "polls")]


def _skew(check: str, skew: timedelta) -> Finding:
    found = f"{skew.total_seconds():+.1f} s between this machine and it"
    if abs(skew) > SKEW_MAX:
        return fail(check, found, "Let both machines keep their time by NTP.")
    return ok(check, found)
