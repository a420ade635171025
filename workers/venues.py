"""Which venue a process trades on, as the settings say."""

from dataclasses import replace
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId
from remora.domain.paper import Settlement, paper_account
from remora.settings import Mode, Settings, SettingsError
from remora.storage.paper import PostgresPaperStore
from remora.venues.paper.venue import PaperVenue
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.public import PublicVenue
from remora.venues.polymarket.sdk import BuilderKey, Credentials, address_of, builder_key, wallet_kind
from remora.venues.polymarket.venue import PolymarketVenue
from remora.venues.venue import Venue

NOBODY = "0x" + "00" * 20
"""The wallet beside a paper account when no wallet is set."""

REHEARSAL = "_on_twin"
"""What the mode of an account's books ends with when it is paper or live on a twin."""


async def open_venue(settings: Settings, engine: AsyncEngine) -> Venue:
    """Connect to the twin, to production, or to a paper account on the markets of either.

    Raises SettingsError when a key is missing, VenueUnavailable when the venue does not answer.
    """
    if settings.mode is Mode.PAPER:
        endpoints = await endpoints_of(settings)
        return await open_paper(
            endpoints,
            engine,
            paper_account_of(settings),
            cash=settings.paper_cash_usd,
            settlement=Settlement(failed_share=settings.paper_failed_share),
        )
    return await open_trading_venue(settings)


async def open_trading_venue(settings: Settings) -> PolymarketVenue:
    """Connect an account of the twin or of production, as the settings say; raises what `open_venue` does."""
    endpoints = await endpoints_of(settings)
    if settings.mode is Mode.TWIN and not settings.twin_url:
        raise SettingsError("REMORA_TWIN_URL: expected for REMORA_MODE=twin, found nothing; use remora up")
    if settings.private_key is None:
        raise SettingsError(
            f"PRIVATE_KEY: expected for REMORA_MODE={settings.mode.value}, found nothing; "
            "set it, or let remora up do it"
        )
    key = settings.private_key.get_secret_value()
    refuse_foreign_wallet(settings, key)
    return await PolymarketVenue.create(
        endpoints,
        private_key=key,
        wallet=settings.wallet_address,
        credentials=credentials_of(settings),
        relayer_key=settings.relayer_key.get_secret_value() if settings.relayer_key else None,
        builder_key=_builder_key(settings),
    )


def refuse_foreign_wallet(settings: Settings, key: str) -> None:
    """Raise SettingsError for a wallet that is not the key's, unless the key is said to be a session key.

    The official client takes every foreign wallet for a deposit wallet and the key for its session key, and the
    venue would refuse the first order.
    """
    wallet = settings.wallet_address
    if wallet is not None and not settings.session_key and wallet_kind(key, wallet) is None:
        raise SettingsError(
            f"WALLET_ADDRESS: expected a wallet of PRIVATE_KEY's {address_of(key)}, found {wallet}; take the key "
            "that owns it, or set REMORA_SESSION_KEY=true if its owner authorised this one"
        )


def _builder_key(settings: Settings) -> BuilderKey | None:
    given = (settings.builder_key, settings.builder_secret, settings.builder_passphrase)
    if not all(given):
        return None
    key, secret, passphrase = (value.get_secret_value() for value in given if value is not None)
    return builder_key(key, secret, passphrase)


async def endpoints_of(settings: Settings) -> Endpoints:
    """Return a twin's addresses if one is named, else production's, with what the settings override."""
    found = await Endpoints.from_twin(settings.twin_url) if settings.twin_url else Endpoints.production()
    nodes = tuple(settings.rpc_ws_urls.split(",")) if settings.rpc_ws_urls else found.rpc_ws_urls
    return replace(
        found,
        geoblock_url=settings.geoblock_url or found.geoblock_url,
        rpc_url=settings.rpc_url or found.rpc_url,
        rpc_ws_urls=nodes,
    )


def credentials_of(settings: Settings) -> Credentials | None:
    """Return the API credentials that the user gave, None to derive them from the key."""
    given = (settings.api_key, settings.api_secret, settings.api_passphrase)
    if not all(given):
        return None
    key, secret, passphrase = (value.get_secret_value() for value in given if value is not None)
    return Credentials(key=key, secret=secret, passphrase=passphrase)


async def open_paper(
    endpoints: Endpoints,
    engine: AsyncEngine,
    account: AccountId,
    *,
    cash: Decimal,
    settlement: Settlement | None = None,
) -> PaperVenue:
    """Connect a paper account to a venue's markets."""
    markets = await PublicVenue.connect(endpoints)
    try:
        store = PostgresPaperStore(engine)
        return await PaperVenue.open(markets, store, account, cash=cash, settlement=settlement)
    except BaseException:
        await markets.close()
        raise


def books_mode(settings: Settings) -> str:
    """Return the mode of an account's books: production never continues a rehearsal on a twin."""
    rehearsal = settings.mode is not Mode.TWIN and settings.twin_url is not None
    return f"{settings.mode.value}{REHEARSAL}" if rehearsal else settings.mode.value


def positions_mode(books: str) -> Mode:
    """Return the mode that positions on an account's books show: a rehearsal's is the one that is rehearsed."""
    return Mode(books.removesuffix(REHEARSAL))


def paper_account_of(settings: Settings) -> AccountId:
    """Return the paper account beside the wallet of the settings, or beside nobody's."""
    wallet = settings.wallet_address
    if wallet is None and settings.private_key is not None:
        wallet = address_of(settings.private_key.get_secret_value())
    return paper_account(wallet or NOBODY, books=books_mode(settings))
