"""The journal's text: one JSON object a line behind its checksum, so that a torn end is told from damage."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remora.venues.twin.journal.errors import StateCorrupt


def line(record: dict[str, Any]) -> bytes:
    """Return a record as a line of the journal."""
    text = json.dumps(record, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def parse(text: bytes) -> dict[str, Any] | None:
    """Return the record of a line without its end, None unless it is whole."""
    checksum, _, body = text.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    record = json.loads(body)
    return record if isinstance(record, dict) else None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a journal holds: whole records, where they end, and how many torn bytes follow."""

    records: list[dict[str, Any]]
    end: int
    torn: int


def read(path: Path) -> Contents:
    """Return a journal's records; raise StateCorrupt when whole lines follow a damaged one.

    A process that is killed leaves at most the beginning of its last line behind, a machine that loses power
    perhaps several lines; neither leaves anything whole after the damage.
    """
    data = path.read_bytes()
    records: list[dict[str, Any]] = []
    end = 0
    lines = data.split(b"\n")
    for number, text in enumerate(lines[:-1]):
        record = parse(text)
        if record is None:
            _require_torn(path, number, lines[number + 1 :])
            break
        records.append(record)
        end += len(text) + 1
    return Contents(records, end, len(data) - end)


def _require_torn(path: Path, number: int, rest: list[bytes]) -> None:
    if any(parse(text) is not None for text in rest):
        raise StateCorrupt(
            f"{path}: line {number + 1} is damaged, and whole ones follow it; "
            "put a copy of the directory back, or remove it to begin anew"
        )
