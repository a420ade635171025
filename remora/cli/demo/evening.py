"""``remora demo --scenario evening``: every limit and switch of the desk at work, scripted and seeded.

Markets fall, whales buy too much, people halt, reset, pause and flatten; nothing of the engine is scripted.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from temporalio.client import Client, WorkflowUpdateFailedError

from remora.cli.demo.engine_log import engine_log
from remora.cli.demo.evening_report import EveningReport, closing, evening_report
from remora.cli.demo.request import LEFT_OUT, require_seed, require_writable, without_overrides
from remora.cli.demo.session import Run, compare_books, demo_settings, opened
from remora.cli.errors import CommandFailed, Exit
from remora.cli.progress import ServiceProgress
from remora.domain.ids import WalletAddress
from remora.domain.reasons import DeskMode
from remora.embedded.config import StackConfig
from remora.embedded.services import twin
from remora.embedded.stack import Stack
from remora.settings import Mode, Settings, load_settings
from remora.storage.decisions import list_decisions
from remora.storage.desk import DeskMissing, DeskRow, load_desk
from remora.storage.feeds import load_feeds
from remora.storage.positions import list_positions
from remora.storage.roster import Follow, publish_roster
from starters import desk
from starters.client import connect
from workers.trading import serve

CASH_USD = Decimal(10_000)
EDGE = Decimal("0.15")
PATIENCE_S = 60.0
NAMES = ("rain", "snow", "hail", "fog", "ice", "wind", "heat", "frost", "thunder", "drought", "flood", "haze")
ANN, BOB = "ann", "bob"


@dataclass
class Evening:
    """What the script moves: markets, whales and people."""

    run: Run
    client: Client
    tell: Callable[[str], None]
    rng: np.random.Generator
    tokens: dict[str, str] = field(default_factory=dict)
    whales: tuple[WalletAddress, ...] = ()

    async def play(self) -> None:
        """Play the evening from the first purchase to the last sale."""
        names = list(NAMES)
        self.rng.shuffle(names)
        await self._open(names)
        await self._one_whale_too_much(names)
        await self._fall(names[:3], "The first three markets collapse")
        await self._halted_and_reset()
        await self._fall(names[3:6], "The next three collapse too")
        await self._desk(lambda row: row.mode is DeskMode.HALTED)
        await desk.reset(self.client, self.run.account, by=ANN, reason="same storm, positions are out", force=True)
        await self._fall(names[7:8], "One more, and equity is a fifth below its mark")
        await self._desk(lambda row: row.scale < 1)
        await self._until(self._untold, lambda left: left == 0)
        await self._held(3)  # seven fell through their stops
        await self._paused(names[11])
        self.tell("Bob has seen enough and flattens")
        await desk.flatten(self.client, self.run.account, by=BOB, reason="enough for tonight")
        await self._until(lambda: list_positions(self.run.engine, self.run.account), lambda rows: not rows)

    async def _open(self, names: list[str]) -> None:
        await self._until(self._heard, lambda feeds: "rtds" in feeds)
        for name in names:
            _, self.tokens[name] = await self.run.control.list_market(
                f"Will there be {name} tomorrow?", price="0.5", category="Geopolitics", depth_usd="50000"
            )

    async def _one_whale_too_much(self, names: list[str]) -> None:
        self.tell("The first whale buys in seven markets: the seventh would be more than 30 % with one whale")
        for name in names[:7]:
            await self._buy(name, 0)
        self.tell("The second whale buys in five: the fifth is the eleventh entry within a minute")
        for name in names[7:]:
            await self._buy(name, 1)
        await self._held(10)

    async def _held(self, count: int) -> None:
        await self._until(
            lambda: list_positions(self.run.engine, self.run.account),
            lambda rows: len(rows) == count and all(row.state == "open" for row in rows),
        )

    async def _halted_and_reset(self) -> None:
        halted = await self._desk(lambda row: row.mode is DeskMode.HALTED)
        self.tell(f"The desk halts: {halted.reason}")
        try:
            await desk.reset(self.client, self.run.account, by=ANN, reason="go on")
        except WorkflowUpdateFailedError as error:
            self.tell(f"Ann's reset is refused: {error.cause}")
        self.tell("Ann looks into it and accepts the loss")
        await desk.reset(self.client, self.run.account, by=ANN, reason="a storm, not a bug", force=True)

    async def _paused(self, name: str) -> None:
        self.tell("Ann pauses; a whale's purchase is not copied; then she resumes")
        await desk.pause(self.client, self.run.account, by=ANN, reason="dinner")
        await self._buy(name, 2)
        await desk.resume(self.client, self.run.account, by=ANN, reason="back")

    async def _buy(self, name: str, whale: int) -> None:
        """Have a whale buy at the touch, and wait for the decision about it."""
        known = len(await self._decisions())
        size = Decimal(int(self.rng.integers(500, 2000)))
        await self.run.control.trade(
            self.whales[whale], self.tokens[name], side="BUY", price=Decimal("0.51"), size=size
        )
        await self._until(self._decisions, lambda rows: len(rows) > known)

    async def _fall(self, names: list[str], why: str) -> None:
        self.tell(why)
        for name in names:
            bid = Decimal(int(self.rng.integers(18, 22))) / 100
            await self.run.control.quote(
                self.tokens[name], bid=bid, ask=bid + Decimal("0.01"), size=Decimal(50_000)
            )

    async def _decisions(self) -> list[dict[str, Any]]:
        return await list_decisions(self.run.engine, self.run.account, limit=10_000)

    async def _heard(self) -> set[str]:
        return {feed.feed for feed in await load_feeds(self.run.engine, self.run.account)}

    async def _untold(self) -> int:
        """Return how many open positions still hold more than half of what was bought."""
        rows = await list_positions(self.run.engine, self.run.account)
        return sum(row.books.sold_shares < row.books.bought_shares * Decimal("0.49") for row in rows)

    async def _desk(self, holds: Callable[[DeskRow], bool]) -> DeskRow:
        found: DeskRow = await self._until(lambda: load_desk(self.run.engine, self.run.account), holds)
        return found

    async def _until(self, look: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool]) -> Any:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while True:
            with contextlib.suppress(DeskMissing):
                seen = await look()
                if holds(seen):
                    return seen
            if loop.time() > deadline:
                raise CommandFailed(
                    "The evening did not go on as scripted: what it waits for did not happen.",
                    "Run it again with --log FILE and see what the engine did.",
                )
            await asyncio.sleep(0.1)


def show_evening(name: str, *, seed: int, json_file: Path | None, picture: Path | None, log: Path | None) -> int:
    """Play the evening, show it as it happens and its report; return the exit code."""
    from rich.console import Console

    if name != "evening":
        raise CommandFailed(f"No scenario {name!r}.", "There is one: evening.", code=Exit.USAGE)
    require_seed(seed)
    require_writable((json_file, picture, log))
    console = Console(record=picture is not None, width=140 if picture is not None else None)
    report = asyncio.run(_evening(seed, log, console))
    console.print(closing(report))
    if json_file is not None:
        json_file.write_text(report.as_text())
    if picture is not None:
        console.save_svg(str(picture), title="remora demo --scenario evening")
    return 0 if report.good else 1


def scripted_policy() -> Settings:
    """Return settings under the product's own limits, whatever `.env` says: the script is written for those."""
    left_out = {**LEFT_OUT, "mode": Mode.TWIN, "volume_24h_min_usd": Decimal(0)}
    return without_overrides(load_settings()).model_copy(update=left_out)


async def _evening(seed: int, log: Path | None, console: Any) -> EveningReport:
    rng = np.random.default_rng(seed)
    whales = tuple(WalletAddress("0x" + rng.bytes(20).hex()) for _ in range(3))

    def tell(text: str) -> None:
        console.print(f"[dim]{datetime.now(UTC):%H:%M:%S}[/dim]  {text}", highlight=False)

    with ServiceProgress() as progress:
        stack = Stack(StackConfig(), services=[twin(("--empty", "--start"))], report=progress.report)
        async with stack, opened(stack) as run:
            progress.stop()
            await run.control.fund(run.account, CASH_USD)
            now = datetime.now(UTC)
            follows = [Follow(whale=whale, edge=EDGE, unproven=False) for whale in whales]
            await publish_roster(run.engine, follows, as_of=now, published_at=now, params={"source": "scripted"})
            with engine_log(log, secrets=[stack.account_key]):
                await _with_engine(stack, run, rng, whales, tell)
            return await evening_report(run.engine, run.account, await compare_books(run), seed=seed)


async def _with_engine(
    stack: Stack,
    run: Run,
    rng: np.random.Generator,
    whales: tuple[WalletAddress, ...],
    tell: Callable[[str], None],
) -> None:
    settings = demo_settings(scripted_policy(), stack)
    stop = asyncio.Event()
    working = asyncio.create_task(serve(settings, stop, ready_file=None, with_watcher=True))
    client = await connect(str(stack.temporal_address), namespace=stack.site.temporal_namespace)
    playing = asyncio.create_task(Evening(run, client, tell, rng, whales=whales).play())
    try:
        await asyncio.wait([working, playing], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        await playing
    finally:
        playing.cancel()
        stop.set()
        await asyncio.gather(playing, working, return_exceptions=True)
