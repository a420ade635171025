"""One chain with its contracts and its RPC node, put together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from remora.domain.ids import ConditionId
from remora.venues.twin.chain.accounts import Senders
from remora.venues.twin.chain.allowances import Allowances
from remora.venues.twin.chain.blocks import Chain
from remora.venues.twin.chain.calls import ContractReads
from remora.venues.twin.chain.execution import Execution
from remora.venues.twin.chain.faults import ChainFaults
from remora.venues.twin.chain.nodes import Nodes
from remora.venues.twin.chain.raw import decode_raw
from remora.venues.twin.chain.recorder import ChainRecorder
from remora.venues.twin.chain.rpc import Rpc
from remora.venues.twin.chain.rpc_app import RpcApp
from remora.venues.twin.engine.exchange import Exchange
from remora.venues.twin.faults.switchboard import Switchboard
from remora.venues.twin.journal.steps import Steps
from remora.venues.twin.public_side import PublicSide
from remora.venues.twin.scenario.model import MarketSpec

RAW = "raw transaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Everything about the chain of one twin."""

    chain: Chain
    allowances: Allowances
    execution: Execution
    senders: Senders
    faults: ChainFaults
    nodes: Nodes


def make_node(
    exchange: Exchange,
    public: PublicSide,
    now: Callable[[], datetime],
    *,
    block_time: timedelta,
    board: Switchboard,
    steps: Steps,
) -> Node:
    """Return the chain of a twin; from now on everything that happens live is on it."""
    chain = Chain(block_time=block_time, first_timestamp=int(now().timestamp()))
    allowances, faults = Allowances(), ChainFaults(board=board)
    execution = Execution(exchange, allowances, now)
    senders = Senders(chain, execution)
    steps.on(RAW, lambda raw: senders.send(decode_raw(raw)))

    def spec_of(condition_id: ConditionId) -> MarketSpec:
        return exchange.listings[condition_id].spec

    public.chain = ChainRecorder(chain, spec_of).record
    reads = ContractReads(exchange, allowances)

    def further() -> tuple[RpcApp, ChainFaults]:
        own = ChainFaults(board=faults.board)
        return RpcApp(Rpc(chain, reads, senders, own, partial(steps.do, RAW))), own

    return Node(
        chain=chain,
        allowances=allowances,
        execution=execution,
        senders=senders,
        faults=faults,
        nodes=Nodes(first=RpcApp(Rpc(chain, reads, senders, faults, partial(steps.do, RAW))), make=further),
    )
