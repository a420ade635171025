"""Give a new account of the twin its play money, once: ``python -m workers.funding``."""

import sys
from datetime import UTC, datetime
from decimal import Decimal

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId
from remora.domain.money import MICRO, ZERO, floor_to
from remora.process import run_loop
from remora.settings import Mode, Settings, SettingsError, load_settings
from remora.storage import ledger
from remora.storage.desk import DeskMissing, load_desk
from remora.storage.desk_orders import record_transfer
from remora.storage.engine import create_engine
from remora.venues.polymarket.sdk import address_of
from workers.servers import UNAVAILABLE

TIMEOUT_S = 10.0
REFERENCE = "transfer:play-money"
"""Under which a desk that was opened without money has its first deposit, once."""

NEVER_TRADED = frozenset({ledger.CASH, "deposits"})
"""The books of an account that only ever got money."""


class Forgotten(Exception):
    """The twin lost an account that has traded; the message ends with the next step."""


async def fund(engine: AsyncEngine, twin_url: str, account: AccountId, *, dollars: Decimal) -> Decimal:
    """Credit a new account of the twin; return what it got, 0 if the twin knows it.

    Raises Forgotten when our books know of trades and the twin of nothing.
    """
    async with httpx.AsyncClient(base_url=twin_url, trust_env=False, timeout=TIMEOUT_S) as control:
        known = (await control.get(f"/books/{account}")).raise_for_status().json()
        if Decimal(known["deposits"]) > 0:
            return ZERO
        credit = await _credit(engine, account, dollars=floor_to(dollars, MICRO))
        if credit > 0:
            body = {"address": account, "cash": f"{credit:f}"}
            (await control.post("/accounts", json=body)).raise_for_status()
        return credit


async def _credit(engine: AsyncEngine, account: AccountId, *, dollars: Decimal) -> Decimal:
    """Return the dollars that a new account should have, as its books have them if they are open."""
    try:
        desk = await load_desk(engine, account)
    except DeskMissing:
        return dollars  # the trading worker opens its books with what the twin shows
    if desk.venue_mode != Mode.TWIN.value:
        return ZERO
    async with engine.connect() as connection:
        books = await ledger.balances(connection, account)
    if not books:
        await record_transfer(
            *(engine, account, dollars),
            reference=REFERENCE,
            by="remora",
            reason="play money on the twin",
            now=datetime.now(UTC),
        )
        return dollars
    cash = books.get((ledger.CASH, ledger.USD), ZERO)
    if not {book for book, _unit in books} <= NEVER_TRADED:
        raise Forgotten(
            f"the twin knows nothing of {account}, which has traded and whose books hold ${cash:.2f}: its state "
            "is gone. Put it back, or begin anew: stop everything, then start with a fresh REMORA_STATE_DIR "
            "(with Compose: docker compose down --volumes)"
        )
    return cash  # booked by a run that ended before the twin had it


async def fund_account(settings: Settings) -> str:
    """Fund the account of the settings, in twin mode only; return what was done.

    Raises SettingsError when an address or the key is missing.
    """
    if settings.mode is not Mode.TWIN:
        return f"nothing to do: REMORA_MODE={settings.mode.value}"
    database, twin_url, key = settings.database_url, settings.twin_url, settings.private_key
    if database is None or twin_url is None or key is None:
        raise SettingsError(
            "DATABASE_URL, REMORA_TWIN_URL and PRIVATE_KEY: expected all three, found some missing; "
            "set them, or let remora up do it"
        )
    account = AccountId((settings.wallet_address or address_of(key.get_secret_value())).lower())
    engine = create_engine(database)
    try:
        given = await fund(engine, twin_url, account, dollars=settings.twin_cash_usd)
    finally:
        await engine.dispose()
    return f"{account} got ${given:.2f} on the twin" if given else f"{account} has an account on the twin already"


async def _main() -> int:
    try:
        told = await fund_account(load_settings())
    except httpx.HTTPError as error:
        sys.stderr.write(f"the twin: {type(error).__name__}: {error}\n")
        return UNAVAILABLE
    sys.stdout.write(f"{told}\n")
    return 0


def main() -> int:
    """Run once; return 0, 1 if the twin forgot the account, or 4 if it does not answer."""
    try:
        return run_loop(_main())
    except (SettingsError, Forgotten) as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
