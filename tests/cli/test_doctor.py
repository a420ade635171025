"""``remora doctor`` on an empty machine, on a twin in order, and on set-ups that are broken on purpose."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from remora.cli.checks.account import chain_findings, wallet_match
from remora.cli.checks.finding import Check, Finding, Status, run
from remora.cli.checks.machine import disk_room
from remora.cli.doctor import app
from remora.cli.errors import Exit
from remora.cli.main import run as remora
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.probe import AccountProbe, ChainFacts
from remora.venues.twin.auth.wallets import SignatureType, wallets_of
from tests.cli.conftest import Trading
from tests.fixtures.postgres import database_url
from tests.fixtures.twin import OTHER_KEY, OUR_KEY, RunningTwin, TwinMarket, address_of

NOW = datetime(2026, 11, 24, tzinfo=UTC)
FRESH_KEY = "0x" + "5c" * 32
FAILING = {
    "env file": "chmod 600",
    "schema": "remora up",
    "temporal": "remora up",
    "account mode": "only exits",
    "cash": "Fund",
    "approvals": "remora approve",
    "region": "Do not get around it",
    "clock": "NTP",
    "rpc": "Polygon",
    "wallet": "the key that owns it",
    "rtds stream": "Look at the network",
    "market stream": "Look at the network",
    "user stream": "Look at the network",
    "chain stream 1": "REMORA_RPC_WS_URLS",
}
TRADER = "0x" + "fe" * 20


def _empty(state_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("REMORA_", "TEMPORAL_", "DATABASE_"))}
    return subprocess.run(
        [sys.executable, "-m", "remora.cli.main", "doctor", *arguments],
        capture_output=True,
        text=True,
        cwd=state_dir.parent,
        env=clean | {"REMORA_STATE_DIR": str(state_dir)},
        timeout=120,
        check=False,
    )


async def _report(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Finding]]:
    code = await asyncio.to_thread(remora, ["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is (code == Exit.OK)
    return code, {row["check"]: Finding(**row) for row in found["findings"]}


def _failed(found: dict[str, Finding]) -> dict[str, str]:
    return {name: each.todo for name, each in found.items() if each.status == Status.FAIL}


def test_on_an_empty_machine_it_says_what_to_start_and_starts_nothing(tmp_path: Path) -> None:
    done = _empty(tmp_path / "state", "--json")
    told = _empty(tmp_path / "state")

    found = {row["check"]: row for row in json.loads(done.stdout)["findings"]}
    assert done.returncode == told.returncode == Exit.FAILED, done.stderr
    assert {name for name, row in found.items() if row["status"] == "fail"} == {"twin", "postgresql", "temporal"}
    assert all("remora up" in row["todo"] for row in found.values() if row["status"] == "fail")
    assert "3 of" in told.stdout
    assert list(tmp_path.iterdir()) == [], "it changed something"


async def test_on_a_twin_nothing_stands_in_the_way(
    trading: Trading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMORA_TWIN_URL", trading.twin.urls["control_url"])
    monkeypatch.setenv("PRIVATE_KEY", OUR_KEY)
    keys = len(trading.twin.twin.apps)

    market = await trading.twin.list_market("Is anything told?", price=0.5)
    busy = asyncio.create_task(_keep_trading(trading.twin, market))
    try:
        code, found = await _report(capsys)
    finally:
        busy.cancel()

    assert _failed(found) == {}
    assert code == Exit.OK
    assert "signature type 0" in found["wallet"].found
    assert {"trading worker", "roster", "gas", "data api"} <= set(found)
    assert all("s old" in found[name].found for name in ("rtds stream", "market stream", "rpc", "chain stream 1"))
    assert "answers after" in found["user stream"].found
    assert len(trading.twin.twin.apps) == keys


async def _keep_trading(twin: RunningTwin, market: TwinMarket) -> None:
    while True:
        await twin.post("/trades", wallet=TRADER, token_id=market.yes, side="BUY", price=0.5, size=10)
        await asyncio.sleep(0.1)


async def test_fourteen_faults_are_found_and_each_says_what_to_do(
    twin: RunningTwin,
    postgres_server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    signer = address_of(FRESH_KEY)
    client = await twin.secure_client(FRESH_KEY)
    await client.close()
    await twin.post("/access", blocked=True, country="XX", closed_only=[signer], clock_offset_s=60)
    await twin.post("/chain/approvals", address=address_of(OTHER_KEY))
    await twin.post("/chain/faults", chain_id=80002)
    await twin.post("/faults", kind="ws_silent", seconds=60)
    (tmp_path / ".env").write_text(f"PRIVATE_KEY={FRESH_KEY}\nWALLET_ADDRESS={address_of(OTHER_KEY)}\n")
    (tmp_path / ".env").chmod(0o644)
    monkeypatch.chdir(tmp_path)
    await _empty_database(postgres_server, "unmigrated")
    monkeypatch.setenv("DATABASE_URL", database_url(postgres_server, "unmigrated"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
    monkeypatch.setenv("REMORA_TWIN_URL", twin.urls["control_url"])
    monkeypatch.setenv("REMORA_STATE_DIR", str(tmp_path / "state"))

    code, found = await _report(capsys)

    failed = _failed(found)
    assert code == Exit.FAILED
    assert set(failed) == set(FAILING)
    assert all(FAILING[name] in todo for name, todo in failed.items()), failed
    assert FRESH_KEY.removeprefix("0x") not in json.dumps([each.as_json() for each in found.values()])


async def _empty_database(server: str, name: str) -> None:
    connection = await asyncpg.connect(server)
    await connection.execute(f"DROP DATABASE IF EXISTS {name}")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()


async def test_a_wrong_key_and_expired_credentials_are_told_apart(
    twin: RunningTwin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {
        "REMORA_MODE": "live",
        "REMORA_TWIN_URL": twin.urls["control_url"],
        "REMORA_STATE_DIR": str(tmp_path / "state"),
        "DATABASE_URL": "postgresql://nobody:hidden-word@127.0.0.1:9/none",
        "PRIVATE_KEY": OUR_KEY,
        "WALLET_ADDRESS": address_of(OTHER_KEY),
        "POLYMARKET_API_KEY": "00000000-0000-4000-8000-000000000001",
        "POLYMARKET_SECRET": "c2VjcmV0LXRoYXQtaXMtb2xk",
        "POLYMARKET_PASSPHRASE": "passphrase-that-is-old",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    _, found = await _report(capsys)

    failed, text = _failed(found), json.dumps([each.as_json() for each in found.values()])
    assert {"wallet", "credentials", "postgresql", "temporal"} <= set(failed)
    assert "belongs to another key" in found["wallet"].found
    assert "401" in found["credentials"].found
    secrets = ("hidden-word", OUR_KEY[2:], settings["POLYMARKET_SECRET"], settings["POLYMARKET_PASSPHRASE"])
    assert not any(secret in text for secret in secrets)


@pytest.mark.parametrize("kind", list(SignatureType))
def test_the_signature_type_is_explained_by_the_accounts_age(kind: SignatureType) -> None:
    names = ("ordinary key", "until 2025", "until 2026", "since 2026")
    wallet = max(wallets_of(address_of(OUR_KEY))[kind])

    found = wallet_match(_probe(wallet))

    assert found.status is Status.OK
    assert found.found.startswith(f"signature type {kind.value}: ")
    assert names[kind.value] in found.found


@pytest.mark.parametrize("wallet", [None, address_of(OTHER_KEY)])
def test_who_forgot_or_mistook_the_wallet_is_told_all_that_the_key_owns(wallet: str | None) -> None:
    found = wallet_match(_probe(wallet))

    said = f"{found.found} {found.todo}".lower()
    contracts = [owned for kind, owned in wallets_of(address_of(OUR_KEY)).items() if kind != SignatureType.EOA]
    assert all(each in said for owned in contracts for each in owned)
    assert all(f"type {number}: " in said for number in (1, 2, 3))


def _probe(wallet: str | None) -> AccountProbe:
    endpoints = Endpoints.production()
    return AccountProbe(endpoints, private_key=OUR_KEY, wallet=wallet, credentials=None, now=lambda: NOW)


async def test_settings_that_cannot_be_used_are_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMORA_MODE", "live")
    monkeypatch.setenv("KELLY_FRACTION", "25")
    code = await asyncio.to_thread(remora, ["doctor"])

    assert code == Exit.FAILED
    assert "KELLY_FRACTION: expected a fraction" in " ".join(capsys.readouterr().out.split())


async def test_a_check_that_breaks_is_a_finding_and_the_others_go_on() -> None:
    async def breaks() -> Finding:
        raise ZeroDivisionError("by nothing")

    async def works() -> Finding:
        return Finding(check="b", status=Status.OK, found="fine")

    found = await run([Check("a", breaks, "Look at it."), Check("b", works, "")])

    assert [(each.check, each.status) for each in found] == [("a", Status.FAIL), ("b", Status.OK)]
    assert found[0].todo == "Look at it."


def test_a_full_disk_is_found_whether_or_not_the_directory_exists(tmp_path: Path) -> None:
    assert disk_room(tmp_path / "not" / "there").status is Status.OK
    full = disk_room(tmp_path, bytes_min=2**62)
    assert full.status is Status.FAIL
    assert "REMORA_STATE_DIR" in full.todo


@pytest.mark.parametrize(
    ("changes", "failing", "warned"),
    [
        ({}, set(), set()),
        ({"chain_id": 1}, {"rpc"}, set()),
        ({"block_at": NOW - timedelta(seconds=31)}, {"rpc"}, set()),
        ({"coins": Decimal("0.0999")}, {"gas"}, set()),
        ({"transactions": 501}, set(), {"main wallet"}),
        ({"coins": Decimal(501)}, set(), {"main wallet"}),
    ],
)
async def test_a_node_that_lags_no_gas_and_a_main_wallet(
    twin: RunningTwin, changes: dict[str, Any], failing: set[str], warned: set[str]
) -> None:
    endpoints = await Endpoints.from_twin(twin.urls["control_url"])
    probe = AccountProbe(endpoints, private_key=OUR_KEY, wallet=None, credentials=None, now=lambda: NOW)
    values: dict[str, Any] = {"chain_id": 137, "block_at": NOW, "coins": Decimal(1), "transactions": 0}
    facts = ChainFacts(**(values | changes))

    found = chain_findings(facts, probe=probe, now=NOW)

    assert {each.check for each in found if each.status is Status.FAIL} == failing
    assert {each.check for each in found if each.status is Status.WARN} == warned
    assert all(each.todo for each in found if each.status in (Status.FAIL, Status.WARN))


def test_the_group_takes_further_commands() -> None:
    assert app.info.help
    assert callable(app.command)
