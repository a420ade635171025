"""``remora sbom``: every dependency with its version, licence and hashes, as CycloneDX JSON."""

import json
import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

import typer

from remora.cli.errors import CommandFailed

LOCK = Path(__file__).parents[2] / "requirements.lock"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def sbom() -> None:
    """Print the software bill of materials of the locked dependencies."""
    if not LOCK.exists():
        raise CommandFailed(f"No {LOCK.name} beside the program.", "Run it from a checkout.")
    typer.echo(json.dumps(bill(LOCK.read_text()), indent=2))


def bill(lock: str) -> dict[str, Any]:
    """Return the CycloneDX 1.6 document of a hash-pinned lock file; the same text gives the same document."""
    components: list[dict[str, Any]] = []
    for line in lock.splitlines():
        pinned = PINNED.match(line)
        if pinned is not None:
            components.append(_component(*pinned.groups()))
        found = HASH.search(line)
        if found is not None and components:
            components[-1]["hashes"].append({"alg": "SHA-256", "content": found.group(1)})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "remora", "bom-ref": "remora"}},
        "components": components,
    }


def _component(name: str, version: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name.lower()}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{"license": {"name": licence}} for licence in _licences(name)],
        "hashes": [],
    }


def _licences(name: str) -> list[str]:
    """Return what the installed distribution says, nothing when it is not installed or says nothing."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return []
    stated = found.get_all("License-Expression")
    if stated:
        return [str(stated[0])]
    named = [c.rpartition(" :: ")[2] for c in found.get_all("Classifier") or () if c.startswith("License :: ")]
    return sorted(set(named) - {"OSI Approved"})
