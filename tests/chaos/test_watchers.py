"""Two watchers before a recorded burst halve nothing and double nothing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chaos.watchers import burst
from remora.domain.ids import WalletAddress

TAPE = Path(__file__).parents[3] / "shared" / "data" / "tape_updown_2026_03.parquet"
BOTS = [
    WalletAddress("0x52f8784a81d967a3afb74d2e1608503ff5e261b9"),
    WalletAddress("0x437bfe05a1e169b1443f16e718525a88b6f283b2"),
    WalletAddress("0x37c94ea1b44e01b18a1ce3ab6f8002bd6b9d7e6d"),
]
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
