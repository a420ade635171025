"""``python -m bench``: measure, print tables, and optionally write them as JSON."""

import argparse
import asyncio
import dataclasses
import json
import platform
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path

from bench import (
    backtest,
    detection,
    history,
    hot_path,
    pause,
    positions,
    reconcile,
    recovery,
    scoring,
    selection_noise,
    selection_power,
    signing,
    sources,
    telemetry,
)
from bench.numbers import Row, table

BENCHES: dict[str, Callable[[], Coroutine[None, None, list[Row]]]] = {
    "backtest": backtest.measure,
    "hot_path": hot_path.measure,
    "signing": signing.measure,
    "history": history.measure,
    "detection": detection.measure,
    "sources": sources.measure,
    "scoring": scoring.measure,
    "selection_power": selection_power.measure,
    "selection_noise": selection_noise.measure,
    "telemetry": telemetry.measure,
    "pause": pause.measure,
    "positions": positions.measure,
    "recovery": recovery.measure,
    "reconcile": reconcile.measure,
}


def main() -> None:
    """Run the benches that were asked for, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which benches, of {', '.join(BENCHES)}; without: all")
    parser.add_argument("--json", type=Path, help="write every number here too")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHES))
    if unknown:
        parser.error(f"expected some of {', '.join(BENCHES)}, found {', '.join(unknown)}")
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, {platform.platform()}")
    found: dict[str, list[dict[str, object]]] = {}
    for name in options.names or BENCHES:
        print(f"\n## {name}", flush=True)
        rows = asyncio.run(BENCHES[name]())
        print(table(rows), flush=True)
        found[name] = [dataclasses.asdict(row) for row in rows]
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
