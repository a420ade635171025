"""The whole stack under seeded kills and faults: nothing twice, nothing lost."""

import pytest

from chaos.report import again, as_text, shortfalls
from chaos.run import run

pytestmark = pytest.mark.system


async def _holds(seed: int, rounds: int, window_s: float) -> None:
    outcome = await run(seed, rounds, window_s=window_s)

    assert outcome.broken == [], f"{again(outcome)}\n{as_text(outcome)}"
    assert shortfalls(outcome) == [], f"{again(outcome)}\n{as_text(outcome)}"


@pytest.mark.timeout(600)
async def test_a_few_rounds_lose_nothing() -> None:
    await _holds(4, 9, 0.8)  # the database, the exchange and both workers are killed, the exchange is stalled too


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_two_hundred_rounds_lose_nothing() -> None:
    await _holds(2, 200, 3.5)
