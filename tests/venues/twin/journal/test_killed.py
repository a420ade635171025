"""A served twin is killed between orders under the official client: nothing it acknowledged is lost or doubled."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from polymarket import AsyncSecureClient

from remora.venues.twin.assembly import SERVICES, endpoints
from remora.venues.twin.serve import bind
from tests.fixtures.twin import NO_TLS, OUR_KEY, RunningTwin

ROOT = Path(__file__).parents[4]
ROUNDS, ACKNOWLEDGED = 3, 8
pytestmark = pytest.mark.timeout(120)


class Served:
    """One twin as a process of its own, on ports and a directory that stay the same."""

    def __init__(self, directory: Path) -> None:
        sockets = bind("127.0.0.1", 0)
        self.port = sockets[0].getsockname()[1]
        for one in sockets:
            one.close()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and wait until it serves."""
        assert b'"ready"' in await asyncio.to_thread(self._first_line)

    def _first_line(self) -> bytes:
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "remora.venues.twin.serve", "--empty", "--port", str(self.port)),
                *("--block-time", "0.2", "--data-lag", "0", "--state-dir", str(self._directory)),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def end(self, number: signal.Signals) -> int:
        """End it by a signal; return its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        with self._process as process:
            return process.wait(timeout=20)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.poll() is None


@asynccontextmanager
async def served(directory: Path) -> AsyncIterator[tuple[Served, RunningTwin]]:
    """Serve a twin until the block ends."""
    process = Served(directory)
    assert len(SERVICES) == 7
    urls = endpoints("127.0.0.1", process.port)
    await process.start()
    try:
        # no connection is kept: each life of the twin has its own
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(
            base_url=urls["control_url"], trust_env=False, verify=NO_TLS, limits=limits
        ) as control:
            yield process, RunningTwin(cast("Any", None), urls, control)
    finally:
        if process.runs:
            process.end(signal.SIGKILL)


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))


def _tried(directory: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Return how a twin ended that was not to start."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "remora.venues.twin.serve", "--port", "0"),
            *("--state-dir", str(directory), *options),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def _trade_until_killed(client: AsyncSecureClient, token: str, process: Served) -> list[Any]:
    """Buy and offer in turn; the twin is killed while an order is on its way. Return the acknowledgements."""
    acknowledged: list[Any] = []
    with suppress(Exception):
        while True:
            limit = Decimal("0.55") if len(acknowledged) % 2 else Decimal("0.40")
            sending = asyncio.create_task(
                client.place_limit_order(token_id=token, side="BUY", price=limit, size=Decimal(5))
            )
            if len(acknowledged) >= ACKNOWLEDGED:
                await asyncio.sleep(0.002)
                process.end(signal.SIGKILL)
            acknowledged.append(await sending)
    return acknowledged


async def test_every_acknowledged_order_is_there_once_after_each_kill_and_the_client_goes_on(
    tmp_path: Path,
) -> None:
    known: dict[str, Any] = {}
    async with served(tmp_path / "state") as (process, twin):
        await twin.fund(OUR_KEY, 1_000)
        market = await twin.list_market("Will it survive?", price=0.5, category="Politics")
        async with await twin.secure_client() as client:
            for _ in range(ROUNDS):
                for answer in await _trade_until_killed(client, market.yes, process):
                    known[str(answer.order_id)] = answer
                await process.start()
                books = await twin.books()
                ids = [order["id"] for order in books["orders"]]
                assert len(ids) == len(set(ids))
                assert set(known) <= set(ids)
                matched = {order["id"]: Decimal(order["matched"]) for order in books["orders"]}
                filled = sum((Decimal(fill["shares"]) for fill in books["fills"]), Decimal(0))
                assert filled == sum(matched.values()) == Decimal(books["shares"][market.yes])
                assert all(matched[name] == Decimal(str(known[name].taking_amount or 0)) for name in known)
                spent = sum(Decimal(fill["notional"]) + Decimal(fill["fee"]) for fill in books["fills"])
                assert Decimal(books["cash"]) == 1_000 - spent
            resting = {order["id"] for order in books["orders"] if order["status"] == "LIVE"}
            assert {order.id async for order in client.list_open_orders().iter_items()} == resting
            await client.cancel_all()
            assert all(order["status"] != "LIVE" for order in (await twin.books())["orders"])
        assert len(known) >= ROUNDS * ACKNOWLEDGED
        assert process.end(signal.SIGTERM) == 0
        await process.start()
        assert {order["id"] for order in (await twin.books())["orders"]} >= set(known)


async def test_a_second_twin_on_the_same_directory_is_refused_with_code_4(tmp_path: Path) -> None:
    async with served(tmp_path) as (process, _twin):
        ended = await asyncio.to_thread(_tried, tmp_path, "--empty")
        assert process.runs

    assert (ended.returncode, "Traceback" in ended.stderr) == (4, False)
    assert "another twin runs on" in ended.stderr


async def test_a_directory_of_another_twin_is_refused_with_code_1_and_the_next_step(tmp_path: Path) -> None:
    async with served(tmp_path) as (process, _twin):
        assert process.end(signal.SIGTERM) == 0
    ended = await asyncio.to_thread(_tried, tmp_path)

    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False)
    assert "it played no scenario, now season 1" in ended.stderr
