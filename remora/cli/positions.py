"""``remora positions`` and ``remora position``."""

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remora.cli.options import Account, AsJson

if TYPE_CHECKING:
    from remora.storage.positions import PositionRow
    from remora.storage.whale_ledger import WhaleBooks


def positions(
    *,
    every: Annotated[bool, typer.Option("--all", help="Ended ones too.")] = False,
    by_whale: Annotated[bool, typer.Option("--by-whale", help="What each whale cost and brought so far.")] = False,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Show open positions with their thresholds and profit or loss.

    With --by-whale: cash flow, fees, shares and profit or loss of each whale, from the ledger, ended positions
    included; with the deposits they sum to the account's.
    """
    from remora.cli.reading import show_json

    if by_whale:
        books = asyncio.run(_by_whale(account))
        if as_json:
            show_json([{**asdict(one), "pnl": one.pnl} for one in books])
        else:
            _show_whales(books)
        return
    rows = asyncio.run(_list(account, every=every))
    if as_json:
        show_json([as_dict(row) for row in rows])
    else:
        _show(rows)


def position(
    name: Annotated[str, typer.Argument(metavar="ID", help="A position's id or its workflow's id.")],
    *,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Show everything about one position."""
    from remora.cli.errors import CommandFailed
    from remora.cli.foreign_text import harmless
    from remora.cli.reading import show_json
    from remora.storage.positions import PositionMissing

    try:
        found = as_dict(asyncio.run(_one(name, account)))
    except PositionMissing as error:
        raise CommandFailed(f"No position {name}.", "See `remora positions --all`.") from error
    if as_json:
        show_json(found)
        return
    for field, value in found.items():
        typer.echo(f"{field:>18}  {'' if value is None else harmless(str(value))}")


def as_dict(row: "PositionRow") -> dict[str, Any]:
    """Return a position as flat JSON: dollars, shares and prices as strings, times in UTC."""
    books = row.books
    return {
        "id": row.id,
        "workflow_id": row.workflow_id,
        "question": row.question,
        "outcome": row.outcome,
        "whale": row.whale,
        "token_id": row.token_id,
        "condition_id": row.condition_id,
        "state": row.state.value,
        "exit_reason": None if row.exit_reason is None else row.exit_reason.value,
        "attention": row.attention,
        "unproven": row.unproven,
        "shares": books.shares,
        "average_price": books.average_price,
        "cost": books.cost,
        "mark_price": row.mark_price,
        "unrealised_pnl": row.unrealised_pnl,
        "realised_pnl": books.realised_pnl,
        "fees": books.fees,
        "stop_price": row.stop_price,
        "target_price": row.target_price,
        "exit_at": row.exit_at,
        "opened_at": row.opened_at,
        "closed_at": row.closed_at,
    }


async def _list(account: str | None, *, every: bool) -> list["PositionRow"]:
    from remora.cli.reading import reading
    from remora.storage.positions import list_positions

    async with reading(account) as source:
        return await list_positions(source.engine, source.account, include_ended=every)


async def _by_whale(account: str | None) -> list["WhaleBooks"]:
    from remora.cli.reading import reading
    from remora.storage.whale_ledger import by_whale

    async with reading(account) as source:
        return await by_whale(source.engine, source.account)


async def _one(name: str, account: str | None) -> "PositionRow":
    from remora.cli.reading import reading
    from remora.storage.positions import load_position

    async with reading(account) as source:
        return await load_position(source.engine, name)


def _show_whales(books: list["WhaleBooks"]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not books:
        typer.echo("No whale was copied yet.")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("whale", "positions", "open", "cash flow", "fees", "shares", "value", "P&L"):
        table.add_column(title)
    for one in books:
        dollars = (f"{amount:+.2f}" for amount in (one.cash_flow, one.fees))
        ends = (f"{one.shares:.2f}", f"{one.value:.2f}", f"{one.pnl:+.2f}")
        table.add_row(one.whale, str(one.positions), str(one.open_positions), *dollars, *ends)
    Console().print(table)


def _show(rows: list["PositionRow"]) -> None:
    from rich.console import Console
    from rich.table import Table

    from remora.cli.foreign_text import literal

    if not rows:
        typer.echo("No positions.")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("id", no_wrap=True)  # what the other commands ask for
    for title in ("market", "outcome", "state", "shares", "entry", "mark", "stop", "target", "P&L"):
        table.add_column(title)
    for row in rows:
        pnl = row.books.realised_pnl + (row.unrealised_pnl or 0)
        prices = (row.books.average_price, row.mark_price, row.stop_price, row.target_price)
        table.add_row(
            row.id,
            literal(row.question[:40]),
            literal(row.outcome) + (" (unproven)" if row.unproven else ""),
            row.state.value,
            f"{row.books.shares:.2f}",
            *("" if price is None else f"{price:.3f}" for price in prices),
            f"{pnl:+.2f}",
        )
    Console().print(table)
