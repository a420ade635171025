"""Externally owned accounts on the chain: nonces, gas money, and the transactions that they sign."""

from functools import partial

from remora.venues.twin.chain.blocks import Chain, Reverted, Transaction
from remora.venues.twin.chain.execution import Effect, Execution
from remora.venues.twin.chain.filters import RpcError
from remora.venues.twin.chain.logs import Entry
from remora.venues.twin.chain.raw import SignedCall
from remora.venues.twin.chain.wire import BASE_FEE

GAS_MONEY = 10 * 10**18
"""What every account has of the chain's own coin unless it was told otherwise, in its smallest unit."""

GAS_OF_A_CALL = 180_000


class Senders:
    """Takes signed calls in the order of their nonces and turns them into transactions of the next block."""

    def __init__(self, chain: Chain, execution: Execution) -> None:
        self._chain = chain
        self._execution = execution
        self._nonces: dict[str, int] = {}
        self._gas_money: dict[str, int] = {}
        self._waiting: dict[tuple[str, int], SignedCall] = {}

    def nonce(self, address: str, *, pending: bool) -> int:
        """Return how many transactions an account has sent; mined ones only unless `pending`."""
        sent = self._nonces.get(address, 0)
        if pending:
            return sent
        return sent - sum(1 for waiting in self._chain.pending() if waiting.sender == address)

    def gas_money(self, address: str) -> int:
        """Return an account's coins for gas."""
        return self._gas_money.get(address, GAS_MONEY)

    def set_gas_money(self, address: str, amount: int) -> None:
        """Set an account's coins for gas."""
        self._gas_money[address] = amount

    def send(self, call: SignedCall) -> str:
        """Take a signed call; return its hash, or raise RpcError in a node's words."""
        known = self._chain.find(call.hash) is not None
        if known or self._waiting.get((call.sender, call.nonce)) == call:
            raise RpcError(-32000, "already known")
        expected = self._nonces.get(call.sender, 0)
        if call.nonce < expected:
            raise RpcError(-32000, f"nonce too low: next nonce {expected}, tx nonce {call.nonce}")
        if call.gas_price < BASE_FEE:
            raise RpcError(-32000, f"transaction underpriced: gas price {call.gas_price}, minimum {BASE_FEE}")
        cost = call.gas * call.gas_price + call.value
        if cost > self.gas_money(call.sender):
            raise RpcError(
                -32000,
                "insufficient funds for gas * price + value: "
                f"balance {self.gas_money(call.sender)}, tx cost {cost}",
            )
        self._waiting[call.sender, call.nonce] = call
        self._release(call.sender)
        return call.hash

    def estimate(self, sender: str, to: str, data: str) -> int:
        """Return the gas of a call; raise Reverted when it would fail."""
        self._execution.check(sender, to, data)
        return GAS_OF_A_CALL

    def _release(self, sender: str) -> None:
        while (call := self._waiting.pop((sender, self._nonces.get(sender, 0)), None)) is not None:
            self._nonces[sender] = call.nonce + 1
            self._gas_money[sender] = self.gas_money(sender) - GAS_OF_A_CALL * call.gas_price - call.value
            self._chain.submit(
                Transaction(
                    hash=call.hash,
                    sender=call.sender,
                    to=call.to,
                    nonce=call.nonce,
                    data=call.data,
                    value=call.value,
                    gas=GAS_OF_A_CALL,
                    gas_price=call.gas_price,
                    run=partial(self._run, call),
                )
            )

    def _run(self, call: SignedCall) -> list[Entry]:
        effect: Effect = self._execution.check(call.sender, call.to, call.data)
        if call.gas < GAS_OF_A_CALL:
            raise Reverted("out of gas")
        return list(effect(call.hash))
