"""What a reconciliation asks of the exchange: as much for one position as for many."""

import pytest

from tests.fixtures.desk import WHALES, Desk

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]


async def requests(desk: Desk) -> dict[str, int]:
    found: dict[str, int] = (await desk.twin.get("/faults"))["requests"]
    return found


async def asked(desk: Desk) -> dict[str, int]:
    """Reconcile; return what the exchange was asked for."""
    await desk.settled()
    before = await requests(desk)
    assert (await desk.reconcile()).differences == ()
    return {path: count - before.get(path, 0) for path, count in (await requests(desk)).items()}


async def test_nine_positions_in_nine_markets_cost_no_request_more_than_one(desk: Desk) -> None:
    async with desk.worker():
        markets = [await desk.twin.list_market(f"Is it {n}?", price=0.5, category="Politics") for n in range(9)]
        await desk.position(await desk.buy(markets[0], whale=WHALES[0]))
        one = await asked(desk)
        names = [await desk.buy(market, whale=WHALES[n % 4]) for n, market in enumerate(markets[1:])]
        for name in names:
            await desk.position(name)
        many = await asked(desk)

    assert sum(many.values()) <= sum(one.values())
    assert sum(one.values()) < 20
