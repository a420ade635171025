"""``remora approve`` shows, asks, grants, and shows that nothing is left."""

import asyncio
import json
from io import StringIO

import pytest

from remora.cli.errors import Exit
from remora.cli.main import run
from tests.fixtures.twin import OUR_KEY, RunningTwin, address_of


async def test_it_shows_asks_and_grants(
    twin: RunningTwin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account = address_of(OUR_KEY)
    await twin.post("/chain/approvals", address=account)
    for name, value in {
        "REMORA_MODE": "twin",
        "REMORA_TWIN_URL": twin.urls["control_url"],
        "PRIVATE_KEY": OUR_KEY,
        "WALLET_ADDRESS": account,
    }.items():
        monkeypatch.setenv(name, value)

    async def remora(*arguments: str, text: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", StringIO(text))
        code = await asyncio.to_thread(run, ["approve", *arguments])
        return code, capsys.readouterr().out

    code, shown = await remora(text="n\n")
    assert code == Exit.FAILED
    assert "pUSD for the neg-risk exchange" in shown

    code, listed = await remora("--json")
    assert code == Exit.FAILED
    assert len(json.loads(listed)["missing"]) == 17

    code, asked = await remora(text="y\n")
    assert code == Exit.OK
    assert "17 of 17" in asked
    await twin.post("/chain/approvals", address=account)

    code, granted = await remora("--yes", "--json")
    assert code == Exit.OK
    assert len(json.loads(granted)["granted"]) == 17

    code, done = await remora()
    assert (code, "Nothing to approve" in done) == (Exit.OK, True)
