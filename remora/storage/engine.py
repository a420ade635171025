"""Connections to PostgreSQL."""

import json
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine


def async_url(url: str) -> str:
    """Return `url` with the driver that Remora uses, whatever way it was written."""
    for prefix in ("postgresql+asyncpg://", "postgresql+psycopg://", "postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+asyncpg://" + url.removeprefix(prefix)
    raise ValueError("DATABASE_URL must start with postgresql://")


def _dumps(value: Any) -> str:
    return json.dumps(value, default=lambda v: str(v) if isinstance(v, Decimal) else repr(v))


def create_engine(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """Return an engine on asyncpg; times come back in UTC."""
    return create_async_engine(
        async_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=False,
        # the connection used last has its statements prepared
        pool_use_lifo=True,
        json_serializer=_dumps,
        # a failed statement's error goes into logs and Temporal's histories, and signed orders are parameters
        hide_parameters=True,
        connect_args={"server_settings": {"timezone": "UTC", "application_name": "remora"}},
    )
