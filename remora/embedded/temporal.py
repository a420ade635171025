"""The Temporal server of this machine: tuned, with a journal that survives a kill, and the Web UI."""

from datetime import timedelta
from pathlib import Path
from typing import Final

from remora.embedded.errors import ServiceFailed
from remora.embedded.ports import HOST
from remora.embedded.processes import Command, listens
from remora.embedded.service import PortNeed, Service
from remora.embedded.site import Site
from remora.embedded.temporal_binary import temporal_binary
from remora.embedded.temporal_client import connect

NAME = "temporal"
PORT, UI_PORT = 7233, 8233
RETENTION: Final = timedelta(hours=2160)
SEARCH_ATTRIBUTES: Final = ("Account", "Whale", "Market", "PositionState", "ExitReason", "Mode")
_PRAGMAS = ("journal_mode=wal", "synchronous=normal")
# untuned, every hop between queues waits on a 50 ms tick, and four partitions scramble the order of work
_TUNING = (
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    "history.visibilityProcessorMaxPollRPS=2000",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    # a task that lost its worker again and again would wait longer each time, for ten minutes in the end
    'history.workflowTaskRetryMaxInterval="5s"',
)


class TemporalServer:
    """The development server; its program is looked for once."""

    def __init__(self) -> None:
        self._program: Path | None = None

    def service(self, *, port: int | None = None, ui_port: int | None = None) -> Service:
        """Return the server as a service; ports that are given must be free."""
        return Service(
            name=NAME,
            command=self._command,
            healthy=_healthy,
            prepare=self._find,
            settle=set_up,
            ports=(
                PortNeed(name="temporal", preferred=PORT, fixed=port, option="--temporal-port"),
                PortNeed(name="temporal_ui", preferred=UI_PORT, fixed=ui_port, option="--ui-port"),
            ),
            stop_patience_s=20.0,
        )

    async def _find(self, site: Site) -> None:
        (site.state_dir / "temporal").mkdir(mode=0o700, exist_ok=True)
        self._program = await temporal_binary(site.state_dir / "temporal" / "bin")

    def _command(self, site: Site) -> Command:
        assert self._program is not None
        argv = [
            *(str(self._program), "server", "start-dev", "--ip", HOST, "--log-level", "warn"),
            *("--port", str(site.ports["temporal"]), "--ui-port", str(site.ports["temporal_ui"])),
            *("--db-filename", str(site.state_dir / "temporal" / "temporal.db"), "--ui-disable-news-fetch"),
        ]
        if site.temporal_namespace != "default":
            argv += ["--namespace", site.temporal_namespace]
        for pragma in _PRAGMAS:
            argv += ["--sqlite-pragma", pragma]
        for name in SEARCH_ATTRIBUTES:
            argv += ["--search-attribute", f"{name}=Keyword"]
        for value in _TUNING:
            argv += ["--dynamic-config-value", value]
        # it reads the standard variables too, knows fewer exporters than we do, and does not start with another
        return Command(argv=tuple(argv), env={"OTEL_TRACES_EXPORTER": "none"})


async def _healthy(site: Site, pid: int) -> bool:
    # else another stack's server has the port and answers in its place
    return listens(pid, site.ports["temporal"]) and await knows_namespace(
        site.temporal_address, site.temporal_namespace
    )


async def knows_namespace(address: str, namespace: str) -> bool:
    """Return whether a Temporal server answers and has the namespace."""
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
    from temporalio.service import RPCError

    try:
        client = await connect(address, namespace)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except (RPCError, RuntimeError, TimeoutError):
        return False
    return True


async def set_up(site: Site) -> None:
    """Give the namespace our retention, at least, and our search attributes; what is there stays."""
    from temporalio.service import RPCError

    try:
        await _retain(site)
        await _add_search_attributes(site)
    except (RPCError, RuntimeError, TimeoutError) as error:
        raise ServiceFailed(
            f"Temporal's namespace {site.temporal_namespace!r} could not be set up: {error}",
            "Give its user the right to change the namespace, or add the search attributes "
            f"{', '.join(SEARCH_ATTRIBUTES)} (Keyword) by hand.",
        ) from error


async def _retain(site: Site) -> None:
    """Keep closed positions for 90 days: by default they vanish after one, and with them the ids."""
    from google.protobuf.duration_pb2 import Duration
    from temporalio.api.namespace.v1 import NamespaceConfig
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest

    service = (await connect(site.temporal_address, site.temporal_namespace)).workflow_service
    found = await service.describe_namespace(DescribeNamespaceRequest(namespace=site.temporal_namespace))
    if found.config.workflow_execution_retention_ttl.ToTimedelta() >= RETENTION:
        return
    keep = Duration()
    keep.FromTimedelta(RETENTION)
    await service.update_namespace(
        UpdateNamespaceRequest(
            namespace=site.temporal_namespace, config=NamespaceConfig(workflow_execution_retention_ttl=keep)
        )
    )


async def _add_search_attributes(site: Site) -> None:
    from temporalio.api.enums.v1 import IndexedValueType
    from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest

    service = (await connect(site.temporal_address, site.temporal_namespace)).operator_service
    found = await service.list_search_attributes(ListSearchAttributesRequest(namespace=site.temporal_namespace))
    missing = [name for name in SEARCH_ATTRIBUTES if name not in found.custom_attributes]
    if missing:
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        await service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=site.temporal_namespace, search_attributes=dict.fromkeys(missing, keyword)
            )
        )
