"""``remora decisions``."""

import asyncio
from typing import Annotated, Any

import typer

from remora.cli.options import Account, AsJson


def decisions(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50,
    reason: Annotated[str | None, typer.Option(help="Only skips for this reason code.")] = None,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Show what was done about each signal: copied, skipped with its reason, or passed to an open position."""
    from remora.cli.errors import CommandFailed, Exit
    from remora.cli.reading import show_json
    from remora.domain.reasons import SkipReason

    if reason is not None and reason not in set(SkipReason):
        codes = ", ".join(code.value for code in SkipReason)
        raise CommandFailed(f"No reason code {reason!r}.", f"One of: {codes}.", code=Exit.USAGE)
    rows = asyncio.run(_read(limit, reason, account))
    if as_json:
        show_json(rows)
    else:
        _show(rows)


async def _read(limit: int, reason: str | None, account: str | None) -> list[dict[str, Any]]:
    from remora.cli.reading import reading
    from remora.domain.reasons import SkipReason
    from remora.storage.decisions import list_decisions

    async with reading(account) as source:
        chosen = None if reason is None else SkipReason(reason)
        return await list_decisions(source.engine, source.account, limit=limit, reason=chosen)


def _show(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from remora.cli.foreign_text import literal

    if not rows:
        typer.echo("No decisions yet.")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("decided (UTC)", "whale", "market", "side", "price", "size", "outcome", "reason", "detail"):
        table.add_column(title, no_wrap=title in ("outcome", "reason"))
    for row in rows:
        table.add_row(
            f"{row['decided_at']:%Y-%m-%d %H:%M:%S}",
            row["whale"][:10],
            literal(row["question"][:40]),
            row["side"],
            f"{row['trade_price']:.3f}",
            f"{row['trade_size']:.0f}",
            row["outcome"],
            row["reason"] or "",
            literal(row["detail"]),
        )
    Console().print(table)
