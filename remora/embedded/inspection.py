"""What runs of a stack, read from its state directory without changing anything."""

from dataclasses import asdict, dataclass
from typing import Any

from remora.embedded import processes
from remora.embedded.ports import HOST
from remora.embedded.postgres import database_url
from remora.embedded.services import twin_url
from remora.embedded.state import StateDir


@dataclass(frozen=True, kw_only=True)
class ServiceStatus:
    """One recorded process."""

    name: str
    pid: int
    running: bool
    log: str


@dataclass(frozen=True, kw_only=True)
class StackStatus:
    """Everything that `remora status` shows; addresses are those of servers started here."""

    up: bool
    state_dir: str
    services: tuple[ServiceStatus, ...]
    database_url: str | None
    temporal_address: str | None
    ui_url: str | None
    twin_url: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return asdict(self)


def inspect(directory: StateDir) -> StackStatus:
    """Return what the record says, compared with the processes there are; raise CorruptState."""
    state = directory.load()
    found = tuple(
        ServiceStatus(
            name=record.name,
            pid=record.pid,
            running=processes.runs(record.pid, record.start),
            log=str(directory.log(record.name)),
        )
        for record in state.processes
    )
    names = {service.name for service in found if service.running}
    ports = state.ports
    return StackStatus(
        up=bool(found) and all(service.running for service in found),
        state_dir=str(directory.path),
        services=found,
        database_url=database_url(directory.path) if "postgres" in names else None,
        temporal_address=f"{HOST}:{ports['temporal']}" if "temporal" in names else None,
        ui_url=f"http://{HOST}:{ports['temporal_ui']}" if "temporal" in names else None,
        twin_url=twin_url(ports) if "twin" in names else None,
    )
