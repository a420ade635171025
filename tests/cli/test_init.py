"""``remora init`` writes what every command can read, and nobody else can."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from remora.cli.errors import CommandFailed
from remora.cli.main import app
from remora.settings import Mode, load_settings, variable_names
from tests.fixtures.keyrings import MemoryKeyring

KEY = "0x" + "4c" * 32
WALLET = "0x" + "ab" * 20


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)

    def typed(*answers: str) -> Any:
        path = tmp_path / ".env"
        return CliRunner().invoke(app, ["init", "--path", str(path)], input="\n".join([*answers, ""]))

    return typed


def test_twin_needs_one_answer(init: Any, tmp_path: Path) -> None:
    done = init("twin")

    assert done.exit_code == 0, done.output
    assert load_settings(tmp_path / ".env").mode is Mode.TWIN


def test_paper_asks_for_money_and_limits(init: Any, tmp_path: Path) -> None:
    done = init("paper", "2500", "200", "50", "")

    found = load_settings(tmp_path / ".env")
    assert done.exit_code == 0, done.output
    assert found.mode is Mode.PAPER
    assert [found.paper_cash_usd, found.max_daily_loss_usd] == [2500, 50]


@pytest.mark.parametrize("kept", ["file", "env"])
def test_live_keeps_the_key_where_only_we_can_read_it(init: Any, tmp_path: Path, kept: str) -> None:
    done = init("live", WALLET, kept, KEY, "25", "", "", "wss://node.example/v2,wss://other.example")

    found = load_settings(tmp_path / ".env")
    assert done.exit_code == 0, done.output
    assert found.private_key is not None
    assert (found.private_key.get_secret_value(), found.wallet_address) == (KEY, WALLET)
    assert found.first_day_max_usd == 25
    assert found.rpc_ws_urls == "wss://node.example/v2,wss://other.example"
    assert KEY[2:] not in done.output
    assert "never your main one" in done.output
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())
    assert (KEY in (tmp_path / ".env").read_text()) is (kept == "env")


def test_the_keyring_keeps_the_key_and_no_other_is_overwritten(
    init: Any, tmp_path: Path, ring: MemoryKeyring
) -> None:
    done = init("live", WALLET, "keyring", KEY, "", "", "", "")
    assert done.exit_code == 0, done.output
    assert ring.kept == {("remora", "PRIVATE_KEY"): KEY}
    assert KEY[2:] not in (tmp_path / ".env").read_text()

    (tmp_path / ".env").unlink()
    other = init("live", WALLET, "keyring", "0x" + "5d" * 32, "", "", "", "")
    assert isinstance(other.exception, CommandFailed)
    wrong = init("live", "not a wallet", "keyring", KEY, "", "", "", "")
    assert wrong.exit_code != 0
    assert ring.kept == {("remora", "PRIVATE_KEY"): KEY}
    assert not (tmp_path / ".env").exists()


def test_a_locked_keyring_is_told_and_leaves_nothing(init: Any, tmp_path: Path, ring: MemoryKeyring) -> None:
    ring.locked = True

    refused = init("live", WALLET, "keyring", KEY, "", "", "", "")

    assert isinstance(refused.exception, CommandFailed)
    assert KEY[2:] not in str(refused.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", ["env", "file", "keyring"])
def test_a_mistake_leaves_nothing_and_what_exists_is_not_overwritten(
    init: Any, tmp_path: Path, ring: MemoryKeyring, kept: str
) -> None:
    wrong = init("live", "not a wallet", kept, KEY, "", "", "", "")
    assert wrong.exit_code != 0
    assert list(tmp_path.iterdir()) == []
    assert ring.kept == {}
    assert KEY[2:] not in str(wrong.exception)

    (tmp_path / ".env").write_text("REMORA_MODE=paper\n")
    refused = init("twin")
    assert isinstance(refused.exception, CommandFailed)
    assert (tmp_path / ".env").read_text() == "REMORA_MODE=paper\n"


def test_a_key_file_of_before_is_not_overwritten(init: Any, tmp_path: Path) -> None:
    (tmp_path / "private.key").write_text("another\n")

    refused = init("live", WALLET, "file", KEY, "", "", "", "")

    assert isinstance(refused.exception, CommandFailed)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("private.key", "another\n")]
