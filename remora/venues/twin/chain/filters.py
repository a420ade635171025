"""Which logs a client asked for, and the limits that public nodes set."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from remora.venues.twin.chain.blocks import Block, Chain

RANGE_MAX = 10_000
"""Blocks that one ``eth_getLogs`` may cover."""

LOGS_MAX = 10_000
"""Logs that one answer may hold."""


class RpcError(Exception):
    """A call is refused; `code` is JSON-RPC's."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


def invalid(message: str) -> RpcError:
    """Return the refusal of malformed parameters."""
    return RpcError(-32602, f"invalid argument: {message}")


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Addresses and topics that a log must have; an empty position takes anything."""

    addresses: frozenset[str]
    topics: tuple[frozenset[str], ...]

    @classmethod
    def parse(cls, raw: object) -> "LogFilter":
        """Return the filter; raise RpcError for a malformed one."""
        if not isinstance(raw, Mapping):
            raise invalid("a filter must be an object")
        addresses = _several(raw.get("address"), 42)
        given = raw.get("topics") or []
        if not isinstance(given, list) or len(given) > 4:
            raise invalid("topics must be a list of up to four")
        return cls(addresses, tuple(_several(entry, 66) for entry in given))

    def passes(self, log: Mapping[str, Any]) -> bool:
        """Tell whether a log was asked for."""
        if self.addresses and log["address"] not in self.addresses:
            return False
        topics = log["topics"]
        if len(topics) < len(self.topics):
            return False
        return all(not wanted or topic in wanted for wanted, topic in zip(self.topics, topics, strict=False))


def _several(raw: object, length: int) -> frozenset[str]:
    entries: list[Any] = raw if isinstance(raw, list) else [] if raw is None else [raw]
    for entry in entries:
        if not isinstance(entry, str) or len(entry) != length or not entry.startswith("0x"):
            raise invalid(f"expected {length - 2} hexadecimal digits, found {entry!r:.80}")
    return frozenset(entry.lower() for entry in entries)


def quantity(raw: object) -> int:
    """Return a hexadecimal number; raise RpcError when it is none."""
    try:
        if not isinstance(raw, str) or not raw.startswith("0x"):
            raise ValueError(raw)
        return int(raw, 16)
    except ValueError:
        raise invalid(f"expected a hexadecimal number, found {raw!r:.80}") from None


def block_number(raw: object, head: int, oldest: int) -> int:
    """Return the number that a block parameter names; `head` is the newest one the node admits."""
    names = {"latest": head, "pending": head, "safe": head, "finalized": max(oldest, head - 2), "earliest": oldest}
    return names[raw] if isinstance(raw, str) and raw in names else quantity(raw)


def select_logs(chain: Chain, raw: object, head: int) -> list[dict[str, Any]]:
    """Answer ``eth_getLogs`` as a node whose newest block is `head`; raise RpcError beyond the limits."""
    wanted = LogFilter.parse(raw)
    assert isinstance(raw, Mapping), "parse checked it"
    found: list[dict[str, Any]] = []
    for block in _blocks(chain, raw, head):
        found += [log for log in block.logs if wanted.passes(log)]
        if len(found) > LOGS_MAX:
            raise RpcError(-32005, f"query returned more than {LOGS_MAX} results")
    return found


def _blocks(chain: Chain, raw: Mapping[str, Any], head: int) -> Iterator[Block]:
    if raw.get("blockHash") is not None:
        block = chain.by_hash(str(raw["blockHash"]).lower())
        if block is None:
            raise RpcError(-32000, "unknown block")
        yield block
        return
    oldest = chain.blocks[0].number
    first = block_number(raw.get("fromBlock", "latest"), head, oldest)
    last = block_number(raw.get("toBlock", "latest"), head, oldest)
    if first > last or last > head:
        raise RpcError(-32000, "invalid block range params")
    if last - first >= RANGE_MAX:
        raise RpcError(-32005, f"exceed maximum block range: {RANGE_MAX}")
    if first < oldest:
        raise RpcError(4444, "pruned history unavailable")
    for number in range(first, last + 1):
        block = chain.block(number)
        if block is not None:
            yield block
