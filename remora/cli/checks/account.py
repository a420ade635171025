"""The account: key and wallet, signature type, credentials, money, approvals, gas, region."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from remora.cli.checks.finding import Check, Finding, fail, ok, skip, warn
from remora.settings import Mode
from remora.venues.polymarket.access import region
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.probe import AccountProbe, ChainFacts
from remora.venues.polymarket.public import utc_now, venue_clock
from remora.venues.venue import VenueRefused

POLYGON = 137
BLOCK_AGE_MAX = timedelta(seconds=30)
GAS_MIN = Decimal("0.1")
MAIN_WALLET_TRANSACTIONS = 500
MAIN_WALLET_COINS = Decimal(500)
KINDS = {
    "EOA": "an ordinary key's own account: it pays its own gas",
    "POLY_PROXY": "a proxy, as accounts made with an e-mail address had until 2025",
    "GNOSIS_SAFE": "a Safe, as accounts made with a browser wallet had until 2026",
    "DEPOSIT_WALLET": "a deposit wallet, as new accounts get since 2026",
}


def checks(
    endpoints: Endpoints, probe: AccountProbe | None, *, mode: Mode, cash_min: Decimal, session_key: bool = False
) -> list[Check]:
    """Return the checks of an account; without a key, only of the region."""

    async def from_here() -> Finding:
        blocked, country = await region(endpoints.geoblock_url)
        if blocked:
            todo = "Only closing, or nothing, is possible from here. Do not get around it: the terms forbid that."
            return fail("region", f"the venue takes no orders from {country}", todo)
        return ok("region", f"{country}: the venue takes orders; check the terms for where you live as well")

    found = [Check("region", from_here, "The venue cannot be asked: see the network, then REMORA_GEOBLOCK_URL.")]
    if probe is None:
        return found
    asked = probe

    async def wallet() -> Finding:
        return wallet_match(asked, session_key=session_key)

    async def venue_account() -> Sequence[Finding]:
        return await _account(asked, mode=mode, cash_min=cash_min)

    async def approvals() -> Finding:
        missing = await asked.missing_approvals()
        if missing:
            found = f"{len(missing)} missing: {', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}"
            return fail("approvals", found, "Run `remora approve`: it shows what it will do and asks.")
        return ok("approvals", "every contract that trading needs may move the wallet's dollars and shares")

    async def chain() -> Sequence[Finding]:
        facts, clock = await asyncio.gather(asked.chain(), venue_clock(endpoints, utc_now))
        facts = replace(facts, block_at=clock.wall_time(facts.block_at))
        return chain_findings(facts, probe=asked, now=datetime.now(UTC))

    return [
        *found,
        Check("wallet", wallet, "See PRIVATE_KEY and WALLET_ADDRESS."),
        Check("account", venue_account, "See PRIVATE_KEY, WALLET_ADDRESS and the POLYMARKET_ variables."),
        Check("approvals", approvals, "Try again later: the Data API does not answer."),
        Check("chain", chain, "The RPC node does not answer as it should: use another."),
    ]


def wallet_match(probe: AccountProbe, *, session_key: bool = False) -> Finding:
    """Return whether the key may sign for the wallet, and in which of the venue's ways."""
    if probe.kind is None and session_key:
        found = f"PRIVATE_KEY's {probe.signer} trades for deposit wallet {probe.wallet} as its session key"
        todo = "Only the owner can see until when: run `remora session-key list` with the owner's key."
        return warn("wallet", found, todo)
    if probe.kind is None:
        todo = (
            "Take the key that owns it; or, if its owner authorised this one, set REMORA_SESSION_KEY=true; or set "
            f"WALLET_ADDRESS to a wallet of this key: {_others(probe)}."
        )
        found = f"{probe.wallet} belongs to another key than PRIVATE_KEY's {probe.signer}"
        return fail("wallet", found, todo)
    kind = probe.kind
    found = f"signature type {kind.signature_type}: {KINDS[kind.name]}"
    if probe.wallet.lower() == probe.signer.lower():  # what is traded with when WALLET_ADDRESS is forgotten
        found += f"; if the money is in another wallet of this key, set WALLET_ADDRESS to it: {_others(probe)}"
    return ok("wallet", found)


def _others(probe: AccountProbe) -> str:
    """Return the wallets that the key could own with what they are, so that a person can choose."""
    return ", ".join(
        f"{wallet} (type {kind.signature_type}: {KINDS[kind.name]})"
        for wallet, kind in probe.other_wallets().items()
    )


async def _account(probe: AccountProbe, *, mode: Mode, cash_min: Decimal) -> Sequence[Finding]:
    try:
        has_key = await probe.api_key()
    except VenueRefused as error:
        todo = "Remove the three POLYMARKET_ variables: they are derived from PRIVATE_KEY."
        return [fail("credentials", f"{error}", todo)]
    if not has_key:
        return [warn("credentials", "the venue has no API key for this account", "It is made at the first start.")]
    findings = [ok("credentials", "the venue takes them")]
    if await probe.closed_only():
        todo = "Ask the venue why; until then only exits are possible."
        findings.append(fail("account mode", "the venue lets this account only close positions", todo))
    else:
        findings.append(ok("account mode", "may open and close"))
    cash = await probe.cash()
    if cash < cash_min:
        todo = (
            "Deposit pUSD, little at first; or see the wallet above."
            if mode is Mode.LIVE
            else "Fund the account: `POST /accounts`."
        )
        findings.append(fail("cash", f"${cash}: less than the smallest order", todo))
    else:
        findings.append(ok("cash", f"${cash}"))
    return findings


def chain_findings(facts: ChainFacts, *, probe: AccountProbe, now: datetime) -> list[Finding]:
    """Return what an RPC node's answers say about node, gas and wallet."""
    if facts.chain_id != POLYGON:
        todo = "Point to a node of Polygon (chain 137): approvals on another chain are lost."
        return [fail("rpc", f"the node serves chain {facts.chain_id}, expected {POLYGON}", todo)]
    age = now - facts.block_at
    findings = [ok("rpc", f"chain {POLYGON}, newest block {age.total_seconds():.0f} s old")]
    if age > BLOCK_AGE_MAX:
        found = f"the node's newest block is {age.total_seconds():.0f} s old"
        findings = [fail("rpc", found, "Use another node: this one lags, and shows whales' trades late.")]
    findings.append(_gas(facts, probe))
    if facts.transactions > MAIN_WALLET_TRANSACTIONS or facts.coins > MAIN_WALLET_COINS:
        found = f"the key sent {facts.transactions} transactions and holds {facts.coins:.0f} POL"
        todo = "It looks like a main wallet: use a fresh one that holds only what you can lose."
        findings.append(warn("main wallet", found, todo))
    return findings


def _gas(facts: ChainFacts, probe: AccountProbe) -> Finding:
    if probe.kind is None or probe.kind.name != "EOA":
        return skip("gas", "the relayer pays for this kind of wallet")
    found = f"{facts.coins:.4f} POL"
    if facts.coins < GAS_MIN:
        todo = f"Send at least {GAS_MIN} POL to {probe.signer}: approvals and redemptions need it."
        return fail("gas", found, todo)
    return ok("gas", found)
