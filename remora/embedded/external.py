"""Servers that the settings name: looked at, never started or stopped."""

import asyncio
from urllib.parse import urlsplit

from remora.embedded.errors import Unreachable
from remora.embedded.health import answers_http
from remora.embedded.postgres import migrate_database
from remora.embedded.site import Site
from remora.embedded.temporal import knows_namespace, set_up


async def require_database(site: Site, *, migrate: bool) -> None:
    """Raise Unreachable unless DATABASE_URL's server lets us in; then bring its schema up to date."""
    import asyncpg

    plain = site.database_url.replace("postgresql+asyncpg://", "postgresql://")
    try:
        connection = await asyncpg.connect(plain, timeout=10)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        where = urlsplit(plain)
        raise Unreachable(
            f"The database that DATABASE_URL names ({where.hostname or 'a local socket'}{where.path}) "
            f"cannot be used: {type(error).__name__}.",
            "Start that server and check user, password and name; or unset DATABASE_URL for an embedded one.",
        ) from None
    await connection.close()
    if migrate:
        await migrate_database(site)


async def require_temporal(site: Site) -> None:
    """Raise Unreachable unless TEMPORAL_ADDRESS's server has the namespace; then set that up."""
    for _ in range(3):
        if await knows_namespace(site.temporal_address, site.temporal_namespace):
            await set_up(site)
            return
        await asyncio.sleep(0.5)
    raise Unreachable(
        f"No Temporal server with namespace {site.temporal_namespace!r} answers at {site.temporal_address}.",
        "Start it and check TEMPORAL_NAMESPACE; or unset TEMPORAL_ADDRESS for an embedded one.",
    )


async def require_twin(site: Site) -> None:
    """Raise Unreachable unless REMORA_TWIN_URL answers."""
    if not await answers_http(f"{site.twin_url}/health"):
        raise Unreachable(
            f"No exchange twin answers at REMORA_TWIN_URL={site.twin_url}.",
            "Start it with `remora twin serve`, or unset REMORA_TWIN_URL for an embedded one.",
        )
