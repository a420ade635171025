"""What a chain reader must remember: when blocks were made, and which rows may still be taken back."""

from collections import OrderedDict, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from remora.domain.trades import TradeKind
from remora.venues.polymarket.wire.chain_log import LogRow

BLOCK_SECONDS = 2
BLOCKS_KEPT = 512
ROWS_KEPT = 20_000

RowName = tuple[str, str]
"""Transaction and name of a row: the same in whatever block the transaction ends up."""


class BlockTimes:
    """Timestamps of the newest blocks; a block whose head did not arrive yet is reckoned from its neighbours."""

    def __init__(self) -> None:
        self._seconds: OrderedDict[int, int] = OrderedDict()
        self.newest = 0

    def note(self, number: int, timestamp: int) -> None:
        """Take in a head; a reorganisation replaces an earlier one."""
        self._seconds[number] = timestamp
        self._seconds.move_to_end(number)
        self.newest = number
        while len(self._seconds) > BLOCKS_KEPT:
            self._seconds.popitem(last=False)

    def at(self, number: int) -> datetime:
        """Return when a block was made, in venue time."""
        seconds = self._seconds.get(number)
        if seconds is None:
            known = self._seconds.get(self.newest, 0)
            seconds = known + BLOCK_SECONDS * min(0, number - self.newest)
        return datetime.fromtimestamp(seconds, tz=UTC)


@dataclass(slots=True)
class _Gone:
    row: LogRow
    since: datetime


@dataclass(slots=True)
class Reorganised:
    """Rows that were taken back, until they come again or their time is up."""

    _recent: deque[LogRow] = field(default_factory=lambda: deque(maxlen=ROWS_KEPT))
    _gone: dict[RowName, _Gone] = field(default_factory=dict)

    def seen(self, row: LogRow) -> None:
        """Note a row that counts; if it was taken back before, it is here again."""
        self._gone.pop((row.transaction_hash, row.name), None)
        self._recent.append(row)

    def removed(self, row: LogRow, at: datetime) -> None:
        """Note that the chain took a row back; only trades matter, and the first removal starts the wait."""
        if row.kind is TradeKind.TRADE:
            self._gone.setdefault((row.transaction_hash, row.name), _Gone(row, at))

    def compare(self, first: int, last: int, found: Collection[RowName], at: datetime) -> None:
        """Note what was seen in blocks `first` to `last` and is not there any more, after the stream was down."""
        for row in list(self._recent):
            if first <= row.block <= last and (row.transaction_hash, row.name) not in found:
                self.removed(row, at)

    def due(self, before: datetime) -> list[LogRow]:
        """Return the rows taken back before an instant that did not come again."""
        return [gone.row for gone in self._gone.values() if gone.since <= before]

    def settled(self, row: LogRow) -> None:
        """Forget a row whose fate is known."""
        self._gone.pop((row.transaction_hash, row.name), None)
