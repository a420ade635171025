"""A venue's worth of trades: ``python -m bench.venue_load CONTROL_URL TRADES_PER_S SECONDS WHALES TOKEN...``."""

import asyncio
import sys
from random import Random

import httpx

FOLLOWED_SHARE = 0.2
"""Share of the venue's trades that followed wallets make; generous, so that there is something to time."""

STRANGERS = 5_000


async def play(control_url: str, rate: float, seconds: float, whales: int, tokens: list[str]) -> int:
    """Post trades at a steady rate, each of somebody drawn at random; return how many there were."""
    random, loop = Random(1), asyncio.get_running_loop()  # noqa: S311 (a load's dice)
    began, count = loop.time(), int(rate * seconds)
    async with httpx.AsyncClient(base_url=control_url, trust_env=False, timeout=30.0) as control:
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
            followed = random.random() < FOLLOWED_SHARE
            wallet = random.randint(1, whales) if followed else 10**6 + random.randint(1, STRANGERS)
            body = {
                "wallet": f"0x{wallet:040x}",
                "token_id": random.choice(tokens),
                "side": "BUY",
                "price": "0.51",
                "size": "100",
            }
            (await control.post("/trades", json=body)).raise_for_status()
    return count


if __name__ == "__main__":
    url, trades, duration, followed, *ids = sys.argv[1:]
    asyncio.run(play(url, float(trades), float(duration), int(followed), ids))
