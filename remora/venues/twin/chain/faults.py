"""How the RPC node misbehaves, on command: it lags, loses and repeats logs, lies about what happened."""

import asyncio
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any

from remora.venues.twin.chain.filters import RpcError
from remora.venues.twin.faults.switchboard import FaultKind, Switchboard

BEHIND_BLOCKS = 20
"""How old the head of a node is that the switchboard lets lag: more than half a minute of blocks."""

OTHER_CHAIN_ID = 80002
OWN = frozenset({"random", "counted", "board"})
"""Fields that are no faults."""


@dataclass(slots=True)
class ChainFaults:
    """Faults in force; shares are probabilities, drawn from one seeded generator.

    `lag_blocks`: the node's head is that many blocks old. `drop_logs`, `repeat_logs`: share of pushed logs lost
    or pushed twice. `late_seconds`: pushed logs arrive that much later. `hide_logs`: share of logs that
    ``eth_getLogs`` leaves out although they are there, which is a lie. `mute`: subscriptions say nothing.
    `refuse`: every call answers this HTTP status. `chain_id`: what the node says it serves.

    Lies that come and go are the switchboard's: see :data:`NODE_KINDS` there.
    """

    lag_blocks: int = 0
    drop_logs: float = 0.0
    repeat_logs: float = 0.0
    late_seconds: float = 0.0
    hide_logs: float = 0.0
    mute: bool = False
    refuse: int = 0
    chain_id: int = 137
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311 (a simulation's dice)
    counted: dict[str, int] = field(default_factory=dict)
    board: Switchboard = field(default_factory=Switchboard)

    def set(self, wanted: dict[str, Any]) -> None:
        """Put faults in force; those not named stay, `seed` starts the dice anew."""
        names = {each.name for each in fields(self)} - OWN
        unknown = sorted(set(wanted) - names - {"seed"})
        if unknown:
            raise ValueError(f"no such chain faults: {', '.join(unknown)}; there are {', '.join(sorted(names))}")
        for name, value in wanted.items():
            if name == "seed":
                self.random = Random(value)  # noqa: S311
            else:
                setattr(self, name, type(getattr(self, name))(value))

    def shown(self) -> dict[str, Any]:
        """Return the faults in force and how often each struck."""
        names = [each.name for each in fields(self) if each.name not in OWN]
        return {**{name: getattr(self, name) for name in names}, "counted": dict(self.counted)}

    def strikes(self, name: str) -> bool:
        """Draw whether a fault strikes now, and count it."""
        share = float(getattr(self, name))
        struck = share > 0 and self.random.random() < share
        if struck:
            self.counted[name] = self.counted.get(name, 0) + 1
        return struck

    def visible(self, logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the logs that the node admits to have."""
        kept = [log for log in logs if not self.strikes("hide_logs")] if self.hide_logs else logs
        return [log for log in kept if not self.board.strikes(FaultKind.NODE_HIDES_LOGS)]

    def behind(self) -> int:
        """Return by how many blocks the head that the node shows now is too old."""
        return max(self.lag_blocks, BEHIND_BLOCKS if self.board.strikes(FaultKind.NODE_LAGS) else 0)

    def served_chain(self) -> int:
        """Return which chain the node says that it serves."""
        return OTHER_CHAIN_ID if self.board.strikes(FaultKind.NODE_WRONG_CHAIN) else self.chain_id

    async def pushed(self, logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the logs to push to a subscriber, after the delay."""
        if self.late_seconds > 0:
            await asyncio.sleep(self.late_seconds)
        kept = [log for log in logs if not self.strikes("drop_logs")]
        return [copy for log in kept for copy in ([log, log] if self.strikes("repeat_logs") else [log])]


def refuse_wrong_method(method: str) -> RpcError:
    """Return the refusal of a method that the node does not have."""
    return RpcError(-32601, f"the method {method} does not exist/is not available")
