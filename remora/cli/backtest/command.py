"""``remora backtest``."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    list[Path] | None,
    typer.Option("--data", help="Parquet files or directories of recorded trades; several are read together."),
]
Whales = Annotated[
    list[str] | None,
    typer.Option(
        "--whales", help="Whom to follow: addresses, top:N by turnover before the start, or a roster's JSON."
    ),
]


def backtest(
    *,
    data: Data = None,
    season: Annotated[int | None, typer.Option(help="Replay the generated season of this seed instead.")] = None,
    start_date: Annotated[str | None, typer.Option(help="First day, UTC, such as 2022-06-01.")] = None,
    end_date: Annotated[str | None, typer.Option(help="Last day, UTC, included.")] = None,
    simulations: Annotated[int, typer.Option(help="Monte Carlo simulations.")] = 1000,
    whales: Whales = None,
    select: Annotated[
        bool, typer.Option("--select", help="Choose whales as we go, on what was known then.")
    ] = False,
    latency: Annotated[
        str, typer.Option(help="measured, ledger (as our account was), seconds, or a JSON file of samples.")
    ] = "measured",
    fills: Annotated[str, typer.Option(help="pessimistic, realistic or optimistic.")] = "realistic",
    capital: Annotated[float, typer.Option(help="Dollars at the start.")] = 10_000.0,
    policy: Annotated[Path | None, typer.Option(help="TOML or JSON with numbers of the policy.")] = None,
    assume_end_days: Annotated[
        float | None, typer.Option(help="Scheduled end of markets that have none recorded, after the first trade.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; without it, one per core.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every draw.")] = 0,
    grid: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML or JSON with lists of values: every combination."),
    ] = None,
    on: Annotated[str, typer.Option(help="Where a grid runs: here, or temporal (the research workers).")] = "here",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tearsheet, one page.")] = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tearsheet as a picture.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Replay recorded trades through the live decision core, and say whether a careful person would run it.

    Whom to follow is either named (--whales) or chosen walk-forward (--select), on what was known at each date.
    Example: remora backtest --data tape.parquet --start-date 2022-06-01 --end-date 2022-11-20 --select
    """
    from remora.cli.backtest.period import period, require_recorded, require_together

    require_together(grid=grid, on=on, tearsheets=(html, png))
    asked_days = period(start_date, end_date)  # before the libraries, which take seconds to load
    require_recorded(asked_days, data or ())
    from remora.cli.backtest.outputs import Outputs
    from remora.cli.backtest.request import Asked, requested
    from remora.cli.backtest.session import examine
    from remora.cli.backtest.sweeping import sweep

    asked = Asked(
        data=tuple(data or ()),
        season=season,
        period=asked_days,
        simulations=simulations,
        workers=workers,
        whales=tuple(whales or ()),
        select=select,
        latency=latency,
        fills=fills,
        capital=capital,
        policy=policy,
        assume_end_days=assume_end_days,
        seed=seed,
        grid=grid,
    )
    outputs = Outputs(html=html, png=png, as_json=as_json)
    outputs.require_writable()
    request = requested(asked)
    if grid is None:
        examine(request, outputs)
    else:
        sweep(request, on=on, as_json=as_json)
