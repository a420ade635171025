"""A real Prometheus on a live stack: every rule and every panel has data, and series stay few."""

import json
import math
import os
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.place import Place, bench_place
from dashboards.picture import Series, draw, named
from remora.detection.coverage import JUDGED_FROM
from remora.domain.ids import TokenId
from remora.storage.positions import list_positions
from tests.fixtures.waiting import eventually

from .prometheus import RunningPrometheus, prometheus

pytestmark = [pytest.mark.system, pytest.mark.slow]

PANELS = Path(__file__).parents[2] / "dashboards" / "grafana" / "dashboards"
TRADES, CLOSED = 4, 2
MINUTES = 4.0
"""What a picture shows: the evening is over by then."""

SERIES_MAX = 120
"""Per metric and process, buckets counted apart."""

NAMES = (
    "trading_pnl_total",
    "trading_positions_open",
    "trading_orders_submitted",
    "api_requests_total",
    "websocket_events_total",
    "trading_detection_to_order_seconds_bucket",
)


@asynccontextmanager
async def scraped(folder: Path) -> AsyncIterator[tuple[Place, RunningPrometheus]]:
    """Run a stack and a Prometheus that scrapes it."""
    async with bench_place(markets=TRADES, whales=1) as place:
        port = place.stack.site.ports["metrics"]
        targets = {"remora": [f"127.0.0.1:{port}"], "temporal-client": [f"127.0.0.1:{port + 1}"]}
        async with prometheus(folder, targets) as server:
            yield place, server


async def an_evening(place: Place, server: RunningPrometheus) -> None:
    """Let whales trade, each after Prometheus saw the one before; one copy stops out, one takes its profit."""
    tokens: list[TokenId] = []
    whale = ""

    async def scraped_and_held() -> bool:
        sent = await server.query('sum(trading_detection_to_order_seconds_count{stage="sent"})')
        rows = await list_positions(place.engine, place.account)
        held = [row for row in rows if row.stop_price is not None]
        return bool(sent) and float(sent[0]["value"][1]) == len(held) == len(tokens)

    for _ in range(TRADES):
        whale, token = await place.trade()
        tokens.append(token)
        await eventually(scraped_and_held)
    for token, bid, ask in ((tokens[0], "0.30", "0.31"), (tokens[1], "0.90", "0.91")):
        await place.control.post("/quotes", json={"token_id": token, "bid": bid, "ask": ask})

    async def two_left() -> bool:
        return len(await list_positions(place.engine, place.account)) == TRADES - CLOSED

    await eventually(two_left)

    async def both_seen() -> bool:
        closed = await server.query("sum(account_reason:trading_positions_closed:max)")
        return bool(closed) and float(closed[0]["value"][1]) == CLOSED

    await eventually(both_seen)
    for _ in range(JUDGED_FROM):
        # sales of what we hold no more: a source is judged over some trades only
        sale = {"wallet": whale, "token_id": tokens[0], "side": "SELL", "price": "0.30", "size": "10"}
        (await place.control.post("/trades", json=sale)).raise_for_status()


async def check_rules(server: RunningPrometheus) -> None:
    """Every recording rule has numbers; every alert compares a series that exists; none fires."""
    rules = await server.rules()
    for rule in rules:
        recorded = rule["type"] == "recording"
        expression = rule["name"] if recorded else re.split(r" (?:[<>]|==) ", rule["query"])[0]

        await expect_numbers(server, rule["name"], expression)
        assert recorded or rule["state"] != "firing", rule["name"]
    assert len(rules) > 50


async def check_panels(server: RunningPrometheus) -> None:
    """Every query of every panel has numbers."""
    checked = 0
    for path in sorted(PANELS.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                await expect_numbers(server, f"{path.stem}: {panel['title']}", filled_in(target["expr"]))
                checked += 1
    assert checked > 50


def filled_in(expression: str) -> str:
    """Return an expression with Grafana's variables as one evening would have them."""
    for variable, value in (("$account", ".*"), ("$__rate_interval", "1m"), ("$__range", "5m")):
        expression = expression.replace(variable, value)
    return expression


async def expect_numbers(server: RunningPrometheus, name: str, expression: str) -> None:
    """Wait until an expression has numbers; fail with its name when it has none."""

    async def has_numbers() -> bool:
        return await server.has_numbers(expression)

    try:
        await eventually(has_numbers, patience_s=30)
    except TimeoutError:
        pytest.fail(f"{name} has no data: {expression}")


async def draw_panels(server: RunningPrometheus, folder: Path) -> None:
    """Draw every dashboard from what its own queries answer about the last minutes."""
    for path in sorted(PANELS.glob("*.json")):
        dashboard = json.loads(path.read_text())
        found = [[s for t in panel["targets"] for s in await answers(server, t)] for panel in dashboard["panels"]]
        target = folder / f"dashboard-{path.stem}.png"
        draw(dashboard, found, target)
        assert all(found), path.stem
        assert target.stat().st_size > 10_000


async def answers(server: RunningPrometheus, target: dict[str, Any]) -> list[Series]:
    """Return what a panel's query answers, without what is no number."""
    found = await server.over(filled_in(target["expr"]), minutes=MINUTES, step_s=2)
    kept = []
    for one in found:
        numbers = [(at, float(value)) for at, value in one["values"] if math.isfinite(float(value))]
        if numbers:
            times, values = zip(*numbers, strict=True)
            kept.append(Series(named(target.get("legendFormat", ""), one["metric"]), times, values))
    return kept


async def check_series(server: RunningPrometheus) -> None:
    """The names of the product exist, and no metric has more series than it should."""
    for name in NAMES:
        assert await server.query(name), name
    answer = (await server.http.get("/api/v1/series", params={"match[]": '{job=~".+"}'})).raise_for_status()
    series = [{k: v for k, v in labels.items() if k != "le"} for labels in answer.json()["data"]]
    counted = Counter(name for name, _ in {(s["__name__"], tuple(sorted(s.items()))) for s in series})

    assert {name: n for name, n in counted.items() if n > SERIES_MAX} == {}
    assert sum(counted.values()) < 1500


async def test_every_rule_and_panel_has_data_on_a_live_stack(tmp_path: Path) -> None:
    async with scraped(tmp_path) as (place, server):
        await an_evening(place, server)
        await check_rules(server)
        await check_panels(server)
        await check_series(server)
        await draw_panels(server, Path(os.environ.get("REMORA_WRITE_PICTURES", tmp_path)))
        pnl = {s["metric"]["kind"]: float(s["value"][1]) for s in await server.query("trading_pnl_total")}

        assert pnl["total"] == pytest.approx(pnl["realised"] + pnl["unrealised"])
