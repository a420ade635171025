"""JSON-RPC as a Polygon node answers it."""

from collections.abc import Callable, Mapping
from typing import Any

from remora.venues.twin.chain import contracts as at
from remora.venues.twin.chain import wire
from remora.venues.twin.chain.accounts import Senders
from remora.venues.twin.chain.blocks import Block, Chain, Reverted
from remora.venues.twin.chain.calls import ContractReads, reverted
from remora.venues.twin.chain.faults import ChainFaults, refuse_wrong_method
from remora.venues.twin.chain.filters import RpcError, block_number, invalid, select_logs

Params = list[Any]
CONTRACTS = frozenset(
    {
        *(at.COLLATERAL, at.CONDITIONAL_TOKENS, at.POSITION_MANAGER, at.ROUTER, at.ADAPTER, at.NEG_RISK_ADAPTER),
        *at.EXCHANGES,
    }
)


class Rpc:
    """Answers calls one at a time; subscriptions belong to the connection and are not here.

    `send` takes a raw transaction and returns its hash.
    """

    def __init__(
        self,
        chain: Chain,
        reads: ContractReads,
        senders: Senders,
        faults: ChainFaults,
        send: Callable[[object], str],
    ) -> None:
        self.chain = chain
        self.faults = faults
        self._reads = reads
        self._senders = senders
        self._methods: dict[str, Callable[[Params], Any]] = {
            "eth_chainId": lambda _: hex(faults.served_chain()),
            "net_version": lambda _: str(faults.served_chain()),
            "web3_clientVersion": lambda _: "bor/twin",
            "eth_syncing": lambda _: False,
            "eth_blockNumber": lambda _: hex(self.head_number),
            "eth_gasPrice": lambda _: hex(wire.PRIORITY_FEE + wire.BASE_FEE),
            "eth_maxPriorityFeePerGas": lambda _: hex(wire.PRIORITY_FEE),
            "eth_feeHistory": self._fee_history,
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getLogs": lambda params: faults.visible(select_logs(chain, _one(params, 0), self.head_number)),
            "eth_call": lambda params: self._reads.call(_one(params, 0)),
            "eth_getBalance": lambda params: hex(senders.gas_money(_address(params))),
            "eth_getCode": lambda params: "0x60" if _address(params) in CONTRACTS else "0x",
            "eth_getTransactionCount": self._transaction_count,
            "eth_estimateGas": self._estimate,
            "eth_sendRawTransaction": lambda params: send(_one(params, 0)),
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
        }

    @property
    def head_number(self) -> int:
        """The newest block that this node admits."""
        return max(self.chain.blocks[0].number, self.chain.head.number - self.faults.behind())

    def answer(self, body: object) -> dict[str, Any]:
        """Return the reply to one call."""
        if not isinstance(body, Mapping) or not isinstance(body.get("method"), str):
            return error_body(None, RpcError(-32600, "invalid request"))
        name, params = body.get("id"), body.get("params", [])
        method = self._methods.get(body["method"])
        try:
            if method is None:
                raise refuse_wrong_method(body["method"])
            if not isinstance(params, list):
                raise invalid("params must be a list")
            return {"jsonrpc": "2.0", "id": name, "result": method(params)}
        except RpcError as error:
            return error_body(name, error)
        except Reverted as error:
            return error_body(name, reverted(str(error)))

    def _block_by_number(self, params: Params) -> dict[str, Any] | None:
        number = block_number(_one(params, 0), self.head_number, self.chain.blocks[0].number)
        block = self.chain.block(number) if number <= self.head_number else None
        return self._whole(block, params)

    def _block_by_hash(self, params: Params) -> dict[str, Any] | None:
        return self._whole(self.chain.by_hash(str(_one(params, 0)).lower()), params)

    def _whole(self, block: Block | None, params: Params) -> dict[str, Any] | None:
        return None if block is None else wire.whole_block(block, full=len(params) > 1 and params[1] is True)

    def _transaction_count(self, params: Params) -> str:
        pending = len(params) > 1 and params[1] == "pending"
        return hex(self._senders.nonce(_address(params), pending=pending))

    def _estimate(self, params: Params) -> str:
        call = _one(params, 0)
        if not isinstance(call, Mapping):
            raise invalid("a call must be an object")
        data = str(call.get("data") or call.get("input") or "0x")
        return hex(self._senders.estimate(str(call.get("from", "")), str(call.get("to", "")), data))

    def _transaction(self, params: Params) -> dict[str, Any] | None:
        name = str(_one(params, 0)).lower()
        found = self.chain.find(name)
        if found is None:
            return None
        block, position = self.chain.places.get(name, (None, 0))
        return wire.transaction_json(found, block, position)

    def _receipt(self, params: Params) -> dict[str, Any] | None:
        placed = self.chain.places.get(str(_one(params, 0)).lower())
        if placed is None or placed[0].number > self.head_number:
            return None
        block, position = placed
        return wire.receipt(block.transactions[position], block, position)

    def _fee_history(self, params: Params) -> dict[str, Any]:
        count = min(int(str(_one(params, 0)), 16) if isinstance(params[0], str) else int(params[0]), 1024)
        shares = params[2] if len(params) > 2 and isinstance(params[2], list) else []
        return {
            "oldestBlock": hex(max(self.chain.blocks[0].number, self.head_number - count + 1)),
            "baseFeePerGas": [hex(wire.BASE_FEE)] * (count + 1),
            "gasUsedRatio": [0.5] * count,
            "reward": [[hex(wire.PRIORITY_FEE)] * len(shares)] * count,
        }


def error_body(name: object, error: RpcError) -> dict[str, Any]:
    """Return an error as JSON-RPC writes it."""
    detail: dict[str, Any] = {"code": error.code, "message": str(error)}
    if error.data is not None:
        detail["data"] = error.data
    return {"jsonrpc": "2.0", "id": name, "error": detail}


def _one(params: Params, position: int) -> Any:
    if len(params) <= position:
        raise invalid(f"missing value for required argument {position}")
    return params[position]


def _address(params: Params) -> str:
    found = str(_one(params, 0)).lower()
    if len(found) != 42 or not found.startswith("0x"):
        raise invalid(f"expected an address, found {found!r:.60}")
    return found
