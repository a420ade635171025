"""``remora demo``: whale trades copied on the exchange twin, on an embedded stack that ends with it."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

SCENARIO, POLICY, OUTPUT = "What is played", "Policy", "Output"


Tape = Annotated[
    Path | None, typer.Option(help="Recorded trades to replay, a Parquet file.", rich_help_panel=SCENARIO)
]
Season = Annotated[
    int | None,
    typer.Option(help="Seed of a generated season.", show_default="1", rich_help_panel=SCENARIO),
]
Since = Annotated[
    str | None, typer.Option("--from", help="Start of the window, an ISO date, UTC.", rich_help_panel=SCENARIO)
]
Until = Annotated[
    str | None, typer.Option("--to", help="End of the window, an ISO date, UTC.", rich_help_panel=SCENARIO)
]
Speed = Annotated[
    float | None,
    typer.Option(
        help="Venue seconds per second.", show_default="about two minutes in all", rich_help_panel=SCENARIO
    ),
]
Follow = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ADDR|auto",
        help="Wallets to follow, repeated or separated by commas: labelled unproven, at a fixed small stake. "
        "auto: the roster's rules on what was known at the window's start; if nobody qualifies the ten "
        "largest by turnover, unproven.",
        show_default="auto",
        rich_help_panel=POLICY,
    ),
]
VolumeFloor = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Least 24 h volume of a market, in dollars.",
        show_default="1000 with a tape, else your setting",
        rich_help_panel=POLICY,
    ),
]
SpreadMax = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        max=1,
        help="Widest spread, as a share of the price.",
        show_default="0.10 with a tape, else your setting",
        rich_help_panel=POLICY,
    ),
]
Script = Annotated[
    str | None,
    typer.Option(
        "--scenario",
        metavar="evening",
        help="A scripted one: evening shows every limit and switch of the desk at work, with times and causes.",
        rich_help_panel=SCENARIO,
    ),
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the summary here.", rich_help_panel=OUTPUT)
]
Picture = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Save the fullest screen and the report as SVG.", rich_help_panel=OUTPUT),
]
Log = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Keep the engine's log here.", rich_help_panel=OUTPUT)
]


def demo(
    *,
    scenario: Script = None,
    tape: Tape = None,
    season: Season = None,
    since: Since = None,
    until: Until = None,
    speed: Speed = None,
    follow: Follow = None,
    volume_floor: VolumeFloor = None,
    spread_max: SpreadMax = None,
    json_file: JsonFile = None,
    picture: Picture = None,
    log: Log = None,
) -> None:
    """Watch whale trades being detected, checked, copied, guarded and settled on a simulated exchange.

    Starts PostgreSQL, Temporal and the exchange twin for itself, replays a generated season (or a recorded
    tape) in about two minutes, and ends everything it started, also on Ctrl-C. No real order is ever sent,
    whatever .env says. While it runs, every position is a workflow in the Temporal Web UI at the address shown:
    open one, cancel it, and see it sold.

    Exit code 0: our books equal the exchange's. 1: they do not. 2: the tape, the window or an option cannot
    be used. 4: a server could not be started. 130: interrupted.
    """
    from remora.cli.demo.request import checked, refuse_beside_script
    from remora.cli.demo.session import play

    if scenario is not None:
        from remora.cli.demo.evening import show_evening

        others = {"--tape": tape, "--from": since, "--to": until, "--speed": speed, "--follow": follow}
        refuse_beside_script({**others, "--volume-floor": volume_floor, "--spread-max": spread_max})
        seed = 1 if season is None else season
        raise typer.Exit(show_evening(scenario, seed=seed, json_file=json_file, picture=picture, log=log))

    request = checked(
        tape=tape,
        season=season,
        since=since,
        until=until,
        speed=speed,
        follow=follow or [],
        volume_floor=volume_floor,
        spread_max=spread_max,
        outputs=(json_file, picture, log),
    )
    report = asyncio.run(play(request, picture=picture, log=log))
    if json_file is not None:
        json_file.write_text(report.as_text())
    raise typer.Exit(0 if report.books.equal else 1)
