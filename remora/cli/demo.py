"""``remora demo``: whale trades copied on the exchange twin, on an embedded stack that ends with it."""

import asyncio
import contextlib
import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from remora.storage.summary import Summary

CASH_USD = 10_000
FOLLOWED_MAX = 10
DRAIN_SECONDS = 15


def demo(
    *,
    tape: Annotated[Path | None, typer.Option(help="Recorded trades to replay, a parquet file.")] = None,
    season: Annotated[int, typer.Option(help="Seed of the generated season, without a tape.")] = 1,
    since: Annotated[str | None, typer.Option("--from", help="Start of the window, an ISO date.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="End of the window, an ISO date.")] = None,
    speed: Annotated[float | None, typer.Option(help="Venue seconds per second; else about two minutes.")] = None,
    follow: Annotated[list[str] | None, typer.Option(help="Wallets to follow; else the roster's rules.")] = None,
    volume_floor: Annotated[float, typer.Option(help="Least 24 h volume of a market, in dollars.")] = 50_000,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the summary here.")] = None,
) -> None:
    """Watch whale trades being detected, checked, copied, guarded and settled; exit 0 if the books are equal."""
    options = [*(["--tape", str(tape)] if tape else ["--season", str(season)])]
    for name, value in (("--from", since), ("--to", until), ("--speed", speed)):
        options += [name, str(value)] if value is not None else []
    report = asyncio.run(_run(options, follow or [], volume_floor))
    _show(report)
    if json_file is not None:
        json_file.write_text(json.dumps(report, indent=2, default=str) + "\n")
    raise typer.Exit(0 if report["books_equal"] else 1)


async def _run(options: list[str], follow: list[str], volume_floor: float) -> dict[str, Any]:
    import httpx

    from remora.embedded.config import StackConfig
    from remora.embedded.services import twin
    from remora.embedded.stack import Stack
    from remora.storage.engine import create_engine
    from remora.venues.polymarket.sdk import address_of

    async with Stack(StackConfig(), services=[twin(options)]) as stack:
        account = address_of(stack.account_key).lower()
        typer.echo(f"Temporal Web UI: {stack.ui_url}")
        engine = create_engine(stack.database_url)
        control = httpx.AsyncClient(base_url=str(stack.twin_control_url), trust_env=False, timeout=60.0)
        try:
            scenario = (await control.get("/scenario")).json()
            typer.echo(str(scenario.get("notice") or scenario.get("depth") or "Depth is synthetic."))
            await control.post("/accounts", json={"address": account, "cash": str(CASH_USD)})
            followed = await _publish_roster(control, engine, follow)
            await control.post("/start")
            os.environ |= {
                "DATABASE_URL": stack.database_url,
                "TEMPORAL_ADDRESS": stack.temporal_address,
                "REMORA_TWIN_URL": str(stack.twin_control_url),
                "PRIVATE_KEY": stack.account_key,
                "REMORA_VOLUME_24H_MIN_USD": str(volume_floor),
            }
            summary, equal = await _trade(control, engine, account)
            return _report(summary, followed, volume_floor, books_equal=equal)
        finally:
            await control.aclose()
            await engine.dispose()


async def _publish_roster(control: Any, engine: "AsyncEngine", follow: list[str]) -> list[dict[str, Any]]:
    """Choose whom to follow by what was known at the window's start, and publish it."""
    import numpy as np
    import pandas as pd

    from remora.domain.ids import WalletAddress
    from remora.statistics.scoring import score_wallets
    from remora.statistics.scoring_params import ScoringParams
    from remora.storage.roster import Follow, publish_roster

    history = (await control.get("/history")).json()
    as_of = datetime.fromisoformat(str(history["before"])) if "before" in history else datetime.now(UTC)
    chosen = [Follow(whale=WalletAddress(name.lower()), edge=Decimal(0), unproven=True) for name in follow]
    trades = pd.DataFrame(history["trades"])
    if not chosen and not trades.empty:
        result = score_wallets(
            history["trades"],
            history["resolutions"],
            as_of=as_of,
            params=ScoringParams(),
            rng=np.random.default_rng(0),
        )
        chosen = [
            Follow(whale=WalletAddress(str(place.wallet)), edge=Decimal(str(round(place.edge, 6))), unproven=False)
            for place in result.roster[:FOLLOWED_MAX]
        ]
    if not chosen and not trades.empty:
        turnover = (trades["price"].astype(float) * trades["size"].astype(float)).groupby(trades["wallet"]).sum()
        largest = turnover.sort_values(ascending=False).index[:FOLLOWED_MAX]
        chosen = [Follow(whale=WalletAddress(str(name)), edge=Decimal(0), unproven=True) for name in largest]
    now = datetime.now(UTC)
    await publish_roster(engine, chosen, as_of=as_of, published_at=now, params={"source": "demo"})
    for row in chosen:
        typer.echo(
            f"following {row.whale}  edge {row.edge:+.3f}  {'unproven' if row.unproven else 'on the roster'}"
        )
    return [{"whale": row.whale, "unproven": row.unproven} for row in chosen]


async def _trade(control: Any, engine: "AsyncEngine", account: str) -> tuple["Summary", bool]:
    from remora.domain.ids import AccountId
    from remora.settings import load_settings
    from remora.storage.summary import summarise
    from remora.telemetry.logs import configure_logging
    from workers.trading import serve

    # the demo's lines are the story; `remora up` keeps the logs
    configure_logging(as_json=False, level="CRITICAL")

    stop = asyncio.Event()
    working = asyncio.create_task(serve(load_settings(), stop, ready_file=None, with_watcher=True))
    try:
        while not working.done():
            status = (await control.get("/status")).json()
            with contextlib.suppress(LookupError):
                now = await summarise(engine, AccountId(account))
                typer.echo(
                    f"{status.get('venue_time', '')!s:.19}  signals {now.signals:4}  copied {now.copied:3}"
                    f"  open {now.open:3}  closed {now.closed:3}  P&L {now.pnl:+9.2f}"
                )
            if status.get("done"):
                break
            await asyncio.sleep(5)
        await asyncio.sleep(DRAIN_SECONDS)
        if working.done():
            await working
        return await summarise(engine, AccountId(account)), await _books_equal(control, engine, account)
    finally:
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await working


async def _books_equal(control: Any, engine: "AsyncEngine", account: str) -> bool:
    from remora.domain.ids import AccountId
    from remora.storage.books import our_books

    ours = await our_books(engine, AccountId(account))
    theirs = (await control.get(f"/books/{account}")).json()
    shares = {token: Decimal(str(held)) for token, held in theirs["shares"].items() if Decimal(str(held)) != 0}
    same = ours.cash == Decimal(str(theirs["cash"])) and {str(k): v for k, v in ours.shares.items()} == shares
    if not same:
        typer.echo(f"ours: {ours.cash} {ours.shares}\ntheirs: {theirs['cash']} {shares}")
    return same


def _report(
    summary: "Summary", followed: list[dict[str, Any]], volume_floor: float, *, books_equal: bool
) -> dict[str, Any]:
    return {
        "signals": summary.signals,
        "copied": summary.copied,
        "exit_signals": summary.exit_signals,
        "skipped": summary.skipped,
        "closed": summary.closed,
        "open": summary.open,
        "unfilled": summary.unfilled,
        "needs_attention": summary.needs_attention,
        "exits": summary.exits,
        "pnl": summary.pnl,
        "fees": summary.fees,
        "slippage": summary.slippage,
        "books_equal": books_equal,
        "latency_ms": {"p50": summary.latency_ms.p50, "p99": summary.latency_ms.p99},
        "followed": followed,
        "overrides": {} if volume_floor == 50_000 else {"REMORA_VOLUME_24H_MIN_USD": volume_floor},
    }


def _show(report: dict[str, Any]) -> None:
    typer.echo("")
    for name, value in report.items():
        if name not in ("books_equal", "followed"):
            shown = value if not isinstance(value, dict) else ", ".join(f"{k} {v}" for k, v in value.items())
            typer.echo(f"{name.replace('_', ' '):>16}: {shown}")
    typer.echo(f"{'books equal':>16}: {'yes' if report['books_equal'] else 'NO'}")
