"""Keys that the owner of a deposit wallet let trade for it, until they expire or are taken back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from remora.venues.twin.auth.wallets import SignatureType, all_wallets, wallets_of

TRADING_SCOPES = frozenset({"ALL", "CLOB"})


@dataclass(frozen=True, slots=True)
class Grant:
    """What one session key may do, and until when (Unix seconds)."""

    scopes: tuple[str, ...]
    valid_until: int


@dataclass(slots=True)
class SessionKeys:
    """Every grant, by wallet and by session key; all addresses in lower case."""

    now: Callable[[], datetime]
    _grants: dict[str, dict[str, Grant]] = field(default_factory=dict)

    def authorise(self, wallet: str, key: str, grant: Grant) -> None:
        """Let a key trade for a wallet; an earlier grant is replaced."""
        self._grants.setdefault(wallet.lower(), {})[key.lower()] = grant

    def revoke(self, wallet: str, key: str) -> None:
        """Take a grant back."""
        self._grants.get(wallet.lower(), {}).pop(key.lower(), None)

    def of(self, wallet: str) -> dict[str, Grant]:
        """Return the grants of a wallet that are in force, by key."""
        now = self.now().timestamp()
        return {key: one for key, one in self._grants.get(wallet.lower(), {}).items() if one.valid_until > now}

    def wallets_for(self, key: str) -> frozenset[str]:
        """Return the deposit wallets that a key may trade for though it owns none of them."""
        granted = ((wallet, self.of(wallet).get(key.lower())) for wallet in self._grants)
        return frozenset(wallet for wallet, one in granted if one and TRADING_SCOPES & set(one.scopes))

    def wallets_of(self, key: str, kind: SignatureType) -> frozenset[str]:
        """Return the wallets of one kind that a key owns or may trade for."""
        own = wallets_of(key)[kind]
        return own | self.wallets_for(key) if kind is SignatureType.DEPOSIT else own

    def all_wallets(self, key: str) -> frozenset[str]:
        """Return every wallet that a key owns or may trade for."""
        return all_wallets(key) | self.wallets_for(key)
