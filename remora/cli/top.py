"""``remora top``."""

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from remora.cli.options import Account

if TYPE_CHECKING:
    from remora.cli.glance import Glance

PICTURE_WIDTH = 150


def top(
    *,
    once: Annotated[bool, typer.Option("--once", help="Print one view and end.")] = False,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 1.0,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the last view as SVG when it ends.")
    ] = None,
    account: Account = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one view as JSON and end.")] = False,
) -> None:
    """Watch the desk live: positions with their distance to stop and target, limits used, feeds, decisions.

    Ctrl-C ends it. With --once or --json it prints one view, for scripts.
    """
    from remora.cli.glance_view import as_dict, view
    from remora.cli.reading import show_json

    if as_json:
        show_json(as_dict(asyncio.run(_once(account))))
        return
    from rich.console import Console

    if once:
        last: Glance | None = asyncio.run(_once(account))
        assert last is not None
        Console().print(view(last))
    else:
        last = _watch(account, every)
    if picture is not None and last is not None:
        import io

        recorder = Console(record=True, width=PICTURE_WIDTH, file=io.StringIO())
        recorder.print(view(last))
        recorder.save_svg(str(picture), title="remora top")


async def _once(account: str | None) -> "Glance":
    from remora.cli.glance import look
    from remora.cli.reading import reading

    async with reading(account) as source:
        return await look(source.engine, source.account)


def _watch(account: str | None, every: float) -> "Glance | None":
    """Look until Ctrl-C; return the last view."""
    seen: list[Glance] = []
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_live(account, every, seen))
    return seen[-1] if seen else None


async def _live(account: str | None, every: float, seen: "list[Glance]") -> None:
    from rich.live import Live

    from remora.cli.glance import look
    from remora.cli.glance_view import view
    from remora.cli.reading import reading

    async with reading(account) as source:
        with Live(screen=True, auto_refresh=False) as screen:
            while True:
                seen[:] = [await look(source.engine, source.account)]
                screen.update(view(seen[0]), refresh=True)
                await asyncio.sleep(every)
