"""What the services beside the order book know is kept too, and what a fault did, though not the fault."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.venues.twin.journal.kept_twin import KEYS, KeptTwin, Request, Signer, Wall, control, later, rpc

RELAYER = {"relayer_api_key": "any"}


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def twin(tmp_path: Path, wall: Wall) -> Iterator[KeptTwin]:
    made = KeptTwin(tmp_path / "first", wall)
    made.tick()
    yield made
    made.journal.close()


def _wallet(twin: KeptTwin, wall: Wall, number: int = 0) -> Signer:
    signer = Signer(KEYS[number], wall)
    signer.sign_in(twin)
    return signer


def test_a_transaction_of_the_relayer_is_known_and_mined_afterwards(
    twin: KeptTwin, wall: Wall, tmp_path: Path
) -> None:
    body = json.dumps({"type": "WALLET-CREATE", "from": "0x" + "ab" * 20}).encode()
    sent = twin.json(Request("relayer", "POST", "/submit", body, RELAYER))
    state = Request("relayer", "GET", f"/v1/account/transactions/{sent['transactionID']}")
    waiting = twin.json(state)["state"]
    again = twin.killed(tmp_path / "second")
    mined = rpc("eth_getTransactionReceipt", sent["transactionHash"])

    assert (waiting, again.json(state)["state"]) == ("STATE_EXECUTED", "STATE_EXECUTED")
    later(wall, 2.5)
    for one in (twin, again):
        one.tick()
    assert again.json(mined) == twin.json(mined)
    assert again.json(mined)["result"]["status"] == "0x1"
    again.journal.close()


def test_a_key_that_was_deleted_stays_deleted_and_the_others_stay(
    twin: KeptTwin, wall: Wall, tmp_path: Path
) -> None:
    gone, stays = _wallet(twin, wall), _wallet(twin, wall, 1)
    assert twin.ask(gone.signed("DELETE", "/auth/api-key"))[0] == 200
    again = twin.killed(tmp_path / "second")

    assert again.ask(gone.signed("GET", "/auth/api-keys"))[0] == 401
    assert again.json(stays.signed("GET", "/auth/api-keys"))["apiKeys"] == [stays.raw.api_key]
    again.journal.close()


def test_a_region_and_a_signer_that_may_only_close_are_kept(twin: KeptTwin, tmp_path: Path) -> None:
    twin.json(control("/access", blocked=True, country="US", closed_only=["0x" + "cd" * 20]))
    again = twin.killed(tmp_path / "second")
    asked = Request("gamma", "GET", "/api/geoblock")

    assert again.json(asked) == twin.json(asked)
    assert (again.json(asked)["blocked"], again.json(asked)["country"]) == (True, "US")
    again.journal.close()


def test_a_late_result_comes_at_its_time_though_the_twin_was_down_and_no_fault_is_armed_after_it(
    twin: KeptTwin, wall: Wall, tmp_path: Path
) -> None:
    market = twin.json(control("/markets", question="When?", price=0.5))
    twin.json(control("/faults", kind="settle_failed", rate=1.0))
    twin.json(control("/faults", kind="resolution_late", market=market["condition_id"], seconds=30))
    early = twin.killed(tmp_path / "early")
    later(wall, 31)
    late = twin.killed(tmp_path / "late")
    twin.tick()
    listed = Request("gamma", "GET", "/markets/keyset?limit=9")

    assert early.json(listed) != late.json(listed)
    assert late.json(listed) == twin.json(listed)
    assert late.json(Request("control", "GET", "/faults"))["armed"] == []
    for one in (early, late):
        one.journal.close()
