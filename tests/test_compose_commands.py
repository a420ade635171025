"""Each of our services' own command and health check, as docker-compose.yml writes them, outside a container."""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from remora.embedded.config import StackConfig
from remora.embedded.ports import choose
from remora.embedded.stack import Stack
from remora.venues.polymarket.sdk import address_of
from tests.fixtures.temporal import temporal_binary

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[1]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
OURS = {name for name, service in SERVICES.items() if "build" in service}
TWIN_PORTS = 6
LOOKS = 120


class Outside:
    """The compose network on this machine: names become loopback addresses, ports free ones."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._twin_port = choose([], count=TWIN_PORTS, avoid=[])
        self._metrics: dict[str, int] = {}

    @property
    def control_url(self) -> str:
        """Address of the twin's control API."""
        return self.translated("http://twin:8444", "")

    def environment(self, name: str) -> dict[str, str]:
        """Return a service's variables with the addresses of this machine."""
        asked = dict(SERVICES[name].get("environment", {}))
        asked |= {
            "REMORA_RESEARCH_DIR": str(self._stack.state_dir / "research"),
            "DATABASE_URL": self._stack.database_url,
            "TEMPORAL_ADDRESS": self._stack.temporal_address,
            "REMORA_TWIN_URL": self.control_url,
            "PRIVATE_KEY": self._stack.account_key,
            "REMORA_METRICS_PORT": str(self._metrics_port(name)),
            "OTEL_SDK_DISABLED": "true",
        }
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("REMORA_", "OTEL_"))}
        return inherited | {key: str(value) for key, value in asked.items()}

    def command(self, name: str) -> list[str]:
        """Return the command that a service starts with."""
        service = SERVICES[name]
        return [self.translated(word, name) for word in [*service.get("entrypoint", []), *service["command"]]]

    def check(self, name: str) -> list[str]:
        """Return the command of a service's health check."""
        kind, *words = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return [self.translated(word, name) for word in words]

    def translated(self, word: str, name: str) -> str:
        """Return a word of a command with this machine's interpreter, host and ports."""
        if word == "python":
            return sys.executable
        word = re.sub(r"\b84(4\d)\b", lambda found: str(self._twin_port + int(found[1]) - 40), word)
        word = re.sub(r"\b9464\b", str(self._metrics_port(name)), word)
        word = word.replace("/var/lib/remora", str(self._stack.state_dir / "volumes"))
        return re.sub(r"^twin$|(?<=//)twin(?=:)", "127.0.0.1", word)

    def _metrics_port(self, name: str) -> int:
        if name not in self._metrics:
            self._metrics[name] = choose([], count=1, avoid=list(self._metrics.values()))
        return self._metrics[name]


def _last_words(log: Path) -> str:
    return log.read_text()[-800:]


async def _once(outside: Outside, name: str, command: list[str]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=outside.environment(name),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@asynccontextmanager
async def _healthy(outside: Outside, name: str, log: Path) -> AsyncIterator[None]:
    """Run a service that stays while the block runs, from the moment its own health check passes."""
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            *outside.command(name), cwd=ROOT, env=outside.environment(name), stdout=stream, stderr=stream
        )
        try:
            for _ in range(LOOKS):
                assert process.returncode is None, f"{name} has ended: {_last_words(log)}"
                code, _ = await _once(outside, name, outside.check(name))
                if code == 0:
                    break
                await asyncio.sleep(0.5)
            else:
                raise AssertionError(f"{name} did not become healthy: {_last_words(log)}")
            yield
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 60) == 0, _last_words(log)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.mark.slow
async def test_the_services_start_in_order_become_healthy_and_end(tmp_path: Path) -> None:
    assert {"migrate", "twin", "funding", "trading", "watcher", "research"} == OURS
    async with Stack(StackConfig()) as stack:
        outside = Outside(stack)
        for _ in range(2):  # a second `docker compose up` runs it again
            assert await _once(outside, "migrate", outside.command("migrate")) == (0, "")
        async with _healthy(outside, "twin", tmp_path / "twin.log"):
            for _ in range(2):  # once and again: the account has its money once
                code, said = await _once(outside, "funding", outside.command("funding"))
                assert code == 0, said
            async with httpx.AsyncClient(base_url=outside.control_url, trust_env=False) as control:
                books = (await control.get(f"/books/{address_of(stack.account_key)}")).json()
                assert books["cash"] == "10000", said
            async with (
                _healthy(outside, "trading", tmp_path / "trading.log"),
                _healthy(outside, "watcher", tmp_path / "watcher.log"),
                _healthy(outside, "research", tmp_path / "research.log"),
            ):
                pass


async def test_the_search_attributes_are_made_once_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Stack(StackConfig()) as stack:
        outside = Outside(stack)
        (tmp_path / "temporal").symlink_to(shutil.which(temporal_binary()) or temporal_binary())
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        for _ in range(2):
            code, said = await _once(outside, "namespace", outside.command("namespace"))
            assert code == 0, said
