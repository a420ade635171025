"""The only module that touches private parts of the official client; a contract test watches them."""

import dataclasses
import json
import logging
from collections.abc import Sequence
from typing import Literal

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from polymarket import ApiKeyCreds, AsyncSecureClient, BuilderApiKey, Environment, RelayerApiKey
from polymarket._internal.actions.auth import build_l1_auth_headers
from polymarket._internal.actions.orders.post import build_post_order_request
from polymarket._internal.actions.orders.typed_data import build_order_typed_data
from polymarket._internal.actions.orders.types import UnsignedOrder
from polymarket._internal.actions.relayer.approvals import get_trading_approvals_state
from polymarket._internal.actions.relayer.calls import (
    MAX_UINT256,
    erc20_approval_call,
    erc1155_set_approval_for_all_call,
)
from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment
from polymarket._internal.hmac import build_hmac_signature
from polymarket._internal.l1_auth import sign_api_key_auth
from polymarket._internal.protocol import is_v2_position_id
from polymarket._internal.wallet import (
    derive_beacon_deposit_wallet_address,
    derive_proxy_wallet_address,
    derive_safe_wallet_address,
    derive_uups_deposit_wallet_address,
    signature_type_for,
    try_classify_wallet_type,
)
from polymarket.errors import PolymarketError
from polymarket.models.clob.orders import SignedOrder as SdkOrder
from polymarket.models.types import ConditionId as SdkConditionId
from polymarket.models.types import TokenId as SdkTokenId
from polymarket.transactions import TransactionHandle
from polymarket.types import EvmAddress

from remora.domain.ids import OrderDigest
from remora.domain.orders import SignedOrder
from remora.venues.polymarket.contracts import Contracts
from remora.venues.polymarket.endpoints import Endpoints

Credentials = ApiKeyCreds
"""API key, secret and passphrase of an account."""

BuilderKey = BuilderApiKey
"""A builder's key, secret and passphrase: what authorising session keys takes."""


@dataclasses.dataclass(frozen=True, slots=True)
class WalletKind:
    """How a wallet belongs to a key: EOA, POLY_PROXY, GNOSIS_SAFE or DEPOSIT_WALLET, and its signature type."""

    name: str
    signature_type: int


CHAIN_ID = PRODUCTION_CONFIG.chain_id
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
SILENT = logging.getLogger("remora.venue.sdk")


def environment(endpoints: Endpoints) -> Environment:
    """Return the official client's environment for a venue's addresses."""
    config = dataclasses.replace(
        PRODUCTION_CONFIG,
        clob_url=endpoints.clob_url,
        gamma_url=endpoints.gamma_url,
        data_url=endpoints.data_url,
        relayer_url=endpoints.relayer_url,
        rpc_url=endpoints.rpc_url,
        clob_market_ws_url=endpoints.market_ws_url,
        clob_user_ws_url=endpoints.user_ws_url,
        rtds_ws_url=endpoints.rtds_ws_url,
        relayer_poll_frequency_ms=(
            TWIN_POLL_MS if endpoints.control_url else PRODUCTION_CONFIG.relayer_poll_frequency_ms
        ),
    )
    return create_environment(name=endpoints.name, config=config)


TWIN_POLL_MS = 200
"""Wall milliseconds between two looks at a transaction on the twin; elsewhere the client's own pace holds."""


def contract_names() -> dict[str, str]:
    """Return the client's name of every contract, by lower-case address."""
    values = dataclasses.asdict(PRODUCTION_CONFIG)
    return {
        value.lower(): name
        for name, value in values.items()
        if isinstance(value, str) and len(value) == 42 and value.startswith("0x")
    }


def pays_gas(client: AsyncSecureClient) -> bool:
    """Tell whether the wallet sends its own transactions and pays for them."""
    return client._ctx.wallet_type == "EOA"  # noqa: SLF001


async def missing_approvals(client: AsyncSecureClient) -> list[tuple[str, str]]:
    """Return (token, spender) of what is not approved, asked of the node."""
    context = client._ctx  # noqa: SLF001
    state = await get_trading_approvals_state(
        context.rpc, wallet=str(context.wallet), config=context.environment_config
    )
    dollars = [(str(one.token_address), str(one.spender)) for one in state.missing.erc20]
    return dollars + [(str(one.token_address), str(one.operator)) for one in state.missing.erc1155]


async def send_approvals(client: AsyncSecureClient, pairs: Sequence[tuple[str, str]]) -> TransactionHandle:
    """Send the approvals of (token, spender): of dollars without limit, of shares for all of them."""
    calls = [
        erc20_approval_call(token_address=EvmAddress(token), spender=EvmAddress(spender), amount=MAX_UINT256)
        if token.lower() == str(PRODUCTION_CONFIG.collateral_token).lower()
        else erc1155_set_approval_for_all_call(token_address=EvmAddress(token), operator=EvmAddress(spender))
        for token, spender in pairs
    ]
    return await client.execute_transaction(calls=calls, metadata="Trading approvals")


async def dollars_received(client: AsyncSecureClient, transaction_hash: str) -> int:
    """Return the millionths of a dollar that a transaction sent to the wallet, from its receipt."""
    context = client._ctx  # noqa: SLF001
    receipt = await context.rpc.eth_get_transaction_receipt(transaction_hash)
    logs = [] if receipt is None else receipt["logs"]
    wallet, dollars = str(context.wallet).lower()[2:], str(PRODUCTION_CONFIG.collateral_token).lower()
    return sum(
        int(log["data"], 16)
        for log in logs
        if log["address"].lower() == dollars
        and len(log["topics"]) == 3
        and log["topics"][0] == TRANSFER
        and log["topics"][2].lower().endswith(wallet)
    )


def relayer_key(key: str, address: str) -> RelayerApiKey:
    """Return the key that lets the relayer take our transactions. Secret: never log it."""
    return RelayerApiKey(key=key, address=address)


def builder_key(key: str, secret: str, passphrase: str) -> BuilderKey:
    """Return the key that authorising session keys takes. Secret: never log it."""
    return BuilderApiKey(key=key, secret=secret, passphrase=passphrase)


def is_session_key(client: AsyncSecureClient) -> bool:
    """Tell whether the key only trades for the wallet: it can then neither approve nor redeem."""
    return client._ctx.signer_type == "SESSION_KEY"  # noqa: SLF001


def contracts() -> Contracts:
    """Return the addresses of the contracts whose logs tell of trades and of shares that move."""
    config = PRODUCTION_CONFIG
    exchanges = (config.standard_exchange, config.neg_risk_exchange, config.exchange_v3)
    shares = (config.conditional_tokens, config.position_manager)
    return Contracts(
        exchanges=frozenset(str(address).lower() for address in exchanges),
        shares=frozenset(str(address).lower() for address in shares),
    )


def wire_order(order: SdkOrder, *, neg_risk: bool, api_key: str) -> SignedOrder:
    """Return the digest and the exact body of ``POST /order`` for an order that the client signed."""
    _, payload = build_post_order_request(order, owner_api_key=api_key)
    return SignedOrder(
        digest=OrderDigest(digest(order, neg_risk=neg_risk)), payload=json.dumps(payload, separators=(",", ":"))
    )


def digest(order: SdkOrder, *, neg_risk: bool) -> str:
    """Return the order's EIP-712 hash, which is the venue's order id."""
    second_protocol = is_v2_position_id(order.token_id)
    if second_protocol:
        exchange = PRODUCTION_CONFIG.exchange_v3
    else:
        exchange = PRODUCTION_CONFIG.neg_risk_exchange if neg_risk else PRODUCTION_CONFIG.standard_exchange
    unsigned = UnsignedOrder(
        chain_id=PRODUCTION_CONFIG.chain_id,
        builder=order.builder,
        exchange_address=EvmAddress(exchange),
        expiration=order.expiration,
        maker=order.maker,
        maker_amount=order.maker_amount,
        metadata=order.metadata,
        order_type=order.order_type,
        salt=order.salt,
        side=order.side,
        signature_type=0,
        signer=order.signer,
        taker_amount=order.taker_amount,
        timestamp=order.timestamp,
        token_id=order.token_id,
        protocol_version="3" if second_protocol else "2",
    )
    typed = build_order_typed_data(unsigned)
    typed["message"]["signatureType"] = order.signature_type
    message = encode_typed_data(full_message=typed)
    return "0x" + keccak(b"\x19" + message.version + message.header + message.body).hex()


def names_of_token(token_id: str) -> Literal["position_ids", "clob_token_ids"]:
    """Return the filter of market lists that finds a token: Protocol V2 calls its tokens positions."""
    return "position_ids" if is_v2_position_id(token_id) else "clob_token_ids"


def address_of(private_key: str) -> str:
    """Return the address of a key; raise ValueError for something that is no key, without showing it."""
    try:
        return str(Account.from_key(private_key).address)
    except Exception as error:
        raise ValueError("PRIVATE_KEY is not a private key: expected 0x and 64 hexadecimal digits") from error


def new_key() -> str:
    """Return a fresh private key from the system's randomness. Secret: never log it."""
    return str(Account.create().key.to_0x_hex())


def wallet_kind(private_key: str, wallet: str) -> WalletKind | None:
    """Return what a wallet is to a key, None when the key is not its owner's (a session key, or a wrong one)."""
    found = try_classify_wallet_type(
        signer=address_of(private_key), wallet=wallet, config=PRODUCTION_CONFIG.wallet_derivation
    )
    return None if found is None else WalletKind(name=found, signature_type=signature_type_for(found))


def other_wallets(private_key: str) -> dict[str, WalletKind]:
    """Return the contract wallets that the venue would make for a key, by address; most were never made."""
    signer, config = address_of(private_key), PRODUCTION_CONFIG.wallet_derivation
    derived = (
        derive_proxy_wallet_address(signer, config),
        derive_safe_wallet_address(signer, config),
        derive_uups_deposit_wallet_address(signer, config),
        derive_beacon_deposit_wallet_address(signer, config),
    )
    kinds = {wallet: wallet_kind(private_key, wallet) for wallet in derived}
    return {wallet: kind for wallet, kind in kinds.items() if kind is not None}


def ownership_headers(private_key: str, *, timestamp_s: int) -> dict[str, str]:
    """Return the L1 headers that prove a key's ownership. Secret: never log them."""
    signature = sign_api_key_auth(
        Account.from_key(private_key), chain_id=PRODUCTION_CONFIG.chain_id, timestamp=timestamp_s
    )
    return build_l1_auth_headers(signature)


def signed_headers(
    address: str, credentials: ApiKeyCreds, *, method: str, path: str, body: str | None, timestamp_s: int
) -> dict[str, str]:
    """Return the L2 headers for exactly these bytes. Secret: never log them."""
    return {
        "POLY_ADDRESS": address,
        "POLY_API_KEY": credentials.key,
        "POLY_PASSPHRASE": credentials.passphrase,
        "POLY_SIGNATURE": build_hmac_signature(
            secret=credentials.secret, timestamp=timestamp_s, method=method, path=path, body=body
        ),
        "POLY_TIMESTAMP": str(timestamp_s),
    }


def api_key(client: AsyncSecureClient) -> str:
    """Return the id of the client's API key; it owns the orders and is no secret."""
    return client._ctx.credentials.key  # noqa: SLF001


def user_channel_auth(client: AsyncSecureClient) -> dict[str, str]:
    """Return what the user channel's first frame must carry. Secret: never log it."""
    credentials = client._ctx.credentials  # noqa: SLF001
    return {
        "apiKey": credentials.key,
        "secret": credentials.secret,
        "passphrase": credentials.passphrase,
    }


def request_headers(
    client: AsyncSecureClient, *, method: str, path: str, body: str | None, timestamp_s: int
) -> dict[str, str]:
    """Return the L2 headers of the client's account for exactly these bytes. Secret: never log them."""
    context = client._ctx  # noqa: SLF001
    return signed_headers(
        context.signer.address,
        context.credentials,
        method=method,
        path=path,
        body=body,
        timestamp_s=timestamp_s,
    )


async def read_order_metadata(
    client: AsyncSecureClient, token_id: str, *, condition_id: str | None = None, again: bool = False
) -> None:
    """Let the client read a market's tick, fee and contract now; signing an order then asks nobody.

    `condition_id` spares it the question whose token this is; it finds out itself when the answer was wrong.
    `again`: what it remembers is known to be out of date.
    """
    cache, context = client._ctx.order_metadata, client._ctx  # noqa: SLF001
    token, conditions = SdkTokenId(token_id), cache._conditions  # noqa: SLF001
    told = None if token in conditions._values else condition_id  # noqa: SLF001
    if told is not None:
        conditions.set(token, SdkConditionId(told))
    read = cache.fetch_current_market if again else cache.resolve_market
    try:
        await read(context, token_id=token)
    except PolymarketError:
        if told is not None:
            # the client would believe it for ever
            conditions.discard(token)
        raise
