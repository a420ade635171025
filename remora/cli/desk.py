"""``remora pause`` and ``remora resume``."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from schemas.desk import DeskState

Reason = Annotated[str, typer.Option(help="Why, for the record.")]
By = Annotated[str | None, typer.Option(help="Who, for the record.", show_default="you@this-machine")]
Timeout = Annotated[float, typer.Option(min=1, help="Seconds to wait for the answer.")]
Account = Annotated[str | None, typer.Option(help="Account, if several have a desk.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def pause(
    *,
    reason: Reason = "",
    by: By = None,
    timeout: Timeout = 30.0,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Stop entries; open positions stay guarded and exits go on.

    The answer comes once no new entry can be approved. `remora resume` allows entries again.

    Exit code 0: paused. 3: refused, because the desk is halted. 4: a server or worker does not answer.
    """
    _show(asyncio.run(_turn("pause", account, by, reason, timeout)), as_json=as_json)


def resume(
    *,
    reason: Reason = "",
    by: By = None,
    timeout: Timeout = 30.0,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Allow entries again after a pause.

    Exit code 0: trading. 3: refused, because the desk is halted. 4: a server or worker does not answer.
    """
    _show(asyncio.run(_turn("resume", account, by, reason, timeout)), as_json=as_json)


async def _turn(dial: str, account: str | None, by: str | None, reason: str, within_s: float) -> "DeskState":
    from remora.cli.steering import answered, operator, steering
    from starters import desk

    turns = {"pause": desk.pause, "resume": desk.resume}
    async with steering(account) as source:
        update = turns[dial](source.client, source.account, by=by or operator(), reason=reason)
        return await answered(update, what="the desk", within_s=within_s)


def _show(state: "DeskState", *, as_json: bool) -> None:
    from remora.cli.reading import show_json

    if as_json:
        show_json(state.model_dump(mode="json"))
        return
    meaning = {
        "trading": "entries are allowed",
        "paused": "no entries; exits go on",
        "halted": "no entries until a reset; exits go on",
    }
    since = "" if state.changed_at is None else f" since {state.changed_at:%Y-%m-%d %H:%M:%S} UTC"
    by = f" by {state.changed_by}" if state.changed_by else ""
    why = f": {state.reason}" if state.reason else ""
    typer.echo(f"The desk is {state.mode.value} ({meaning[state.mode.value]}){since}{by}{why}.")
