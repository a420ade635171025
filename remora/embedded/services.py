"""Our own processes, as the embedded stack runs them."""

import os
import sys
from collections.abc import Sequence

from remora.embedded import processes
from remora.embedded.health import answers_http, polls
from remora.embedded.ports import HOST
from remora.embedded.processes import Command
from remora.embedded.service import PortNeed, Service
from remora.embedded.site import Site

TWIN_PORT = 8440
TWIN_PORTS = 7
TWIN_CONTROL = 4
"""Offset of the control port in the twin's block."""
TRADING_QUEUE = "trading"
RESEARCH_QUEUE = "research"
METRICS, METRICS_PORT = "metrics", 9464


def twin_url(ports: dict[str, int]) -> str | None:
    """Return the control address of the stack's own twin, if it has one."""
    return f"http://{HOST}:{ports['twin'] + TWIN_CONTROL}" if "twin" in ports else None


def twin(options: Sequence[str] = (), *, port: int | None = None, keeps: bool = False) -> Service:
    """Return the simulated exchange; `options` are those of `remora twin serve`.

    One that `keeps` its state has it beside the servers', and goes on from there when it is started again.
    """

    def state(site: Site) -> tuple[str, ...]:
        return ("--state-dir", str(site.state_dir / "twin")) if keeps else ()

    return Service(
        name="twin",
        command=lambda site: Command(
            argv=(
                *(sys.executable, "-m", "remora.venues.twin.serve"),
                *("--host", HOST, "--port", str(site.ports["twin"]), *state(site), *options),
            ),
            # it needs no address and no key
            env={k: v for k, v in site.environment().items() if k.startswith("PYTHON")},
        ),
        healthy=_twin_answers,
        ports=(PortNeed(name="twin", preferred=TWIN_PORT, count=TWIN_PORTS, fixed=port, option="--twin-port"),),
    )


async def _twin_answers(site: Site, pid: int) -> bool:
    port = site.ports["twin"] + TWIN_CONTROL
    # the twin of another stack, begun at the same instant, may have taken the port and answer in its place
    return processes.listens(pid, port) and await answers_http(f"http://{HOST}:{port}/health")


def engine(options: Sequence[str] = ("--with-watcher",), *, env: dict[str, str] | None = None) -> Service:
    """Return the trading worker, with the watcher in the same process so that workflows start eagerly."""
    return Service(
        name="engine",
        command=lambda site: Command(
            argv=(sys.executable, "-m", "workers.trading", *options),
            env={
                **site.environment(),
                "REMORA_METRICS_PORT": str(site.ports[METRICS]),
                "REMORA_METRICS_HOST": HOST,
                **(env or {}),
            },
        ),
        healthy=lambda site, pid: polls(site.temporal_address, site.temporal_namespace, TRADING_QUEUE, pid=pid),
        needs=("postgres", "temporal", "twin"),
        # ours, and on the port after it those of Temporal's client
        ports=(PortNeed(name=METRICS, preferred=METRICS_PORT, count=2),),
        # a worker may finish its running activities for 30 s
        stop_patience_s=40.0,
    )


def research(options: Sequence[str] = (), *, env: dict[str, str] | None = None) -> Service:
    """Return the worker that scores wallets; the history it reads lies beside the servers' state."""
    return Service(
        name="research",
        command=lambda site: Command(
            argv=(sys.executable, "-m", "workers.research", *options),
            env={
                **site.environment(),
                "REMORA_RESEARCH_DIR": os.environ.get("REMORA_RESEARCH_DIR", str(site.state_dir / "research")),
                **(env or {}),
            },
        ),
        healthy=lambda site, pid: polls(site.temporal_address, site.temporal_namespace, RESEARCH_QUEUE, pid=pid),
        needs=("postgres", "temporal", "twin"),
        stop_patience_s=20.0,
    )
