"""API credentials over the wire, with the official client and with one of our own making."""

import pytest
from polymarket import ApiKeyCreds, AsyncSecureClient

from tests.fixtures.twin import OTHER_KEY, OUR_KEY, RunningTwin, address_of
from tests.venues.twin.clob.raw_client import RawClient, raw_client


async def test_credentials_are_made_once_and_derived_ever_after(twin: RunningTwin) -> None:
    async with await twin.secure_client() as first, await twin.secure_client() as second:
        assert second.credentials == first.credentials
        assert await second.fetch_api_keys() == (first.credentials.key,)
    async with raw_client(twin, OUR_KEY) as raw:
        again = await raw.http.post("/auth/api-key", headers=raw.wallet_headers())

        assert again.status_code == 400
        assert (raw.api_key, raw.secret) == (first.credentials.key, first.credentials.secret)


async def test_given_credentials_are_probed_and_replaced_when_they_do_not_hold(twin: RunningTwin) -> None:
    async with await twin.secure_client() as known:
        good = known.credentials
    wrong = ApiKeyCreds(key=good.key, secret=good.secret, passphrase="0" * 64)

    for given in (good, wrong):
        async with await AsyncSecureClient.create(
            private_key=OUR_KEY,
            wallet=address_of(OUR_KEY),
            environment=twin.environment(),
            credentials=given,
        ) as client:
            assert client.credentials == good


async def test_every_wallet_has_its_own_credentials_and_a_deleted_key_is_dead(twin: RunningTwin) -> None:
    async with await twin.secure_client() as ours, await twin.secure_client(OTHER_KEY) as others:
        assert ours.credentials.key != others.credentials.key
        await ours.delete_api_key()
        assert await others.get_closed_only_mode() is False
        async with raw_client(twin, OTHER_KEY) as raw:
            raw.api_key, raw.secret = ours.credentials.key, ours.credentials.secret
            raw.passphrase = ours.credentials.passphrase
            answer = await raw.call("GET", "/auth/api-keys")

    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid API key"})


@pytest.mark.parametrize(
    "spoil",
    [
        {"POLY_SIGNATURE": "0x" + "11" * 65},
        {"POLY_SIGNATURE": "no signature"},
        {"POLY_ADDRESS": address_of(OTHER_KEY)},
        {"POLY_TIMESTAMP": "1600000000"},
        {"POLY_TIMESTAMP": "later"},
        {"POLY_NONCE": "1"},
        {"POLY_NONCE": "-1"},
        {"POLY_NONCE": "9" * 100},
    ],
)
async def test_a_wallet_that_did_not_sign_gets_no_credentials(twin: RunningTwin, spoil: dict[str, str]) -> None:
    async with raw_client(twin, OUR_KEY) as raw:
        for method, path in (("POST", "/auth/api-key"), ("GET", "/auth/derive-api-key")):
            answer = await raw.http.request(method, path, headers={**raw.wallet_headers(), **spoil})

            assert answer.status_code == 401
            assert answer.headers["content-type"] == "application/json"
            assert answer.json()["error"]


async def test_nothing_can_be_derived_before_it_was_created(twin: RunningTwin) -> None:
    raw = RawClient(twin.control, "0x" + "33" * 32)
    answer = await raw.http.get(twin.urls["clob_url"] + "/auth/derive-api-key", headers=raw.wallet_headers())

    assert (answer.status_code, list(answer.json())) == (400, ["error"])
