"""A real Prometheus that scrapes what a test tells it to."""

import asyncio
import shutil
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.fixtures.ports import free_port
from tests.fixtures.waiting import eventually

FOLDER = Path(__file__).parents[2] / "dashboards"


@dataclass(frozen=True, slots=True)
class RunningPrometheus:
    """A server that answers queries."""

    http: httpx.AsyncClient

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an instant query; fail on an expression that Prometheus refuses."""
        answer = await self.http.get("/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    async def over(self, expression: str, *, minutes: float, step_s: float) -> list[dict[str, Any]]:
        """Return the series of a range query about the last minutes."""
        end = time.time()
        asked: dict[str, str | float] = {
            "query": expression,
            "start": end - 60 * minutes,
            "end": end,
            "step": step_s,
        }
        answer = await self.http.get("/api/v1/query_range", params=asked)
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    async def has_numbers(self, expression: str) -> bool:
        """Whether an expression gives at least one value that is a number."""
        return any(series["value"][1] != "NaN" for series in await self.query(expression))

    async def rules(self) -> list[dict[str, Any]]:
        """Return every rule as Prometheus sees it."""
        answer = (await self.http.get("/api/v1/rules")).raise_for_status().json()
        return [rule for group in answer["data"]["groups"] for rule in group["rules"]]


def _config(targets: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the product's configuration with other targets and a faster pace."""
    config: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(FOLDER / pattern) for pattern in config["rule_files"]]
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": list(targets[job["job_name"]])}]
    return config


@asynccontextmanager
async def prometheus(folder: Path, targets: Mapping[str, Sequence[str]]) -> AsyncIterator[RunningPrometheus]:
    """Run the product's configuration against `targets`, by job; skip where there is no Prometheus."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("needs prometheus: apt-get install prometheus")
    file, port = folder / "prometheus.yml", free_port()
    file.write_text(yaml.safe_dump(_config(targets)))
    server = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:

            async def ready() -> bool:
                try:
                    return (await http.get("/-/ready")).status_code == 200
                except httpx.TransportError:
                    assert server.returncode is None, "prometheus has ended"
                    return False

            await eventually(ready)
            yield RunningPrometheus(http)
    finally:
        server.send_signal(signal.SIGTERM)
        await server.wait()
