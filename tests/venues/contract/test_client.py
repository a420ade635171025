"""The official client's private parts that we rely on: an upgrade that moves one is told here, before it trades.

Case numbers are those of docs/venue-contract.md.
"""

import ast
import base64
import contextlib
import hashlib
import hmac
import importlib
import inspect
import re
from dataclasses import fields, replace
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak
from polymarket import ApiKeyCreds, AsyncSecureClient
from polymarket._internal import context, environment, wallet
from polymarket._internal.actions.orders import post, typed_data
from polymarket._internal.actions.orders.types import UnsignedOrder
from polymarket._internal.hmac import build_hmac_signature
from polymarket._internal.protocol import is_v2_position_id
from polymarket.errors import PolymarketError
from polymarket.models.clob.account import ClobTrade, MakerOrder
from polymarket.models.clob.orders import SignedOrder as SdkOrder
from polymarket.models.gamma.market import Market as GammaMarket
from pydantic import BaseModel

from remora.cli.checks.machine import SDK_PIN
from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import Side
from remora.domain.orders import OrderRequest
from remora.venues.polymarket import sdk
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket, address_of

ROOT = Path(__file__).parents[3]
V2_POSITION = str((1 << 248) | (0xABCDEF << 104) | 1)
ORDER_TYPE = (
    "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    "uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)


def test_c01_a_request_is_signed_over_time_method_path_and_body() -> None:
    secret = base64.urlsafe_b64encode(b"0123456789abcdef0123456789abcdef").decode()
    creds = ApiKeyCreds(key="k", secret=secret, passphrase="p")
    text = '1757908892POST/order{"a":1}'
    expected = base64.urlsafe_b64encode(
        hmac.new(base64.urlsafe_b64decode(secret), text.encode(), hashlib.sha256).digest()
    ).decode()

    headers = sdk.signed_headers(
        "0x1", creds, method="POST", path="/order", body='{"a":1}', timestamp_s=1757908892
    )

    assert headers["POLY_SIGNATURE"] == expected
    assert (headers["POLY_API_KEY"], headers["POLY_PASSPHRASE"]) == ("k", "p")


def test_c02_the_order_is_typed_as_the_exchange_hashes_it() -> None:
    assert keccak(text=ORDER_TYPE).hex() == "bb86318a2138f5fa8ae32fbe8e659f8fcf13cc6ae4014a707893055433818589"


async def test_c03_the_asset_id_decides_contract_and_version(twin: RunningTwin, twin_market: TwinMarket) -> None:
    venue = await PolymarketVenue.create(await Endpoints.from_twin(twin.urls["control_url"]), private_key=OUR_KEY)
    request = OrderRequest(
        token_id=TokenId(twin_market.yes),
        condition_id=ConditionId(twin_market.condition_id),
        side=Side.BUY,
        shares=Decimal("18.86"),
        limit_price=Decimal("0.53"),
        notional=Decimal("10.00"),
    )
    order = await venue._signed(request)
    await venue.close()
    second = replace(order, token_id=V2_POSITION)
    digests = {
        sdk.digest(order, neg_risk=False),
        sdk.digest(order, neg_risk=True),
        sdk.digest(second, neg_risk=False),
    }

    assert is_v2_position_id(V2_POSITION)
    assert not is_v2_position_id(twin_market.yes)
    assert len(digests) == 3
    assert sdk.digest(second, neg_risk=False) == sdk.digest(second, neg_risk=True), "neg risk is in the id itself"


def test_c04_a_wallet_is_told_by_derivation_with_its_signature_type() -> None:
    config = environment.PRODUCTION_CONFIG.wallet_derivation
    signer = address_of(OUR_KEY)
    wallets = {
        signer: ("EOA", 0),
        wallet.derive_proxy_wallet_address(signer, config): ("POLY_PROXY", 1),
        wallet.derive_safe_wallet_address(signer, config): ("GNOSIS_SAFE", 2),
        wallet.derive_beacon_deposit_wallet_address(signer, config): ("DEPOSIT_WALLET", 3),
        wallet.derive_uups_deposit_wallet_address(signer, config): ("DEPOSIT_WALLET", 3),
    }

    for address, expected in wallets.items():
        kind = sdk.wallet_kind(OUR_KEY, address.lower())
        assert kind is not None
        assert (kind.name, kind.signature_type) == expected
    assert sdk.wallet_kind(OUR_KEY, "0x" + "77" * 20) is None


def test_c30_the_version_is_the_one_that_was_read() -> None:
    assert version("polymarket-client") == SDK_PIN
    assert f"polymarket-client=={SDK_PIN}" in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    "name",
    [
        "clob_url",
        "gamma_url",
        "data_url",
        "relayer_url",
        "rpc_url",
        "clob_market_ws_url",
        "clob_user_ws_url",
        "rtds_ws_url",
        "chain_id",
        "standard_exchange",
        "neg_risk_exchange",
        "exchange_v3",
        "wallet_derivation",
    ],
)
def test_c30_the_environment_has_what_we_replace_or_read(name: str) -> None:
    assert name in {each.name for each in fields(environment.PRODUCTION_CONFIG)}, f"{name} has moved: see sdk.py"


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (environment.create_environment, {"name", "config"}),
        (post.build_post_order_request, {"signed_order", "owner_api_key"}),
        (typed_data.build_order_typed_data, {"order"}),
        (build_hmac_signature, {"secret", "timestamp", "method", "path", "body"}),
        (wallet.try_classify_wallet_type, {"signer", "wallet", "config"}),
        (wallet.derive_proxy_wallet_address, {"signer", "config"}),
        (wallet.derive_safe_wallet_address, {"signer", "config"}),
        (wallet.derive_uups_deposit_wallet_address, {"signer", "config"}),
        (wallet.derive_beacon_deposit_wallet_address, {"signer", "config"}),
        (AsyncSecureClient.create, {"private_key", "wallet", "credentials", "environment", "api_key"}),
        (AsyncSecureClient.authorize_session_key, {"address", "scopes", "idempotency_key"}),
        (AsyncSecureClient.revoke_session_key, {"address", "idempotency_key"}),
        (wallet.classify_account, {"signer", "wallet", "config"}),
    ],
)
def test_c30_each_private_function_takes_what_we_give_it(function: object, parameters: set[str]) -> None:
    found = inspect.signature(function)  # type: ignore[arg-type]

    assert parameters <= set(found.parameters), f"{function} is now {found}: see sdk.py"


def test_c30_the_unsigned_order_has_the_fields_that_are_hashed() -> None:
    needed = {"salt", "maker", "signer", "token_id", "maker_amount", "taker_amount", "side", "signature_type"}

    assert needed | {"timestamp", "metadata", "builder", "exchange_address", "protocol_version"} <= {
        each.name for each in fields(UnsignedOrder)
    }


async def test_c30_a_client_carries_credentials_signer_and_metadata(
    twin: RunningTwin, twin_market: TwinMarket
) -> None:
    client = await twin.secure_client()
    auth = sdk.user_channel_auth(client)
    headers = sdk.request_headers(client, method="GET", path="/x", body=None, timestamp_s=1)
    await sdk.read_order_metadata(client, twin_market.yes)
    await client.close()

    assert set(auth) == {"apiKey", "secret", "passphrase"}
    assert sdk.api_key(client) == auth["apiKey"]
    assert headers["POLY_ADDRESS"] == address_of(OUR_KEY)


@pytest.mark.parametrize("said", ["right", "wrong"])
async def test_c30_a_market_that_was_named_wrong_is_found_all_the_same(
    twin: RunningTwin, twin_market: TwinMarket, said: str
) -> None:
    client = await twin.secure_client()
    named = twin_market.condition_id if said == "right" else "0x" + "ab" * 32

    with contextlib.suppress(PolymarketError):
        await sdk.read_order_metadata(client, twin_market.yes, condition_id=named)
    signed = await client.create_limit_order(token_id=twin_market.yes, price=0.5, size=10, side="BUY")
    await client.close()

    assert signed.token_id == twin_market.yes


def _private_imports() -> list[tuple[str, str]]:
    """Return (module, name) of everything private that sdk.py imports."""
    tree = ast.parse(Path(sdk.__file__).read_text())
    return [
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("polymarket.")
        for alias in node.names
    ]


@pytest.mark.parametrize(("module", "name"), _private_imports())
def test_c30_everything_imported_is_where_it_was(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name), f"{module}.{name} has moved: see sdk.py"


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (
            context.AsyncSecureClientContext,
            {"signer", "credentials", "wallet", "wallet_type", "signer_type", "rpc"},
        ),
        (context.AsyncSecureClientContext, {"order_metadata", "secure_clob", "relayer", "api_key"}),
        (
            SdkOrder,
            {"salt", "maker", "signer", "token_id", "maker_amount", "taker_amount", "side", "signature_type"},
        ),
        (SdkOrder, {"builder", "metadata", "timestamp", "expiration", "order_type"}),
    ],
)
def test_c30_each_record_has_the_fields_that_we_read(model: Any, names: set[str]) -> None:
    missing = names - {each.name for each in fields(model)}

    assert not missing, f"{model.__module__}.{model.__name__} lost {sorted(missing)}: see sdk.py"


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (ClobTrade, {"id", "status", "matched_at", "transaction_hash", "trader_side", "size", "price", "side"}),
        (ClobTrade, {"taker_order_id", "asset_id", "condition_id", "maker_orders"}),
        (MakerOrder, {"maker_address", "matched_amount", "price", "order_id", "asset_id", "side"}),
        (GammaMarket, {"condition_id", "question", "slug", "category", "tags", "events", "outcomes", "state"}),
        (GammaMarket, {"trading", "metrics", "resolution"}),
    ],
)
def test_c30_each_answer_has_the_fields_that_we_read(model: type[BaseModel], names: set[str]) -> None:
    missing = names - set(model.model_fields)

    assert not missing, (
        f"{model.__module__}.{model.__name__} lost {sorted(missing)}: see our_fills.py, market_facts.py"
    )


def test_c31_a_foreign_wallet_is_taken_for_a_deposit_wallet_and_the_key_for_its_session_key() -> None:
    found = wallet.classify_account(
        signer=address_of(OUR_KEY),
        wallet="0x" + "77" * 20,
        config=environment.PRODUCTION_CONFIG.wallet_derivation,
    )

    assert (found.signer_type, found.wallet_type) == ("SESSION_KEY", "DEPOSIT_WALLET"), (
        "see is_session_key in sdk.py"
    )


def test_c30_private_parts_are_touched_in_one_module() -> None:
    touching = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "remora").rglob("*.py")
        if re.search(r"polymarket\._internal|\._ctx\b", path.read_text())
    }

    assert touching == {"remora/venues/polymarket/sdk.py"}
