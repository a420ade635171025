"""What is known after a run: the exchange's own books, ours, and which workflows run. Read only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from chaos.place import Place
from remora.storage.books import Books, our_books
from remora.storage.ledger import LedgerUnbalanced

RUNNING = "WorkflowType = 'PositionWorkflow' AND ExecutionStatus = 'Running'"


@dataclass(frozen=True, slots=True)
class Told:
    """A whale's trade that the exchange showed to everybody, `at` venue time; `key` is its name in our tables.

    `condition_id`, where it is known, tells that a purchase was one of the other outcome.
    """

    key: str
    whale: str
    token_id: str
    side: str
    at: datetime
    condition_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything the checks look at. `books` is a sentence when our ledger contradicts itself."""

    theirs: Mapping[str, Any]
    books: Books | str
    told: Sequence[Told]
    decisions: Sequence[Mapping[str, Any]]
    consumed: Sequence[Mapping[str, Any]]
    orders: Sequence[Mapping[str, Any]]
    fills: Sequence[Mapping[str, Any]]
    ledger: Sequence[Mapping[str, Any]]
    positions: Sequence[Mapping[str, Any]]
    held_back: Sequence[Mapping[str, Any]]
    running: frozenset[str]
    events: Mapping[str, str]


async def gather(place: Place, told: Sequence[Told]) -> Evidence:
    """Read everything now."""
    engine = place.engine
    client = await place.client()
    try:
        books: Books | str = await our_books(engine, place.account)
    except LedgerUnbalanced as error:
        books = str(error)
    return Evidence(
        theirs=await place.books(),
        books=books,
        told=told,
        decisions=await rows(
            engine, "SELECT id, run_id, outcome, reason, signal_key, whale, token_id FROM decisions"
        ),
        consumed=await rows(engine, "SELECT trade_key, decision_id FROM consumed_trades"),
        orders=await rows(
            engine,
            "SELECT id, digest, decision_id, position_id, purpose, state, venue_at, send_attempts FROM orders",
        ),
        fills=await rows(
            engine, "SELECT trade_id, digest, position_id, side, shares, price, fee, status FROM fills"
        ),
        ledger=await rows(engine, "SELECT kind, reference FROM ledger_transactions"),
        positions=await rows(
            engine,
            "SELECT id, workflow_id, state, whale, token_id, condition_id, event_id, attention, exit_reason, "
            "opened_at, closed_at, bought_shares, sold_shares, redeemed_shares FROM positions",
        ),
        held_back=await rows(engine, "SELECT order_id, position_id FROM reservations WHERE released_at IS NULL"),
        running=frozenset([found.id async for found in client.list_workflows(RUNNING)]),
        events={market.condition_id: market.event_id for market in place.markets},
    )


async def rows(engine: AsyncEngine, query: str, **values: Any) -> list[Mapping[str, Any]]:
    """Return what a query finds."""
    async with engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]


async def scalar(engine: AsyncEngine, query: str) -> int:
    """Return the number that a query finds."""
    return int((await rows(engine, query))[0]["count"])


def decimals(found: Mapping[str, str]) -> dict[str, Decimal]:
    """Return the numbers of a JSON object, zeros left out."""
    return {name: Decimal(value) for name, value in found.items() if Decimal(value)}
