"""``remora live``: a sentence typed once, and whales let through by name."""

import asyncio
import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.cli import live as command
from remora.cli.errors import CommandFailed, Exit
from remora.cli.main import run
from remora.domain.ids import AccountId
from remora.domain.permission import Access
from remora.storage import live

ACCOUNT = "0x" + "ab" * 20
WHALE = "0x" + "AA" * 20


@pytest.fixture
def remora(engine: AsyncEngine, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function that types a command, with what is then typed into it."""
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("WALLET_ADDRESS", ACCOUNT)

    async def typed(*arguments: str, text: str = "") -> int:
        monkeypatch.setattr("sys.stdin", StringIO(text))
        return await asyncio.to_thread(run, list(arguments))

    return typed


async def test_live_needs_the_very_sentence_and_only_once(
    remora: Any, engine: AsyncEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await remora("live", "confirm", text="yes\n") == Exit.REFUSED
    assert await live.confirmation(engine, AccountId(ACCOUNT)) is None
    assert "Never your main wallet" in capsys.readouterr().out

    assert await remora("live", "confirm", text=f"{command.phrase(ACCOUNT)}\n") == Exit.OK
    assert await remora("live", "confirm") == Exit.OK
    assert "confirmed already" in capsys.readouterr().out


async def test_starting_without_a_terminal_refuses_instead_of_asking(remora: Any, postgres_url: str) -> None:
    assert await remora("live", "status") == Exit.FAILED

    with pytest.raises(CommandFailed, match="nobody confirmed") as refused:
        await command.ensure_confirmed(ask=False, url=postgres_url)
    assert refused.value.code is Exit.REFUSED


async def test_status_says_what_is_missing(
    remora: Any, engine: AsyncEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await remora("live", "status", "--json") == Exit.FAILED
    assert json.loads(capsys.readouterr().out)["reason"] == "not_confirmed"

    now = datetime.now(UTC)
    await live.confirm(engine, AccountId(ACCOUNT), by="me", phrase="yes", now=now)
    free = Access(geoblocked=False, closed_only=False, country="IE")
    await live.write_access(engine, AccountId(ACCOUNT), free, now=now)
    assert await remora("live", "allow", WHALE) == Exit.OK
    capsys.readouterr()

    assert await remora("live", "status", "--json") == Exit.OK
    found = json.loads(capsys.readouterr().out)
    assert (found["may_open"], found["first_day_left_usd"]) == (True, "100")
    assert found["unproven_whales"] == [WHALE.lower()]
    assert await remora("live", "forbid", WHALE) == Exit.OK
    assert await remora("live", "forbid", WHALE) == Exit.FAILED
    assert await remora("live", "allow", "whale") == Exit.USAGE
