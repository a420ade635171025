"""How the stack of this machine is to be run."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from remora.embedded.disk import FREE_BYTES_MIN
from remora.embedded.errors import UnsupportedPlatform
from remora.settings import Mode, Settings


@dataclass(frozen=True, kw_only=True)
class StackConfig:
    """What a stack needs to know. Servers that are named are used; the others are started here.

    Without `state_dir` everything lives in a temporary directory and ends with the stack.
    """

    state_dir: Path | None = None
    mode: Mode = Mode.TWIN
    database_url: str | None = None
    temporal_address: str | None = None
    temporal_namespace: str = "default"
    twin_url: str | None = None
    temporal_port: int | None = None
    ui_port: int | None = None
    twin_port: int | None = None
    patience_s: float = 120.0
    free_bytes_min: int = FREE_BYTES_MIN

    @classmethod
    def from_settings(cls, settings: Settings, *, ephemeral: bool = False) -> "StackConfig":
        """Return what the user's settings ask for."""
        return cls(
            state_dir=None if ephemeral else (settings.state_dir or default_state_dir()).expanduser().absolute(),
            mode=settings.mode,
            database_url=settings.database_url,
            temporal_address=settings.temporal_address,
            temporal_namespace=settings.temporal_namespace,
            twin_url=settings.twin_url,
        )

    def with_ports(
        self, *, temporal: int | None = None, ui: int | None = None, twin: int | None = None
    ) -> "StackConfig":
        """Return the same with ports that must be these and no others."""
        return replace(self, temporal_port=temporal, ui_port=ui, twin_port=twin)


def default_state_dir() -> Path:
    """Return where this user's programs keep their state."""
    return Path(platformdirs.user_state_dir("remora"))


def require_supported(platform: str = sys.platform) -> None:
    """Raise UnsupportedPlatform where the embedded servers cannot run."""
    if platform not in ("linux", "darwin"):
        raise UnsupportedPlatform(
            f"The embedded servers run on Linux and macOS, this is {platform}.",
            "Use WSL 2, or docker compose up; or set DATABASE_URL and TEMPORAL_ADDRESS to servers elsewhere.",
        )
