"""What a twin was told when it was first started: a journal makes sense on the same ground only."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from remora.venues.twin.journal.errors import StateCorrupt, StateForeign
from remora.venues.twin.scenario.model import Scenario

FORMAT = 1
EMPTY = "no scenario"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """When a twin was first assembled, with which scenario (name, digest) and options (as text)."""

    born: datetime
    scenario: str
    digest: str
    options: Mapping[str, str]

    def as_record(self) -> dict[str, Any]:
        """Return the first record of a journal."""
        return {
            "twin": FORMAT,
            "born": self.born.isoformat(),
            "scenario": self.scenario,
            "digest": self.digest,
            "options": dict(self.options),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any], path: Path) -> "Origin":
        """Read a journal's first record; raise StateForeign for another format, StateCorrupt for nonsense."""
        if record.get("twin") != FORMAT:
            raise StateForeign(
                f"{path} was written in format {record.get('twin')}, this version reads format {FORMAT}; "
                "start the version that wrote it, or remove the directory to begin anew"
            )
        try:
            return cls(
                born=datetime.fromisoformat(record["born"]),
                scenario=str(record["scenario"]),
                digest=str(record["digest"]),
                options={str(name): str(value) for name, value in record["options"].items()},
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise StateCorrupt(f"{path} has no readable beginning; remove it to begin anew") from error

    def require(self, wanted: "Origin", path: Path) -> None:
        """Raise StateForeign unless a twin that is told `wanted` may go on from here."""
        differing = [
            f"{name} was {self.options.get(name, 'not known')}, is {value}"
            for name, value in wanted.options.items()
            if self.options.get(name) != value
        ]
        if self.scenario != wanted.scenario:
            differing.insert(0, f"it played {self.scenario}, now {wanted.scenario}")
        elif self.digest != wanted.digest:
            differing.insert(0, f"{wanted.scenario} has other events, another window or another speed than then")
        if differing:
            raise StateForeign(
                f"{path} belongs to a twin that was told something else: {'; '.join(differing)}; "
                "start it with the same options, or name another directory"
            )


def digest_of(scenario: Scenario | None) -> str:
    """Return what tells a scenario from any other: its window, its speed and every event."""
    if scenario is None:
        return ""
    digest = hashlib.sha256(repr((scenario.window_start, scenario.window_end, scenario.speed)).encode())
    for event in scenario.events:
        digest.update(repr(event).encode())
    return digest.hexdigest()
