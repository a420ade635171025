"""What our account does on the chain: approvals, and shares of resolved markets turned into dollars.

An externally owned account signs and pays for its own transactions; the owners of the other wallets sign for the
relayer, which needs a key of its own.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal

from polymarket import AsyncSecureClient

from remora.domain.market import Market
from remora.domain.money import ZERO, from_micros
from remora.venues.polymarket import sdk
from remora.venues.polymarket.translate import translated
from remora.venues.venue import VenueRefused, VenueUnavailable

OTHER_CHAIN = "RPC chain id"
"""How the official client begins when the node serves another chain; it asks before it signs."""

NAMES = {
    "standard_exchange": "exchange",
    "neg_risk_exchange": "neg-risk exchange",
    "exchange_v3": "exchange of Protocol V2",
    "collateral_adapter": "adapter (split, merge, redeem)",
    "neg_risk_collateral_adapter": "neg-risk adapter",
    "protocol_v2_router": "router of Protocol V2",
    "auto_redeem_operator": "automatic redemption",
    "binary_module": "binary module",
    "neg_risk_module": "neg-risk module",
    "collateral_token": "pUSD",
    "conditional_tokens": "shares (conditional tokens)",
    "position_manager": "shares of Protocol V2",
}
"""What a person calls the contracts, by their names in the official client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One permission that trading needs: `spender` may move all of the wallet's `token`."""

    token: str
    token_name: str
    spender: str
    spender_name: str


@dataclass(frozen=True, slots=True)
class Granted:
    """A permission is on the chain now."""

    approval: Approval
    transaction_hash: str


class OnChain:
    """Reads from a node and sends transactions through it, or through the relayer."""

    def __init__(self, client: AsyncSecureClient) -> None:
        self._client = client

    async def missing_approvals(self) -> list[Approval]:
        """Return what is not approved, as the node says right now."""
        async with translated("reading approvals"):
            missing = await sdk.missing_approvals(self._client)
        names = sdk.contract_names()
        return [
            Approval(
                token=token,
                token_name=NAMES.get(names.get(token.lower(), ""), token),
                spender=spender,
                spender_name=NAMES.get(names.get(spender.lower(), ""), spender),
            )
            for token, spender in missing
        ]

    async def approve(self, approvals: list[Approval]) -> AsyncIterator[Granted]:
        """Grant permissions and wait for each; an owner of a contract wallet signs them all at once."""
        if sdk.is_session_key(self._client):
            raise VenueRefused("a session key cannot approve: run it once with the owner's key")
        pairs = [(approval.token, approval.spender) for approval in approvals]
        batches = [[pair] for pair in pairs] if sdk.pays_gas(self._client) else [pairs]
        done = 0
        for batch in batches:
            async with translated("approving"):
                handle = await sdk.send_approvals(self._client, batch)
                outcome = await handle.wait()
            for approval in approvals[done : done + len(batch)]:
                yield Granted(approval, str(outcome.transaction_hash))
            done += len(batch)

    async def redeem(self, market: Market) -> Decimal:
        """Redeem all shares of a resolved market; return the dollars credited, 0 when nothing was held.

        Raises VenueUnavailable for a node of another chain, and with a session key until the venue has redeemed by
        itself: nothing was sent, and asking again may help.
        """
        condition = market.condition_id
        if not await self._holds(market):
            return ZERO
        if sdk.is_session_key(self._client):
            raise VenueUnavailable(
                f"redeeming {condition}: a session key cannot; the venue's automatic redemption does, or the owner"
            )
        try:
            async with translated(f"redeeming {condition}"):
                handle = await self._client.redeem_positions(condition_id=condition)
                outcome = await handle.wait()
                return from_micros(await sdk.dollars_received(self._client, str(outcome.transaction_hash)))
        except VenueRefused as error:
            if OTHER_CHAIN in str(error):
                raise VenueUnavailable(str(error)) from error
            raise

    async def _holds(self, market: Market) -> bool:
        async with translated("reading what can be redeemed"):
            for outcome in market.outcomes:
                found = await self._client.get_balance_allowance(
                    asset_type="CONDITIONAL", token_id=outcome.token_id
                )
                if found.balance > 0:
                    return True
        return False
