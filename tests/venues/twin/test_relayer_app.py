"""The relayer takes what a wallet's owner signed, once, and nothing else."""

import copy
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from polymarket import AsyncSecureClient, RelayerApiKey
from polymarket._internal.actions.relayer.calls import TransactionCall, erc20_approval_call
from polymarket._internal.actions.relayer.gasless import build_signed_payload_for_wallet_type
from polymarket.types import EvmAddress

from remora.venues.twin.auth.wallets import SignatureType, wallets_of
from remora.venues.twin.chain import contracts as at
from tests.fixtures.twin import OUR_KEY, RunningTwin, address_of
from tests.venues.twin.conftest import Serve

OWNER = address_of(OUR_KEY)
KINDS = [SignatureType.PROXY, SignatureType.SAFE, SignatureType.DEPOSIT]
KEY = {"RELAYER_API_KEY": "any", "RELAYER_API_KEY_ADDRESS": OWNER}
SPENDER = EvmAddress("0x" + "77" * 20)


@pytest.fixture
async def twin(serve_twin: Serve) -> AsyncIterator[RunningTwin]:
    async with serve_twin() as running:
        yield running


@pytest.fixture
async def relayer(twin: RunningTwin) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=twin.urls["relayer_url"], trust_env=False) as client:
        yield client


async def _signed(twin: RunningTwin, kind: SignatureType, *, calls: int = 1) -> dict[str, Any]:
    """Return a submission of approvals as the official client signs it."""
    client = await AsyncSecureClient.create(
        private_key=OUR_KEY,
        wallet=max(wallets_of(OWNER)[kind]),
        environment=twin.environment(),
        api_key=RelayerApiKey(key="any", address=OWNER),
    )
    approvals: list[TransactionCall] = [
        erc20_approval_call(token_address=EvmAddress(at.COLLATERAL), spender=SPENDER, amount=number + 1)
        for number in range(calls)
    ]
    payload = await build_signed_payload_for_wallet_type(client._ctx, calls=approvals, metadata="")
    await client.close()
    return dict(payload)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("calls", [1, 3])
async def test_what_the_owner_signed_is_done_for_the_wallet(
    twin: RunningTwin, relayer: httpx.AsyncClient, kind: SignatureType, calls: int
) -> None:
    payload = await _signed(twin, kind, calls=calls)

    sent = (await relayer.post("/submit", json=payload, headers=KEY)).json()
    state = ""
    while state != "STATE_CONFIRMED":
        await twin.post("/chain/mine")
        state = (await relayer.get(f"/v1/account/transactions/{sent['transactionID']}")).json()["state"]

    wallet = max(wallets_of(OWNER)[kind])
    assert twin.twin.node.allowances.dollars(wallet, str(SPENDER).lower()) == calls
    again = await relayer.post("/submit", json=payload, headers=KEY)
    assert (again.status_code, "nonce 0 does not match" in again.json()["error"]) == (400, True)


@pytest.mark.parametrize("kind", KINDS)
async def test_anything_else_is_refused(
    twin: RunningTwin, relayer: httpx.AsyncClient, kind: SignatureType
) -> None:
    payload = await _signed(twin, kind)
    foreign = copy.deepcopy(payload)
    foreign["from"] = "0x" + "99" * 20
    changed = copy.deepcopy(payload)
    changed["nonce"] = "5"

    assert (await relayer.post("/submit", json=payload)).status_code == 401
    bodies: list[Any] = [foreign, changed, {"type": "SAFE"}, {"type": "NO"}, [], {**payload, "signature": "0x12"}]
    for body in bodies:
        refused = await relayer.post("/submit", json=body, headers=KEY)
        assert refused.status_code == 400, body
    wallet = max(wallets_of(OWNER)[kind])
    await twin.post("/chain/mine")
    assert twin.twin.node.allowances.dollars(wallet, str(SPENDER).lower()) == 0


async def test_unknown_paths_and_transactions_are_errors(relayer: httpx.AsyncClient) -> None:
    assert (await relayer.get("/v1/account/transactions/none")).status_code == 404
    assert (await relayer.get("/deployed", params={"address": "x"})).status_code == 400
    assert (await relayer.post("/submit", content=b"{", headers=KEY)).status_code == 400
