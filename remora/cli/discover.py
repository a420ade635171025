"""``remora discover`` and ``remora explain``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remora.cli.data import Store
from remora.cli.options import RankedBy

if TYPE_CHECKING:
    from remora.research.discovery import Discovery
    from remora.research.explaining import Explanation
    from remora.research.learning import Verdict
    from remora.statistics.scoring_params import ScoringParams

AsOf = Annotated[
    str | None, typer.Option("--as-of", help="Only what was known then, such as 2026-03-01.", show_default="now")
]
Fee = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=0.5,
        help="Taker fee rate of markets whose own is not known.",
        show_default="as the roster: REMORA_UNKNOWN_FEE_RATE, or 0.04",
    ),
]
Assume = Annotated[
    bool,
    typer.Option("--assume-complete", help="Waive the first gate: a question to the data, never a roster."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def discover(
    *,
    as_of: AsOf = None,
    rank_by: RankedBy = None,
    limit: Annotated[int, typer.Option(min=1, help="Wallets to print; --json prints all.")] = 20,
    fee_rate: Fee = None,
    assume_complete: Assume = False,
    later: Annotated[
        bool, typer.Option("--later/--no-later", help="Compare what was bought after the date.")
    ] = True,
    controls: Annotated[bool, typer.Option("--controls/--no-controls", help="Run the negative controls.")] = True,
    learned: Annotated[
        bool,
        typer.Option(
            "--learned/--no-learned", help="Ask whether a learned model predicts better than shrunk edges."
        ),
    ] = True,
    seed: Annotated[int, typer.Option(help="Of the resampling and of random wallets.")] = 0,
    report: Annotated[Path | None, typer.Option(help="Write one self-contained HTML report here.")] = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Rank wallets by the lower bound of their score, and show at which gate everybody else fell.

    Everything is judged at a copier's price and corrected for luck and for the number of wallets tried. That
    nobody qualifies is a legal answer. Beside the result stand the funnel, negative controls (the same rules
    where there is no skill) and, for a date in the past, what became of the chosen, of the tops of simpler
    rankings, and of random wallets.
    """
    from remora.cli.reading import show_json
    from remora.research.report import selection_report

    found, rows = _examine(as_of, rank_by, fee_rate, assume_complete, controls, seed, store, later=later)
    verdict = _verdict(found, store) if learned else None
    rows["learned"] = None if verdict is None else _told(verdict)
    if report is not None:
        report.write_text(selection_report(found, rows["later"], verdict, rows["data"]), encoding="utf-8")
    if as_json:
        show_json(rows)
    else:
        _show(rows, limit)
        if verdict is not None:
            typer.echo(f"Learned model: {verdict.told}.")
        if report is not None:
            typer.echo(f"Report: {report}")


def explain(
    wallet: Annotated[str, typer.Argument(help="The wallet's address.")],
    *,
    as_of: AsOf = None,
    fee_rate: Fee = None,
    assume_complete: Assume = False,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show a wallet's whole evidence, and why it is in or out.

    Exit code 0: shown. 1: the store has not seen this wallet. 2: that is no wallet's address.
    """
    import re

    import numpy as np

    from remora.cli.errors import CommandFailed, Exit
    from remora.cli.reading import show_json
    from remora.cli.research import instant, open_store
    from remora.research.discovery import discover as run
    from remora.research.explaining import WalletUnknown
    from remora.research.explaining import explain as explained

    if re.fullmatch(r"0x[0-9a-fA-F]{40}", wallet) is None:
        raise CommandFailed(
            f"Expected a wallet's address, 0x and 40 hexadecimal digits, found {wallet!r}.",
            "See `remora discover`.",
            code=Exit.USAGE,
        )
    history, rng = open_store(store), np.random.default_rng(0)
    found = run(
        history,
        as_of=instant(as_of),
        params=_params(None, fee_rate),
        rng=rng,
        assume_complete=assume_complete,
        controls=False,
    )
    try:
        evidence = explained(history, found, wallet, rng=rng)
    except WalletUnknown as error:
        raise CommandFailed(
            f"{error}.", "See `remora discover`, or get its history: `remora data pull`."
        ) from error
    status, verdict = (seats_now() or {}).get(evidence.wallet), _verdict(found, store)
    if as_json:
        show_json({"status": status, **evidence.as_json(), "learned": _told(verdict)})
    else:
        _tell(evidence)
        typer.echo(f"Stakes would be sized by the {_sizer(verdict)}; the learned model is {verdict.told}.")
        typer.echo(f"On the newest roster: {status or 'no'}")


def seats_now() -> dict[str, str] | None:
    """Return each wallet's status on the newest roster; None where no database is set and no stack runs."""
    import asyncio

    from remora.cli import local_stack
    from remora.embedded.inspection import inspect
    from remora.embedded.state import StateDir
    from remora.settings import load_settings
    from remora.storage.engine import create_engine
    from remora.storage.scores import load_seats

    url = load_settings().database_url or inspect(StateDir(local_stack.state_dir())).database_url
    if url is None:
        return None

    async def read() -> dict[str, str]:
        engine = create_engine(str(url))
        try:
            rows = await load_seats(engine)
        finally:
            await engine.dispose()
        return {
            str(row.follow.whale): "unproven" if row.follow.unproven else row.follow.status.value for row in rows
        }

    return asyncio.run(read())


def _params(rank_by: str | None, fee_rate: float | None) -> "ScoringParams":
    from dataclasses import replace

    from remora.cli.research import wanted_order
    from remora.settings import load_settings
    from starters.roster import scoring_params

    params = scoring_params(load_settings())
    rate = params.fee_rate if fee_rate is None else fee_rate
    return replace(params, rank_by=wanted_order(rank_by) or params.rank_by, fee_rate=rate)


def _examine(
    as_of: str | None,
    rank_by: str | None,
    fee_rate: float | None,
    assume_complete: bool,  # noqa: FBT001 (passed on from the command)
    controls: bool,  # noqa: FBT001
    seed: int,
    store: Path | None,
    *,
    later: bool,
) -> tuple["Discovery", dict[str, Any]]:
    from dataclasses import asdict
    from datetime import UTC, datetime

    import numpy as np

    from remora.cli.research import instant, open_store
    from remora.research.checking import check_store
    from remora.research.discovery import discover as run
    from remora.research.discovery import ranking
    from remora.research.out_of_sample import out_of_sample

    history, at, now = open_store(store), instant(as_of), datetime.now(UTC)
    params = _params(rank_by, fee_rate)
    rng = np.random.default_rng(seed)
    found = run(history, as_of=at, params=params, rng=rng, assume_complete=assume_complete, controls=controls)
    groups, fates = out_of_sample(history, found, until=now, rng=rng) if later else ([], {})
    seats = seats_now()
    rows = [row | {"status": (seats or {}).get(row["wallet"])} for row in ranking(found)]
    return found, {
        "as_of": at.isoformat(),
        "wallets": found.wallets,
        "not_seen_yet": found.not_seen_yet,
        "selected": len(found.result.roster),
        "assumed_complete": assume_complete,
        "funnel": dict(found.result.funnel),
        "screens": dict(found.screens),
        "left_out_trades": found.left_out,
        "data": check_store(history, now=now).oddities,
        "notice": found.result.notice,
        "controls": dict(found.controls),
        "later": {"groups": [asdict(group) for group in groups], "purchases": dict(fates)},
        "roster_read": seats is not None,
        "ranking": rows,
        "params": dict(params.recorded()),
    }


def _verdict(found: "Discovery", store: Path | None) -> "Verdict":
    from remora.cli.research import open_store
    from remora.research.learning import lesson_of

    return lesson_of(open_store(store), as_of=found.evidence.as_of).verdict


def _told(verdict: "Verdict") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(verdict) | {"told": verdict.told}


def _sizer(verdict: "Verdict") -> str:
    return "learned model's chance" if verdict.use else "shrunk edge"


def _show(rows: dict[str, Any], limit: int) -> None:
    from rich.console import Console

    console = Console()
    typer.echo(f"As of {rows['as_of']}: {rows['selected']} of {rows['wallets']} wallets qualify.")
    if rows["assumed_complete"]:
        typer.echo("Histories were assumed complete: this is a question to the data, not a roster.")
    if rows["notice"]:
        typer.echo(f"No scores: {rows['notice']}.")
    console.print(_funnel_table(rows))
    console.print(_ranking_table(rows["ranking"][:limit]))
    odd = [f"{name} {count}" for name, count in rows["data"].items() if count]
    if odd:
        typer.echo("The data: " + "; ".join(odd))
    if rows["controls"]:
        told = ", ".join(f"{name} {count}" for name, count in rows["controls"].items())
        typer.echo(f"Chosen where there is no skill: {told}")
    if rows["later"]["groups"]:
        console.print(_later_table(rows["later"]["groups"]))


def _funnel_table(rows: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("left the funnel at")
    table.add_column("wallets", justify="right")
    for gate, count in rows["funnel"].items():
        table.add_row("entered the roster" if gate == "roster" else gate, str(count))
        if gate == "not_copyable":
            for screen, part in rows["screens"].items():
                table.add_row(f"  {screen}", str(part))
    table.add_row("in all", str(sum(rows["funnel"].values())))
    table.add_row("in the store, not seen by then", str(rows["not_seen_yet"]))
    return table


def _ranking_table(ranked: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in (
        "",
        "wallet",
        "status",
        "events",
        "won",
        "edge",
        "q",
        "Sharpe low",
        "win rate low",
        "score low",
        "why",
    ):
        text = title in ("", "wallet", "status", "why")
        table.add_column(title, justify="left" if text else "right", no_wrap=title == "wallet")
    for row in ranked:
        table.add_row(
            str(row["rank"] or ""),
            row["wallet"],
            row["status"] or "",
            str(row["closed_events"]),
            str(row["wins"]),
            _number(row["edge"], "+.4f"),
            _number(row["q"], ".3f"),
            _number(row["sharpe_low"], ".2f"),
            _number(row["win_rate_low"], ".3f"),
            _number(row["score_low"], ".1f"),
            row["why"] if row["gate"] is None else f"{row['gate']}: {row['why']}",
        )
    return table


def _later_table(groups: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title="Bought after the date, dollars per share", title_justify="left")
    for title in ("group", "wallets", "active", "positions", "events", "edge", "95 % interval"):
        table.add_column(title, justify="left" if title == "group" else "right")
    for row in groups:
        span = "" if row["low"] is None else f"{row['low']:+.4f} .. {row['high']:+.4f}"
        counts = [str(row[name]) for name in ("wallets", "active", "positions", "events")]
        table.add_row(row["group"], *counts, _number(row["edge"], "+.4f"), span)
    return table


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _tell(found: "Explanation") -> None:
    from rich.console import Console
    from rich.table import Table

    from remora.cli.foreign_text import literal

    row = found.standing
    console = Console()
    where = f"on the roster, rank {row['rank']}" if row["gate"] is None else f"out at {row['gate']}"
    typer.echo(f"{found.wallet}: {where} ({row['why']})")
    facts = {
        "events": f"{row['closed_events']} closed, {row['wins']} won, {row['open_events']} open",
        "follow edge": f"{_number(row['raw_edge'], '+.4f')} ± {_number(row['edge_error'], '.4f')} a share, "
        f"posterior {_number(row['edge'], '+.4f')}, p {_number(row['p'], '.4f')}, q {_number(row['q'], '.3f')}",
        "Sharpe ratio": f"{_number(row['sharpe'], '.2f')} a year, shrunk {_number(row['sharpe_shrunk'], '.2f')}, "
        f"interval {_span(found.sharpe_interval)}",
        "win rate": f"posterior {_number(row['win_rate'], '.3f')}, low {_number(row['win_rate_low'], '.3f')}",
        "score": f"{_number(row['score'], '.1f')}, low {_number(row['score_low'], '.1f')}",
        "as many wins by luck": _number(found.luck, ".4f"),
        "profit": f"{row['pnl_usd']:+.2f} dollars for a copier, factor {_number(row['profit_factor'], '.2f')}",
        "habits": ", ".join(f"{name} {value:.2f}" for name, value in found.habits.items()),
        "mark-outs": ", ".join(
            f"{label} {_number(None if mark is None else mark['mean'], '+.4f') or 'unknown'}"
            for label, mark in found.mark_outs.items()
        ),
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, text in facts.items():
        table.add_row(name, text)
    console.print(table)
    typer.echo("Purchases, had they been held to the result:")
    edges = Table("by", "kind", "purchases", "events", "edge", "error", box=None, pad_edge=False)
    for line in found.edges:
        edges.add_row(
            line.by,
            literal(line.kind),
            str(line.purchases),
            str(line.events),
            f"{line.edge:+.4f}",
            _number(line.error, ".4f"),
        )
    console.print(edges)
    events = Table("opened", "closed", "event", "stake", "return", "", box=None, pad_edge=False)
    for event in found.events:
        events.add_row(
            f"{event.opened_at:%Y-%m-%d}",
            "" if event.closed_at is None else f"{event.closed_at:%Y-%m-%d}",
            literal((event.question or event.event)[:60]),
            f"{event.stake_usd:.2f}",
            _number(event.event_return, "+.3f"),
            event.outcome,
        )
    console.print(events)


def _span(interval: tuple[float, float] | None) -> str:
    return "unknown" if interval is None else f"{interval[0]:.2f} .. {interval[1]:.2f}"
