"""Two watchers before a recorded burst halve nothing and double nothing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chaos.watchers import LET_TRADE, burst
from remora.domain.ids import WalletAddress

TAPE = Path(__file__).parents[3] / "shared" / "data" / "tape_updown_2026_03.parquet"
BOTS = [
    WalletAddress("0x52f8784a81d967a3afb74d2e1608503ff5e261b9"),
    WalletAddress("0x437bfe05a1e169b1443f16e718525a88b6f283b2"),
    WalletAddress("0x37c94ea1b44e01b18a1ce3ab6f8002bd6b9d7e6d"),
]
SELLING = datetime(2026, 3, 23, 13, 46, 30, tzinfo=UTC)
"""Here the bots sell as well, and buy the other outcome."""

BUSIEST = datetime(2026, 3, 22, 22, 4, tzinfo=UTC)


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.timeout(1800)
async def test_every_trade_of_the_busiest_minute_is_decided_once() -> None:
    if not TAPE.exists():
        pytest.skip(f"no recorded burst: {TAPE.name} is not beside this checkout")
    found = await burst(TAPE, BOTS, BUSIEST, BUSIEST + timedelta(minutes=1))

    assert found.broken == []
    assert found.told > 400
    assert sum(found.decisions.values()) > 100
    assert found.entries == 0


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.timeout(1800)
async def test_where_the_class_may_trade_no_signal_makes_two_entries_and_no_sale_is_lost() -> None:
    if not TAPE.exists():
        pytest.skip(f"no recorded burst: {TAPE.name} is not beside this checkout")
    found = await burst(TAPE, BOTS, SELLING, SELLING + timedelta(minutes=3), policy=LET_TRADE)

    assert found.broken == []
    assert found.told > 200
    assert found.entries > 5
    assert found.exits > 3
    assert found.sales > 5
