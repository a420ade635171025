"""The bill of materials lists what the lock file pins, hash for hash."""

import json
import re
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from remora.cli.main import run
from remora.cli.sbom import bill

LOCK = Path(__file__).parents[2] / "requirements.lock"


def test_every_pin_and_hash_of_the_lock_is_in_the_bill(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sbom"]) == 0
    found = json.loads(capsys.readouterr().out)
    text = LOCK.read_text()

    assert {(c["name"], c["version"]) for c in found["components"]} == set(
        re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", text, re.MULTILINE)
    )
    assert sum(len(c["hashes"]) for c in found["components"]) == text.count("--hash=sha256:")
    assert all(c["hashes"] for c in found["components"])
    assert bill(text) == found, "the same lock gives the same bill"


def test_the_bill_holds_to_the_published_schema_and_a_wrong_one_would_not() -> None:
    schema, found = JsonStrictValidator(SchemaVersion.V1_6), bill(LOCK.read_text())

    assert schema.validate_str(json.dumps(found)) is None
    found["components"][0]["hashes"][0]["content"] = "not a hash"
    assert schema.validate_str(json.dumps(found)) is not None


def test_the_pinned_client_of_the_venue_is_named_with_its_licence() -> None:
    (client,) = [c for c in bill(LOCK.read_text())["components"] if c["name"] == "polymarket-client"]

    assert client["purl"] == "pkg:pypi/polymarket-client@0.14.0"
    assert client["licenses"]


def test_no_dependency_is_under_a_licence_that_binds_a_network_service() -> None:
    named = [entry["license"]["name"] for c in bill(LOCK.read_text())["components"] for entry in c["licenses"]]

    assert not [name for name in named if "AGPL" in name or "Affero" in name or "Commons Clause" in name]
