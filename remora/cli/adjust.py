"""``remora adjust``."""

import asyncio
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from remora.cli.options import Account, AsJson, By, Timeout

if TYPE_CHECKING:
    from schemas.position import PositionSnapshot


def price(text: str) -> Decimal:
    """Read a price strictly between 0 and 1."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or not 0 < found < 1:
        raise typer.BadParameter(f"expected a price between 0 and 1, such as 0.42, found {text!r}")
    return found


def adjust(
    name: Annotated[str, typer.Argument(metavar="ID", help="A position's id or its workflow's id.")],
    *,
    stop: Annotated[Decimal | None, typer.Option(parser=price, metavar="PRICE", help="Sell at or below.")] = None,
    target: Annotated[
        Decimal | None, typer.Option(parser=price, metavar="PRICE", help="Sell at or above.")
    ] = None,
    by: By = None,
    timeout: Timeout = 30.0,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Move the stop, the target or both of an open position; what is not named stays.

    Prices are absolute, in dollars per share, and are judged on what our shares would fetch in the book.

    Exit code 0: in force. 1: there is no such position. 2: neither price was given, or one is not a price.
    3: refused, such as a stop above the target. 4: a server or worker does not answer.
    """
    from remora.cli.errors import CommandFailed, Exit
    from remora.cli.foreign_text import harmless
    from remora.cli.reading import show_json

    if stop is None and target is None:
        raise CommandFailed(
            "Nothing to adjust: expected --stop PRICE, --target PRICE or both.",
            f"Try `remora adjust {name} --stop 0.40`; `remora position {name}` shows what is set.",
            code=Exit.USAGE,
        )
    after = asyncio.run(_adjust(name, account, by, stop, target, timeout))
    if as_json:
        show_json(after.model_dump(mode="json"))
    else:
        bounds = (("stop", after.stop_price), ("target", after.target_price))
        told = ", ".join(f"{word} {'none' if at is None else f'{at:f}'}" for word, at in bounds)
        market = harmless(f"{after.question}: {after.outcome}")
        typer.echo(f"{after.position_id}  {market}\n{told}")
    if after.state.value != "open":
        raise CommandFailed(
            f"Refused: the position is {after.state.value} now; nothing was adjusted.", code=Exit.REFUSED
        )


async def _adjust(
    name: str, account: str | None, by: str | None, stop: Decimal | None, target: Decimal | None, within_s: float
) -> "PositionSnapshot":
    from remora.cli.steering import answered, operator, running_position, steering
    from starters.controls import adjust_exits

    async with steering(account) as source:
        row = await running_position(source, name)
        update = adjust_exits(
            source.client, row.workflow_id, stop_price=stop, target_price=target, by=by or operator()
        )
        return await answered(update, what=f"position {row.id}", within_s=within_s)
