"""``--latency ledger``: the running account's own measured latencies, kept as a file that any worker can read."""

import asyncio
import hashlib
import json
from pathlib import Path

from remora.cli.backtest.period import usage
from remora.cli.local_stack import state_dir
from remora.cli.reading import reading
from remora.storage.latencies import Latencies, measured_latencies

LEDGER = "ledger"
SAMPLES_MIN = 20
"""Fewer say little about the slow ones, which are what costs."""


def latency_of(text: str) -> str:
    """Return what a backtest records as its latency: `text`, or for ``ledger`` the file of what was measured."""
    return str(kept(asyncio.run(_measured()), state_dir() / "latencies")) if text == LEDGER else text


async def _measured() -> Latencies:
    async with reading() as source:
        return await measured_latencies(source.engine, source.account)


def kept(found: Latencies, directory: Path) -> Path:
    """Write quantiles where a backtest reads them, named by their content; raise CommandFailed for too few."""
    if min(found.detections, found.orders) < SAMPLES_MIN:
        raise usage(
            f"--latency ledger: expected {SAMPLES_MIN} detections and answered orders or more, found "
            f"{found.detections} and {found.orders}.",
            "Let it trade on paper for longer, or use --latency measured.",
        )
    text = json.dumps({"detection_s": list(found.detection_s), "order_s": list(found.order_s)})
    path = directory.absolute() / f"ledger-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
    return path
