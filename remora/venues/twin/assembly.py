"""Puts one twin together: exchange, public reads, stream, replay and their ASGI applications."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from starlette.types import ASGIApp

from remora.venues.twin.access import Access
from remora.venues.twin.auth.keys import Keys
from remora.venues.twin.auth.session_keys import SessionKeys
from remora.venues.twin.chain.control import ChainControl
from remora.venues.twin.chain.node import Node, make_node
from remora.venues.twin.clob.app import clob_app
from remora.venues.twin.clob.state import ClobState
from remora.venues.twin.control_app import ControlApp
from remora.venues.twin.data_app import DataApp
from remora.venues.twin.engine.exchange import Exchange
from remora.venues.twin.exact_books import exact_books
from remora.venues.twin.faults.control import FaultControl
from remora.venues.twin.faults.http import FaultyHttp
from remora.venues.twin.faults.markets import MarketFaults, paid_out, settlement_plan
from remora.venues.twin.faults.switchboard import Switchboard
from remora.venues.twin.gamma_app import GammaApp
from remora.venues.twin.held_clock import HeldClock
from remora.venues.twin.journal.door import Door, clob_changes, control_changes, relayer_changes
from remora.venues.twin.journal.steps import Steps
from remora.venues.twin.public_side import PublicSide
from remora.venues.twin.relayer_app import RelayerApp
from remora.venues.twin.replay import Replay
from remora.venues.twin.replay_clock import ReplayClock, wall_now
from remora.venues.twin.rtds import SILENT_AFTER, RtdsHub
from remora.venues.twin.scenario.model import Scenario
from remora.venues.twin.stage import Stage

SERVICES = ("clob", "gamma", "data", "rtds", "control", "relayer", "rpc")
"""In the order of their ports."""

START = "start"
"""The step with which venue time begins to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinOptions:
    """What may differ between two twins with the same scenario; lags and delays are wall time."""

    seed: int = 0
    data_lag: timedelta = timedelta(seconds=3)
    rtds_lag: timedelta = timedelta(0)
    rtds_silent_after: timedelta = timedelta(seconds=SILENT_AFTER)
    mined_after: timedelta = timedelta(seconds=0.3)
    confirmed_after: timedelta = timedelta(seconds=0.9)
    auto_redeem_after: timedelta | None = None
    block_time: timedelta = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """One assembled twin."""

    exchange: Exchange
    public: PublicSide
    stage: Stage
    replay: Replay
    clock: ReplayClock
    node: Node
    apps: dict[str, ASGIApp]
    faults: Switchboard
    fault_control: FaultControl
    steps: Steps


def assemble(
    scenario: Scenario | None,
    options: TwinOptions,
    *,
    host: str,
    port: int,
    wall: Callable[[], datetime] = wall_now,
    born: datetime | None = None,
) -> Twin:
    """Return a twin with its history loaded; without a scenario it is empty, at wall time, and running.

    `born` is when it was assembled first, if its journal is to be restored.
    """
    held = HeldClock(wall)
    with held.at(born or wall()):
        twin = _assembled(scenario, options, held, endpoints(host, port))
        twin.replay.load_history()
        twin.steps.on(START, lambda _nothing: twin.clock.start().speed)
        twin.steps.watch(twin.exchange, twin.node.chain)
        if scenario is None:
            twin.clock.start()
        return twin


def _assembled(
    scenario: Scenario | None, options: TwinOptions, wall: HeldClock, addresses: dict[str, Any]
) -> Twin:
    clock = _clock(scenario, wall)
    exchange = Exchange(mined_after=options.mined_after, confirmed_after=options.confirmed_after)
    public = PublicSide(now=clock.now, data_lag=options.data_lag * clock.speed)
    board = Switchboard(options.seed)
    steps = Steps(wall, board)
    hub = _hub(options, board)
    node = make_node(exchange, public, clock.now, block_time=options.block_time, board=board, steps=steps)
    stage = Stage(
        exchange=exchange,
        public=public,
        hub=hub,
        wall=wall,
        venue_time=clock.at,
        chain=node.chain,
        auto_redeem_after=options.auto_redeem_after,
    )
    market_faults = MarketFaults(board, stage, steps)
    replay = Replay(scenario, stage, clock, wall=wall, steps=steps)
    fault_control = FaultControl(board, market_faults)
    exchange.plan_settlement, exchange.pays = partial(settlement_plan, board), partial(paid_out, board)
    access, keys, sessions = Access(), Keys(f"remora-twin-{options.seed}".encode()), SessionKeys(wall)
    control = ControlApp(
        exchange=exchange,
        public=public,
        stage=stage,
        replay=replay,
        clock=clock,
        endpoints=addresses,
        books=exact_books,
        more=[*ChainControl(node, public).routes(), *access.control_routes(), *fault_control.routes()],
    )
    clob = ClobState(
        exchange,
        keys,
        now=clock.now,
        wall=wall,
        sessions=sessions,
        access=access,
        faults=board,
        treat=market_faults.treat,
        allowances=node.allowances,
    )
    relayer = RelayerApp(chain=node.chain, execution=node.execution, wall=wall, sessions=sessions)
    http: dict[str, ASGIApp] = {
        "clob": Door(clob_app(clob), steps, "clob", clob_changes),
        "gamma": GammaApp(public, access).app(),
        "data": DataApp(public, node.allowances).app(),
        "relayer": Door(relayer.app(), steps, "relayer", relayer_changes),
        "rpc": node.nodes,
    }
    return Twin(
        exchange=exchange,
        public=public,
        stage=stage,
        replay=replay,
        clock=clock,
        node=node,
        apps={
            "rtds": hub.app(),
            "control": Door(control.app(), steps, "control", control_changes),
            **_faulty(http, board),
        },
        faults=board,
        fault_control=fault_control,
        steps=steps,
    )


def _faulty(apps: dict[str, ASGIApp], board: Switchboard) -> dict[str, ASGIApp]:
    return {name: FaultyHttp(app, board, name) for name, app in apps.items()}


def _clock(scenario: Scenario | None, wall: Callable[[], datetime]) -> ReplayClock:
    if scenario is None:
        return ReplayClock(wall().astimezone(UTC), 1.0, wall)
    return ReplayClock(scenario.window_start, scenario.speed, wall)


def _hub(options: TwinOptions, board: Switchboard) -> RtdsHub:
    return RtdsHub(
        lag=options.rtds_lag.total_seconds(),
        silent_after=options.rtds_silent_after.total_seconds(),
        faults=board,
    )


def endpoints(host: str, port: int) -> dict[str, Any]:
    """Return every address of a twin whose first port is `port`."""
    http = {name: f"http://{host}:{port + number}" for number, name in enumerate(SERVICES)}
    return {
        "clob_url": http["clob"],
        "gamma_url": http["gamma"],
        "data_url": http["data"],
        "relayer_url": http["relayer"],
        "rpc_url": http["rpc"],
        "rpc_ws_url": f"ws://{host}:{port + SERVICES.index('rpc')}",
        "control_url": http["control"],
        "market_ws_url": f"ws://{host}:{port}/ws/market",
        "user_ws_url": f"ws://{host}:{port}/ws/user",
        "geoblock_url": f"{http['gamma']}/api/geoblock",
        "rtds_ws_url": f"ws://{host}:{port + SERVICES.index('rtds')}",
        "chain_id": 137,
    }
