"""Runs the copying strategy of nautilus_trader over a recording, in an environment of its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from remora.backtest.history import History, Listing
from remora.backtest.spec import Spec
from remora.domain.limits import Limits

VERSION = "1.221.0"
INSTALL_S = 600
COLUMNS = ("at", "wallet", "market", "outcome", "side", "price", "size", "kind")
LONG_AGO = -1e18
"""The end of a market whose end is not known: both sides refuse it."""


def replays(history: History, spec: Spec, limits: Limits) -> list[dict[str, Any]] | None:
    """Return what each run measured and traded; None where nautilus_trader cannot be installed or run.

    NAUTILUS_PYTHON names an interpreter that has it already.
    """
    with tempfile.TemporaryDirectory(prefix="remora-bench-") as directory:
        root = Path(directory)
        python = os.environ.get("NAUTILUS_PYTHON") or _installed(root)
        if python is None:
            print("nautilus_trader: skipped, it could not be installed", flush=True)
            return None
        _write(root, history, spec, limits)
        # away from this folder, whose modules are called like the standard library's
        for script in Path(__file__).parent.glob("nautilus_*.py"):
            shutil.copy(script, root)
        done = subprocess.run(
            [python, str(root / "nautilus_copier.py"), str(root / "tape.npz"), str(root / "told.json")],
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
        if done.returncode != 0:
            print(f"nautilus_trader: skipped, its run failed: {done.stderr[-500:]}", flush=True)
            return None
        found: list[dict[str, Any]] = json.loads(done.stdout.strip().splitlines()[-1])
        return found


def _installed(root: Path) -> str | None:
    python = root / "venv" / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "venv", str(root / "venv")], check=True, timeout=INSTALL_S)
        install = [str(python), "-m", "pip", "install", "--quiet", f"nautilus_trader=={VERSION}"]
        subprocess.run(install, check=True, timeout=INSTALL_S)
    except (subprocess.SubprocessError, OSError):
        return None
    return str(python)


def _write(root: Path, history: History, spec: Spec, limits: Limits) -> None:
    """Write the tape as arrays, and facts and policy as numbers."""
    followed = np.array([history.codes[wallet] for wallet in spec.whales])
    np.savez(root / "tape.npz", followed=followed, **{name: getattr(history.prints, name) for name in COLUMNS})
    events = {event: code for code, event in enumerate(sorted({one.event for one in history.listings}))}
    facts = [_facts(one, events, limits) for one in history.listings]
    (root / "told.json").write_text(json.dumps({"facts": facts, "policy": _policy(spec, limits)}))


def _facts(listing: Listing, events: Mapping[str, int], limits: Limits) -> list[float]:
    """Return what the strategy knows of a market, in the order of nautilus_desk.Market."""
    return [
        events[listing.event],
        float(listing.fee_rate),
        listing.fee_exponent,
        float(listing.min_order_size),
        listing.market_class in limits.market_classes,
        LONG_AGO if listing.end_at is None else listing.end_at,
        listing.fine_tick_at,
        listing.proposed_at,
        listing.closed_at,
        listing.resolved_at,
        *map(float, listing.payouts or (0, 0)),
    ]


def _policy(spec: Spec, limits: Limits) -> dict[str, Any]:
    """Return every number of the limits and of the assumptions about execution; spans in seconds."""
    costs = spec.costs()
    numbers = {
        name: value.total_seconds() if isinstance(value, timedelta) else float(value)
        for name, value in asdict(limits).items()
        if isinstance(value, Decimal | int | timedelta)
    }
    return numbers | {
        "capital": spec.capital,
        "start": spec.start,
        "end": spec.end,
        "seed": spec.seed,
        "detection": costs.latency.detection,
        "order": costs.latency.order,
        "fill_window_s": costs.fill_window_s,
        "depth_usd": costs.depth_usd,
        "spread_ticks": costs.spread_ticks,
        "redemption_lag_s": costs.redemption_lag_s,
        "participation": costs.participation,
    }
