"""``remora twin``: the simulated exchange on its own, and what may go wrong with it."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="The exchange twin: a simulated exchange that speaks the real one's protocols.", no_args_is_help=True
)

Url = Annotated[str | None, typer.Option("--twin", help="Its control address.", show_default="the stack's own")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(
    "serve",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def serve(context: typer.Context) -> None:
    """Serve the exchange twin until Ctrl-C; `--help` lists its options."""
    from remora.venues.twin.serve import main

    raise typer.Exit(main(context.args))


@app.command("fault")
def fault(
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help="What goes wrong.")] = None,
    *,
    rate: Annotated[float, typer.Option(min=0.0001, max=1, help="How often it strikes.")] = 1.0,
    count: Annotated[int | None, typer.Option(min=1, help="At most so many times.")] = None,
    seconds: Annotated[float, typer.Option(min=0, help="How long a delay or silence lasts.")] = 1.0,
    on: Annotated[
        str, typer.Option(help="Only here: market, user, rtds; any: every request; lookups: reads of own orders.")
    ] = "",
    market: Annotated[str | None, typer.Option(help="Condition id, for what happens to a market.")] = None,
    schedule: Annotated[Path | None, typer.Option(help="Play a file of faults instead.")] = None,
    draw: Annotated[int | None, typer.Option(metavar="SEED", help="Print a schedule from a seed.")] = None,
    calm: Annotated[bool, typer.Option("--calm", help="Switch KIND off, or everything.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make the twin misbehave; without KIND show what is armed and what really happened.

    Kinds: timeout_before_accept, timeout_after_accept, cut_mid_reply, error_after_accept (replies to orders);
    order_shown_live (a finished order reads as live); restarting (425), rate_limited (429), server_error (500),
    trading_disabled, cancel_only, post_only (503);
    order_delayed, partial_fills, tick_in_flight, close_in_flight; ws_duplicate, ws_reorder, ws_delay, ws_drop,
    ws_silent, ws_new_field, ws_missing_field; data_stale; settle_retrying, settle_failed, hash_late, hash_missing;
    redeem_short; node_lags, node_hides_logs, node_wrong_chain; and at once:
    resolution_proposed, resolution_disputed, resolution_early, resolution_late, resolution_fifty_fifty.

    Exit code 1: the twin refuses. 4: no twin answers.
    """
    from remora.cli.reading import show_json

    if draw is not None:
        from remora.venues.twin.faults.schedule import draw_schedule, dump_schedule

        typer.echo(dump_schedule(draw_schedule(draw, seconds=60.0)), nl=False)
        return
    step = {"kind": kind, "rate": rate, "count": count, "seconds": seconds, "on": on, "market": market}
    state = asyncio.run(_ask(url, step, schedule, calm=calm))
    if as_json:
        show_json(state)
    else:
        typer.echo(_told(state))


async def _ask(url: str | None, step: dict[str, Any], schedule: Path | None, *, calm: bool) -> dict[str, Any]:
    import httpx

    from remora.cli.errors import CommandFailed, Exit

    address = url or _control_url()
    try:
        async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=10.0) as control:
            answer = await _request(control, step, schedule, calm=calm)
    except httpx.HTTPError as error:
        raise CommandFailed(
            f"No twin answers at {address}.", "Run `remora up`, or name one with --twin.", code=Exit.UNAVAILABLE
        ) from error
    body: dict[str, Any] = answer.json()
    if answer.is_error:
        raise CommandFailed(f"The twin refuses: {body.get('error')}.", "See `remora twin fault --help`.")
    return body


async def _request(control: Any, step: dict[str, Any], schedule: Path | None, *, calm: bool) -> Any:
    from remora.venues.twin.faults.schedule import load_schedule

    if calm:
        return await control.delete("/faults", params={"kind": step["kind"]} if step["kind"] else {})
    if schedule is not None:
        return await control.post("/faults/schedule", json=load_schedule(schedule).model_dump(mode="json"))
    if step["kind"] is not None:
        return await control.post("/faults", json=step)
    return await control.get("/faults")


def _control_url() -> str:
    from remora.cli import local_stack
    from remora.cli.errors import CommandFailed, Exit
    from remora.embedded.services import twin_url
    from remora.embedded.state import StateDir
    from remora.settings import load_settings

    found = load_settings().twin_url or twin_url(StateDir(local_stack.state_dir()).load().ports)
    if found is None:
        raise CommandFailed("No twin: the stack is not running.", "Run `remora up`.", code=Exit.UNAVAILABLE)
    return found


def _told(state: dict[str, Any]) -> str:
    armed = [
        f"  {one['kind']}: rate {one['rate']:g}"
        + ("" if one["left"] is None else f", {one['left']} times")
        + f", {one['seconds']:g} s"
        + (f", on {one['on']}" if one["on"] else "")
        for one in state["armed"]
    ]
    happened = [f"  {kind}: {count}" for kind, count in state["happened"].items()]
    lines = ["armed:", *(armed or ["  nothing"]), "happened:", *(happened or ["  nothing"])]
    return "\n".join(lines)
