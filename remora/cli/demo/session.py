"""One run of the demo: servers up, wallets chosen, trades copied, everything ended, a report."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.cli.demo.control import TwinControl
from remora.cli.demo.engine_log import engine_log
from remora.cli.demo.report import BooksProof, Report, Scene
from remora.cli.demo.request import Request, overrides
from remora.cli.demo.screen import Glance, Screen
from remora.cli.progress import ServiceProgress
from remora.domain.ids import AccountId
from remora.embedded.config import StackConfig
from remora.embedded.services import twin
from remora.embedded.stack import Stack
from remora.settings import Settings
from remora.storage.books import our_books
from remora.storage.decisions import list_decisions
from remora.storage.desk import DeskMissing, load_desk
from remora.storage.engine import create_engine
from remora.storage.positions import list_positions
from remora.storage.summary import summarise
from remora.venues.polymarket.sdk import address_of
from starters.roster import Choice, choose_and_publish, scoring_params
from workers.trading import serve

CASH_USD = Decimal(10_000)
LOOK_SECONDS = 1.0
DRAIN_SECONDS = 45.0
"""Longest wait, after the last event, for orders under way to settle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a running demo reads."""

    control: TwinControl
    engine: AsyncEngine
    account: AccountId


async def play(request: Request, *, picture: Path | None, log: Path | None) -> Report:
    """Play the request to its end; raise CommandFailed or EmbeddedError when a server fails."""
    services = [twin(request.scenario)]
    with ServiceProgress() as progress:
        stack = Stack(StackConfig(), services=services, report=progress.report)
        async with stack, opened(stack) as run:
            progress.stop()
            report, screen = await _watch_it(request, stack, run, log)
    screen.show(report)
    if picture is not None:
        screen.save(picture)
    return report


@contextlib.asynccontextmanager
async def opened(stack: Stack) -> AsyncIterator[Run]:
    """Open the database and the twin of a running stack."""
    engine = create_engine(stack.database_url)
    try:
        async with TwinControl(str(stack.twin_control_url)) as control:
            account = AccountId(address_of(stack.account_key).lower())
            yield Run(control=control, engine=engine, account=account)
    finally:
        await engine.dispose()


async def _watch_it(request: Request, stack: Stack, run: Run, log: Path | None) -> tuple[Report, Screen]:
    scenario = await run.control.scenario()
    await run.control.fund(run.account, CASH_USD)
    choice = await choose_and_publish(
        run.engine,
        await run.control.history(),
        scoring_params(request.settings),
        follow=request.follow,
        rng=np.random.default_rng(0),
        published_at=datetime.now(UTC),
    )
    scene = _scene(scenario, choice, request, ui_url=stack.ui_url)
    screen = Screen(scene)
    with engine_log(log, secrets=[stack.account_key]):
        proof = await _trade(demo_settings(request.settings, stack), stack, run, screen)
    return Report.of(scene, await summarise(run.engine, run.account), proof), screen


def demo_settings(settings: Settings, stack: Stack) -> Settings:
    """Return a demo's settings on the servers of this stack."""
    return settings.model_copy(
        update={
            "database_url": stack.database_url,
            "temporal_address": stack.temporal_address,
            "temporal_namespace": stack.site.temporal_namespace,
            "twin_url": stack.twin_control_url,
            "private_key": SecretStr(stack.account_key),
        }
    )


def _scene(scenario: dict[str, Any], choice: Choice, request: Request, *, ui_url: str | None) -> Scene:
    return Scene(
        name=str(scenario["name"]),
        notices=tuple(str(notice) for notice in scenario["notices"]),
        speed=float(scenario["speed"]),
        window=(str(scenario["window"]["start"]), str(scenario["window"]["end"])),
        ui_url=ui_url,
        source=choice.source,
        follows=choice.follows,
        funnel=dict(choice.funnel),
        overrides=overrides(request.settings),
        cash=CASH_USD,
    )


async def _trade(settings: Settings, stack: Stack, run: Run, screen: Screen) -> BooksProof:
    """Run worker and watcher in this process while the window plays; return how the books compare."""
    stop = asyncio.Event()
    working = asyncio.create_task(serve(settings, stop, ready_file=None, with_watcher=True))
    guarding = asyncio.create_task(stack.watch())
    playing = asyncio.create_task(_play_window(run, screen))
    try:
        await asyncio.wait([working, guarding, playing], return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            _raise_of(working, guarding)
        return playing.result()
    finally:
        playing.cancel()
        guarding.cancel()
        stop.set()
        await asyncio.gather(playing, guarding, working, return_exceptions=True)


def _raise_of(*ended: asyncio.Task[None]) -> None:
    for task in ended:
        if task.done():
            task.result()
    raise RuntimeError("the trading worker ended by itself")


async def _play_window(run: Run, screen: Screen) -> BooksProof:
    await _desk_opened(run)
    await run.control.start()
    with screen.live():
        while not (await _look(run, screen)).done:  # noqa: ASYNC110 (the twin is another process)
            await asyncio.sleep(LOOK_SECONDS)
        proof = await _settled(run, screen)
        await _look(run, screen)
    return proof


async def _desk_opened(run: Run) -> None:
    """Wait for the worker: what is traded before it listens would be missed."""
    while True:
        with contextlib.suppress(DeskMissing):
            await load_desk(run.engine, run.account)
            await asyncio.sleep(LOOK_SECONDS)
            return
        await asyncio.sleep(0.1)


async def _look(run: Run, screen: Screen) -> Glance:
    status = await run.control.status()
    glance = Glance(
        venue_time=str(status["venue_time"]),
        progress=float(status.get("progress", 0.0)),
        done=bool(status["done"]),
        desk=await load_desk(run.engine, run.account),
        summary=await summarise(run.engine, run.account),
        positions=await list_positions(run.engine, run.account),
        decisions=await list_decisions(run.engine, run.account, limit=8),
    )
    screen.update(glance)
    return glance


async def _settled(run: Run, screen: Screen) -> BooksProof:
    """Return the comparison once it holds twice in a row; the last one when patience ends first."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + DRAIN_SECONDS
    equal_before = False
    while True:
        proof = await compare_books(run)
        if (proof.equal and equal_before) or loop.time() > deadline:
            return proof
        equal_before = proof.equal
        await _look(run, screen)
        await asyncio.sleep(2 * LOOK_SECONDS)


async def compare_books(run: Run) -> BooksProof:
    """Return our ledger beside the exchange's own books."""
    ours = await our_books(run.engine, run.account)
    cash, shares = await run.control.books(run.account)
    return BooksProof(
        our_cash=ours.cash,
        their_cash=cash,
        our_shares={str(token): held for token, held in ours.shares.items()},
        their_shares=shares,
    )
