"""A look at an account, its wallet and the chain that changes nothing: no key is made, no wallet deployed."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx

from remora.domain.money import from_micros
from remora.venues.polymarket import sdk
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.venue import VenueRefused, VenueUnavailable

TIMEOUT_S = 8.0
BUSY_MAX = 20
UNAUTHORISED = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFacts:
    """What the RPC node says: the chain it serves, its newest block, and the signer's coins and transactions."""

    chain_id: int
    block_at: datetime
    coins: Decimal
    transactions: int


class AccountProbe:
    """Reads about one key and one wallet. Every method raises VenueUnavailable or VenueRefused."""

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        private_key: str,
        wallet: str | None,
        credentials: sdk.Credentials | None,
        now: Callable[[], datetime],
    ) -> None:
        self._endpoints = endpoints
        self._key = private_key
        self._credentials = credentials
        self._now = now
        self.signer = sdk.address_of(private_key)
        self.wallet = wallet or self.signer
        self.kind = sdk.wallet_kind(private_key, self.wallet)

    def other_wallets(self) -> dict[str, sdk.WalletKind]:
        """Return the contract wallets that the key could own, by address."""
        return sdk.other_wallets(self._key)

    async def api_key(self) -> bool:
        """Return whether the account has credentials that work; True for given ones that the venue takes.

        Given credentials that it does not take raise VenueRefused.
        """
        if self._credentials is None:
            headers = sdk.ownership_headers(self._key, timestamp_s=int(self._now().timestamp()))
            found = await _get(self._endpoints.clob_url, "/auth/derive-api-key", {}, headers)
            if found.status_code == 400:
                return False
            body = _body(found)
            self._credentials = sdk.Credentials(
                key=body["apiKey"], secret=body["secret"], passphrase=body["passphrase"]
            )
        keys = await self._signed("/auth/api-keys", {})
        return self._credentials.key in keys.get("apiKeys", ())

    async def user_auth(self) -> dict[str, str] | None:
        """Return what opens the user channel, None before the account has credentials. Secret: never log it."""
        if self._credentials is None and not await self.api_key():
            return None
        made = self._credentials
        assert made is not None
        return {"apiKey": made.key, "secret": made.secret, "passphrase": made.passphrase}

    async def closed_only(self) -> bool:
        """Return whether the account may only close positions."""
        return bool((await self._signed("/auth/ban-status/closed-only", {}))["closed_only"])

    async def cash(self) -> Decimal:
        """Return the dollars that the venue sees."""
        kind = 3 if self.kind is None else self.kind.signature_type
        params = {"asset_type": "COLLATERAL", "signature_type": str(kind)}
        return from_micros(int((await self._signed("/balance-allowance", params))["balance"]))

    async def missing_approvals(self) -> list[str]:
        """Return the pairs (token and spender, shortened) that trading needs and that are not approved."""
        found = _body(await _get(self._endpoints.data_url, "/v2/approvals", {"user": self.wallet.lower()}, {}))
        return [
            f"{row['standard']} {str(row['token'])[:8]} for {str(row['spender'])[:8]}"
            for row in found["data"]["contracts"]
            if not row["approved"]
        ]

    async def chain(self) -> ChainFacts:
        """Return what the RPC node says."""
        asks: list[tuple[str, list[Any]]] = [
            ("eth_chainId", []),
            ("eth_getBlockByNumber", ["latest", False]),
            ("eth_getBalance", [self.signer, "latest"]),
            ("eth_getTransactionCount", [self.signer, "latest"]),
        ]
        chain_id, block, balance, count = [await self._rpc(method, params) for method, params in asks]
        return ChainFacts(
            chain_id=int(chain_id, 16),
            block_at=datetime.fromtimestamp(int(block["timestamp"], 16), tz=UTC),
            coins=Decimal(int(balance, 16)).scaleb(-18),
            transactions=int(count, 16),
        )

    async def _rpc(self, method: str, params: list[Any]) -> Any:
        ask = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                answer = (await client.post(self._endpoints.rpc_url, json=ask)).raise_for_status().json()
            return answer["result"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise VenueUnavailable(f"the RPC node: {type(error).__name__} on {method}") from error

    async def _signed(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        if self._credentials is None:
            raise VenueUnavailable("no credentials yet")
        headers = sdk.signed_headers(
            self.signer,
            self._credentials,
            method="GET",
            path=path,
            body=None,
            timestamp_s=int(self._now().timestamp()),
        )
        return _body(await _get(self._endpoints.clob_url, path, params, headers))


async def venue_time(endpoints: Endpoints) -> datetime:
    """Return the venue's wall clock, to the second; raise VenueUnavailable."""
    found = await _get(endpoints.clob_url, "/time", {}, {})
    try:
        return datetime.fromtimestamp(int(found.raise_for_status().text), tz=UTC)
    except (httpx.HTTPError, ValueError) as error:
        raise VenueUnavailable(f"the venue's time: {type(error).__name__}") from error


async def reads_until(endpoints: Endpoints) -> datetime:
    """Return up to when the Data API shows trades; raise VenueUnavailable."""
    try:
        found = _body(await _get(endpoints.data_url, "/v2/status", {}, {}))["data"]
        return datetime.fromtimestamp(int(found["as_of"]), tz=UTC)
    except (KeyError, TypeError, ValueError) as error:
        raise VenueUnavailable("the Data API does not say how fresh it is") from error


async def busy_tokens(endpoints: Endpoints) -> list[str]:
    """Return a token of each of some open markets, those with the most volume first; raise VenueUnavailable."""
    params = {"closed": "false", "limit": str(BUSY_MAX), "order": "volumeNum", "ascending": "false"}
    found = _body(await _get(endpoints.gamma_url, "/markets/keyset", params, {}))
    try:
        listed = [market.get("clobTokenIds") or "[]" for market in found.get("markets", ())]
        tokens = [json.loads(each) if isinstance(each, str) else each for each in listed]
    except (AttributeError, ValueError) as error:
        raise VenueUnavailable("the list of markets cannot be read") from error
    return [str(each[0]) for each in tokens if each]


async def _get(base: str, path: str, params: dict[str, str], headers: dict[str, str]) -> httpx.Response:
    try:
        async with httpx.AsyncClient(base_url=base, timeout=TIMEOUT_S) as client:
            return await client.get(path, params=params, headers=headers)
    except httpx.HTTPError as error:
        raise VenueUnavailable(f"{path}: {type(error).__name__}") from error


def _body(answer: httpx.Response) -> dict[str, Any]:
    """Return a JSON object; the venue's words about a refusal carry nothing secret."""
    path = answer.request.url.path
    if answer.status_code == UNAUTHORISED:
        raise VenueRefused(f"{path}: the venue does not take the credentials (401)")
    if answer.status_code >= 400:
        raise VenueUnavailable(f"{path}: status {answer.status_code}")
    try:
        found = answer.json()
    except ValueError as error:
        raise VenueUnavailable(f"{path}: not JSON") from error
    if not isinstance(found, dict):
        raise VenueUnavailable(f"{path}: an object was expected")
    return found
