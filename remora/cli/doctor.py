"""``remora doctor``: what is missing before this machine can trade, without changing anything."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remora.cli.doctor_alerts import alerts
from remora.cli.errors import Exit

if TYPE_CHECKING:
    from remora.cli.checks.finding import Check, Finding
    from remora.settings import Settings

app = typer.Typer(help="Check everything that trading needs; nothing is changed.")
app.command("alerts")(alerts)

MARKS = {
    "ok": "[green]ok[/green]",
    "warn": "[yellow]warn[/yellow]",
    "fail": "[red]FAIL[/red]",
    "skip": "[dim]-[/dim]",
}


@app.callback(invoke_without_command=True)
def doctor(
    context: typer.Context, *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Check this machine, the servers, the account, the venue and its feeds; exit code 1 if anything fails.

    Every line that fails says what to do. It reads only: no key is made, no order sent, nothing started.
    """
    if context.invoked_subcommand is not None:
        return
    findings = asyncio.run(examine())
    failed = [finding for finding in findings if finding.status == "fail"]
    if as_json:
        import json

        report = {"ok": not failed, "failed": len(failed), "findings": [each.as_json() for each in findings]}
        typer.echo(json.dumps(report, indent=2))
    else:
        _show(findings, failed)
    raise typer.Exit(Exit.FAILED if failed else Exit.OK)


async def examine() -> "list[Finding]":
    """Run every check that the settings call for and return what was found."""
    from dataclasses import replace
    from pathlib import Path

    from remora.cli.checks import machine
    from remora.cli.checks.finding import fail, ok, run
    from remora.embedded.config import default_state_dir
    from remora.settings import SettingsError, load_settings
    from remora.telemetry.logs import Redactor

    try:
        settings = load_settings()
    except SettingsError as error:
        wrong = [fail("settings", line, "See .env.example.") for line in str(error).splitlines()]
        return [*wrong, *await run(machine.checks(default_state_dir(), Path(".env")))]
    state_dir = (settings.state_dir or default_state_dir()).expanduser()
    checks = [*machine.checks(state_dir, Path(".env"), alert_urls=settings.alert_urls)]
    found = [ok("settings", f"REMORA_MODE={settings.mode.value}")]
    more, early = await _venue_checks(settings, state_dir)
    found += [*early, *await run([*checks, *_server_checks(settings, state_dir), *more])]
    redactor = Redactor(settings.secrets())
    return [replace(each, found=redactor.text(each.found), todo=redactor.text(each.todo)) for each in found]


def _server_checks(settings: "Settings", state_dir: Any) -> "list[Check]":
    from datetime import timedelta

    from remora.cli.checks import servers
    from remora.embedded.inspection import inspect
    from remora.embedded.state import StateDir

    running = inspect(StateDir(state_dir))
    return servers.checks(
        database_url=settings.database_url or running.database_url,
        temporal_address=settings.temporal_address or running.temporal_address,
        namespace=settings.temporal_namespace,
        roster_age_max=timedelta(hours=float(settings.roster_age_max_h)),
    )


async def _venue_checks(settings: "Settings", state_dir: Any) -> "tuple[list[Check], list[Finding]]":
    """Return the checks of venue and account, or why there are none."""
    from datetime import UTC, datetime

    from remora.cli.checks import account, feeds
    from remora.cli.checks.finding import fail
    from remora.embedded.inspection import inspect
    from remora.embedded.state import StateDir
    from remora.settings import Mode
    from remora.venues.polymarket.probe import AccountProbe
    from remora.venues.venue import VenueUnavailable
    from workers.venues import credentials_of, endpoints_of

    twin_url = settings.twin_url or inspect(StateDir(state_dir)).twin_url
    if settings.mode is Mode.TWIN and twin_url is None:
        return [], [fail("twin", "no exchange twin runs", "Run `remora up`.")]
    try:
        endpoints = await endpoints_of(settings.model_copy(update={"twin_url": twin_url}))
    except VenueUnavailable as error:
        return [], [fail("twin", str(error), "Run `remora up`, or unset REMORA_TWIN_URL.")]
    probe = None
    key = _private_key(settings, state_dir)
    if key is not None and settings.mode is not Mode.PAPER:
        probe = AccountProbe(
            endpoints,
            private_key=key,
            wallet=settings.wallet_address,
            credentials=credentials_of(settings),
            now=lambda: datetime.now(UTC),
        )
    smallest = settings.marketable_buy_min_usd
    return [
        *account.checks(endpoints, probe, mode=settings.mode, cash_min=smallest, session_key=settings.session_key),
        *feeds.checks(endpoints, probe),
    ], []


def _private_key(settings: "Settings", state_dir: Any) -> str | None:
    """Return the key of the settings, or in twin mode the throwaway one if it was made; never make one."""
    from remora.embedded.account import FILE, account_key
    from remora.settings import Mode

    if settings.private_key is not None:
        return settings.private_key.get_secret_value()
    if settings.mode is Mode.TWIN and (state_dir / FILE).exists():
        return account_key(state_dir)
    return None


def _show(findings: "list[Finding]", failed: "list[Finding]") -> None:
    from rich.console import Console
    from rich.table import Table

    from remora.cli.foreign_text import harmless, literal

    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for finding in findings:
        text = literal(finding.found)
        if finding.todo:
            text.append(f"\n→ {harmless(finding.todo)}", style="bold")
        table.add_row(MARKS[finding.status], finding.check, text)
    Console().print(table)
    typer.echo(f"{len(failed)} of {len(findings)} checks failed." if failed else "Nothing stands in the way.")
