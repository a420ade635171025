"""``remora session-key``: make one, grant it, see it, take it back; and the doctor's word on it."""

import asyncio
import json
import stat
from pathlib import Path

import pytest

from remora.cli.errors import Exit
from remora.cli.main import run
from remora.venues.twin.auth.wallets import SignatureType, wallets_of
from tests.fixtures.twin import OUR_KEY, RunningTwin, address_of

WALLET = max(wallets_of(address_of(OUR_KEY))[SignatureType.DEPOSIT])
BUILDER = {
    "POLYMARKET_BUILDER_API_KEY": "a-builder",
    "POLYMARKET_BUILDER_SECRET": "YS1zZWNyZXQ=",
    "POLYMARKET_BUILDER_PASSPHRASE": "hunter2-phrase",
}
Screen = pytest.CaptureFixture[str]


async def _remora(capsys: Screen, *arguments: str) -> tuple[int, str]:
    code = await asyncio.to_thread(run, list(arguments))
    told = capsys.readouterr()
    return code, told.out + told.err


async def test_from_a_new_key_to_none(
    twin: RunningTwin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    monkeypatch.chdir(tmp_path)
    await twin.post("/accounts", address=WALLET, cash="1000")
    settings = {"REMORA_TWIN_URL": twin.urls["control_url"], "PRIVATE_KEY": OUR_KEY, "WALLET_ADDRESS": WALLET}
    for name, value in (settings | BUILDER).items():
        monkeypatch.setenv(name, value)

    code, made = await _remora(capsys, "session-key", "new")
    address, path = made.split()[0], tmp_path / "session.key"
    assert (code, stat.S_IMODE(path.stat().st_mode)) == (Exit.OK, 0o600)
    assert path.read_text().strip() not in made
    assert (await _remora(capsys, "session-key", "new"))[0] == Exit.REFUSED, "a key was overwritten"

    code, granted = await _remora(capsys, "session-key", "authorize", address, "--yes", "--json")
    assert (code, json.loads(granted)["scopes"]) == (Exit.OK, ["CLOB"])
    code, listed = await _remora(capsys, "session-key", "list")
    assert (code, address in listed) == (Exit.OK, True)

    # from here on this machine has the session key only
    monkeypatch.setenv("PRIVATE_KEY", path.read_text().strip())
    code, told = await _remora(capsys, "session-key", "list")
    assert (code, "REMORA_SESSION_KEY=true" in told) == (Exit.USAGE, True)
    monkeypatch.setenv("REMORA_SESSION_KEY", "true")
    code, told = await _remora(capsys, "session-key", "revoke", address, "--yes")
    assert (code, "owner" in told) == (Exit.REFUSED, True)
    _, report = await _remora(capsys, "doctor", "--json")
    found = {row["check"]: row for row in json.loads(report)["findings"]}
    assert (found["wallet"]["status"], found["cash"]["status"]) == ("warn", "ok")

    monkeypatch.setenv("PRIVATE_KEY", OUR_KEY)
    code, told = await _remora(capsys, "session-key", "revoke", address, "--yes")
    assert (code, "no more" in told) == (Exit.OK, True)
    assert (await _remora(capsys, "session-key", "list"))[1].startswith("No session key")
