"""A roster that was scored anew, on the whole stack: followed without a restart; the demoted keep their guards."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from activities.scoring import ScoringTools
from activities.tools import Tools
from remora.domain.decide import RosterStatus
from remora.domain.ids import WalletAddress
from remora.settings import Settings
from remora.statistics.scoring_params import ScoringParams
from remora.statistics.seats import SeatRules
from remora.storage.decisions import list_decisions
from remora.storage.desk import ensure_desk
from remora.storage.positions import PositionRow, list_positions
from remora.storage.roster import load_roster
from remora.storage.triggers import active_triggers
from remora.telemetry.metrics import Metrics
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from schemas.rescore import RescoreResult
from starters.rescore import start_rescoring
from tests.fixtures.twin import OUR_KEY, RunningTwin
from tests.fixtures.waiting import eventually
from tests.research.biased import DAY, biased_store
from tests.research.files import START
from workers.process_pool import ProcessPool
from workers.research import research_worker
from workers.trading import trading_worker
from workers.watcher import run

pytestmark = [pytest.mark.system, pytest.mark.slow]


@dataclass
class Desk:
    """What trades on the twin while rosters change under it."""

    twin: RunningTwin
    engine: AsyncEngine
    venue: PolymarketVenue
    printed: int = 0

    async def whale_buys(self, whale: WalletAddress, token: str, price: str = "0.50") -> None:
        self.printed += 1
        await self.twin.post(
            "/trades",
            wallet=whale,
            token_id=token,
            side="BUY",
            price=price,
            size="800",
            transaction_hash=f"0x{self.printed:064x}",
        )

    async def outcomes(self, token: str) -> list[tuple[str, str | None]]:
        """Return what was decided about a token, the oldest first."""
        rows = await list_decisions(self.engine, self.venue.account, limit=100)
        return [(row["outcome"], row["reason"]) for row in reversed(rows) if row["token_id"] == token]

    async def decided(self, token: str) -> bool:
        return bool(await self.outcomes(token))

    async def position(self, token: str) -> PositionRow | None:
        rows = await list_positions(self.engine, self.venue.account, include_ended=True)
        return next((row for row in rows if row.token_id == token), None)


@asynccontextmanager
async def trading(client: Client, engine: AsyncEngine, twin: RunningTwin) -> AsyncIterator[Desk]:
    """Run a watcher and a trading worker; nobody is followed yet."""
    venue = await PolymarketVenue.create(await Endpoints.from_twin(twin.urls["control_url"]), private_key=OUR_KEY)
    now, clock = datetime.now(UTC), await venue.clock()
    await ensure_desk(
        engine, venue.account, venue_mode="twin", cash=await venue.cash(), now=now, now_venue=clock.venue_time(now)
    )
    settings = Settings(REMORA_VOLUME_24H_MIN_USD=0, REMORA_SPREAD_MAX=1)  # type: ignore[call-arg]
    tools = Tools(venue=venue, engine=engine, limits=settings.limits(), wall=lambda: datetime.now(UTC))
    stop = asyncio.Event()
    async with trading_worker(client, tools):
        watching = asyncio.create_task(
            run(client, venue, engine, settings, stop, metrics=Metrics(CollectorRegistry()))
        )
        try:
            yield Desk(twin, engine, venue)
        finally:
            stop.set()
            await watching
            await venue.close()


async def rescored(
    client: Client, engine: AsyncEngine, root: Path, pool: Executor, *, strict: bool = False
) -> RescoreResult:
    """Score everybody once more through the workflow; `strict` sets bars that nobody reaches."""

    end = datetime.fromtimestamp(START + 202 * DAY, tz=UTC)

    async def now() -> datetime:
        return end

    tools = ScoringTools(
        engine=engine,
        root=root,
        pool=pool,
        params=ScoringParams(resamples=199, win_rate_min=0.99 if strict else 0.65),
        rules=SeatRules(keep_score=101.0 if strict else 60.0),
        wall=lambda: datetime.now(UTC),
        now=now,
    )
    async with research_worker(client, tools, at_once=1):
        return await (await start_rescoring(client, as_of=end, pull=False, by="test", shards=1)).result()


async def test_a_rescored_roster_is_followed_at_once_and_the_demoted_keep_their_guards(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin, tmp_path: Path
) -> None:
    root, pool = biased_store(tmp_path).root, ProcessPool(1)
    held, other = [
        await twin.list_market(f"Will team {number} win?", price=0.5, category="Sports") for number in range(2)
    ]
    try:
        async with trading(temporal_client, engine, twin) as desk:
            first = await rescored(temporal_client, engine, root, pool)
            assert first.probation >= 1
            whale = next(follow.whale for follow in await load_roster(engine))

            # the watcher was started before there was a roster, and is not started again
            async def noticed() -> bool:
                await desk.whale_buys(whale, held.yes)
                with contextlib.suppress(TimeoutError):
                    await eventually(lambda: desk.decided(held.yes), patience_s=3.0)
                return await desk.decided(held.yes)

            async def copied() -> bool:
                found = await desk.position(held.yes)
                return found is not None and found.state.value == "open" and found.books.shares > 0

            await eventually(noticed, "a decision about a whale of the new roster")
            await eventually(copied, "an open position")
            (decision,) = [
                row
                for row in await list_decisions(engine, desk.venue.account, limit=100)
                if row["outcome"] == "copy" and row["token_id"] == held.yes
            ][:1]
            assert decision["terms"]["probability_source"] == "learned_model"
            assert decision["terms"]["learned_model"] == first.learned_model

            async def guarded() -> bool:
                return {row.token_id for row in await active_triggers(engine, desk.venue.account)} == {held.yes}

            await eventually(guarded, "armed thresholds")

            # nobody is good enough any more: one strike, and with the second the seat is lost
            assert (await rescored(temporal_client, engine, root, pool, strict=True)).demoted == 0
            assert (await rescored(temporal_client, engine, root, pool, strict=True)).demoted >= 1
            statuses = {follow.whale: follow.status for follow in await load_roster(engine)}
            assert statuses[whale] is RosterStatus.DEMOTED

            before = await desk.position(held.yes)
            await desk.whale_buys(whale, other.yes)
            await desk.whale_buys(whale, held.yes)

            async def refused() -> bool:
                new, more = await desk.outcomes(other.yes), await desk.outcomes(held.yes)
                return ("skip", "demoted") in new and ("skip", "demoted") in more

            await eventually(refused, "refusals of the demoted whale")
            assert await desk.position(other.yes) is None
            assert await guarded()
            after = await desk.position(held.yes)
            assert before is not None
            assert after is not None
            assert after.books.shares == before.books.shares

            for bid, ask in (("0.40", "0.41"), ("0.39", "0.40")):
                await twin.post("/quotes", token_id=held.yes, bid=bid, ask=ask, size="20000")

            async def left() -> bool:
                found = await desk.position(held.yes)
                return found is not None and found.state.ended

            await eventually(left, "the stop-loss")
            ended = await desk.position(held.yes)
            assert ended is not None
            assert ended.exit_reason is not None
            assert ended.exit_reason.value == "stop_loss"
    finally:
        pool.shutdown(cancel_futures=True)
