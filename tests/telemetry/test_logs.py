"""No secret leaves through a log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from remora.telemetry.logs import configure_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_secrets_are_hidden_by_name_and_by_value() -> None:
    stream, key = io.StringIO(), "0x" + "ab" * 32
    configure_logging(as_json=True, secrets=[key], stream=stream)
    structlog.get_logger("x").info("a.event", private_key="p", nested={"passphrase": "q"}, note=f"key {key[2:]}")
    logging.getLogger("library").warning("at %s", "postgresql://user:hunter22@host/db")
    ours, theirs = map(json.loads, stream.getvalue().splitlines())

    assert ours["private_key"] == ours["nested"]["passphrase"] == "[hidden]"
    assert ours["note"] == "key [hidden]"
    assert ours["timestamp"].endswith("Z")
    assert theirs["event"] == "at postgresql://user:[hidden]@host/db"
