"""``remora pause``, ``resume``, ``halt`` and ``reset``."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remora.cli.options import Account, AsJson, By, Reason, Timeout

if TYPE_CHECKING:
    from schemas.desk import DeskState


def _dial(name: str, help_text: str) -> Callable[..., None]:
    """Return the command that turns the desk's mode; all but the reset take the same options."""

    def turn(
        *,
        reason: Reason = "",
        by: By = None,
        timeout: Timeout = 30.0,
        account: Account = None,
        as_json: AsJson = False,
    ) -> None:
        _show(asyncio.run(_turn(name, account, by, reason, timeout)), as_json=as_json)

    turn.__name__, turn.__doc__ = name, help_text
    return turn


pause = _dial(
    "pause",
    """Stop entries; open positions stay guarded and exits go on.

    The answer comes once no entry order goes out any more. `remora resume` allows entries again.

    Exit code 0: paused. 3: refused, because the desk is halted. 4: a server or worker does not answer.
    """,
)
resume = _dial(
    "resume",
    """Allow entries again after a pause.

    Exit code 0: trading. 3: refused, because the desk is halted. 4: a server or worker does not answer.
    """,
)
halt = _dial(
    "halt",
    """Stop entries until `remora reset`; open positions stay guarded and exits go on.

    The daily loss does the same by itself. A pause ends with `remora resume`, a halt only with a reset.

    Exit code 0: halted. 4: a server or worker does not answer.
    """,
)


def reset(
    *,
    reason: Annotated[str, typer.Option(help="Why it is safe to trade again, for the record.")],
    force: Annotated[
        bool, typer.Option("--force", help="Accept today's loss: the limit counts from here on.")
    ] = False,
    by: By = None,
    timeout: Timeout = 30.0,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Allow entries again after a halt; written down with who and why.

    Refused while today's loss is still at its limit: the day's end, better prices or --force change that.

    Exit code 0: trading. 2: no reason. 3: refused, because the loss persists or nothing is halted.
    4: a server or worker does not answer.
    """
    _show(asyncio.run(_turn("reset", account, by, reason, timeout, force=force)), as_json=as_json)


async def _turn(
    dial: str, account: str | None, by: str | None, reason: str, within_s: float, *, force: bool | None = None
) -> "DeskState":
    from remora.cli.steering import answered, operator, steering
    from starters import desk

    turns: dict[str, Any] = {"pause": desk.pause, "resume": desk.resume, "halt": desk.halt, "reset": desk.reset}
    more = {} if force is None else {"force": force}
    async with steering(account) as source:
        update = turns[dial](source.client, source.account, by=by or operator(), reason=reason, **more)
        state: DeskState = await answered(update, what="the desk", within_s=within_s)
        return state


def _show(state: "DeskState", *, as_json: bool) -> None:
    from remora.cli.reading import show_json

    if as_json:
        show_json(state.model_dump(mode="json"))
        return
    typer.echo(told(state))


def told(state: "DeskState") -> str:
    """Return the desk in one line."""
    meaning = {
        "trading": "entries are allowed",
        "paused": "no entries; exits go on",
        "halted": "no entries until a reset; exits go on",
    }
    since = "" if state.changed_at is None else f" since {state.changed_at:%Y-%m-%d %H:%M:%S} UTC"
    by = f" by {state.changed_by}" if state.changed_by else ""
    why = f": {state.reason}" if state.reason else ""
    scale = "" if state.scale == 1 else f"; new sizes are scaled by {state.scale.normalize():f}"
    return f"The desk is {state.mode.value} ({meaning[state.mode.value]}){since}{by}{why}{scale}."
