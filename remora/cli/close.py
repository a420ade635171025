"""``remora close``."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from remora.cli.options import Account, AsJson, By, Reason

if TYPE_CHECKING:
    from schemas.position import PositionSnapshot


def close(
    name: Annotated[str, typer.Argument(metavar="ID", help="A position's id or its workflow's id.")],
    *,
    reason: Reason = "",
    by: By = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait until it is sold.")] = 60.0,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Sell a position now and wait until it is closed.

    Exit code 0: closed. 1: there is no such position, or some of it cannot be sold and waits for the
    market's resolution. 3: it has ended already. 4: a server or worker does not answer.
    """
    from remora.cli.errors import CommandFailed
    from remora.cli.reading import show_json
    from remora.domain.reasons import PositionState

    left = asyncio.run(_close(name, account, by, reason, timeout))
    if as_json:
        show_json(left.model_dump(mode="json"))
    else:
        typer.echo(_told(left))
    if left.state is not PositionState.CLOSED:
        raise CommandFailed(
            f"Not closed: the position is {left.state.value}.", f"See `remora position {left.position_id}`."
        )


async def _close(
    name: str, account: str | None, by: str | None, reason: str, within_s: float
) -> "PositionSnapshot":
    from remora.cli.steering import answered, operator, running_position, steering
    from starters.controls import close_position

    async with steering(account) as source:
        row = await running_position(source, name)
        update = close_position(source.client, row.workflow_id, by=by or operator(), reason=reason)
        return await answered(update, what=f"position {row.id}", within_s=within_s)


def _told(left: "PositionSnapshot") -> str:
    from remora.cli.foreign_text import harmless

    why = f" ({left.exit_reason.value})" if left.exit_reason else ""
    held = f", {left.shares:f} shares held" if left.shares else ""
    market = harmless(f"{left.question}: {left.outcome}")
    return (
        f"{left.position_id}  {market}\n"
        f"{left.state.value}{why}{held}; received ${left.proceeds:.2f}, fees ${left.fees:.2f}"
    )
