"""Deterministic names for things that a scenario invents: markets, tokens, wallets, transactions."""

from hashlib import sha256

from remora.domain.ids import ConditionId, TokenId, WalletAddress


def _digest(*parts: object) -> bytes:
    return sha256("\x1f".join(str(part) for part in parts).encode()).digest()


def condition_id(*parts: object) -> ConditionId:
    """Return the 32-byte market id derived from `parts`, the same on every run."""
    return ConditionId("0x" + _digest("condition", *parts).hex())


def token_ids(condition: ConditionId) -> tuple[TokenId, TokenId]:
    """Return the two outcome tokens of a market as decimal integers of up to 78 digits."""
    first, second = (int.from_bytes(_digest("token", condition, index)) for index in (0, 1))
    return TokenId(str(first)), TokenId(str(second))


def second_protocol_ids(*parts: object, neg_risk: bool) -> tuple[ConditionId, tuple[TokenId, TokenId]]:
    """Return the market id and the positions of a Protocol-V2 market.

    A position is the module's number (1 binary, 2 neg-risk), 18 bytes of a hash, 8 zero bytes, 4 more bytes, and
    the outcome; the market is the position of outcome 0.
    """
    digest = _digest("second protocol", *parts)
    market = bytes([2 if neg_risk else 1]) + digest[:18] + bytes(8) + digest[18:22]
    positions = [TokenId(str(int.from_bytes(market + bytes([outcome])))) for outcome in (0, 1)]
    return ConditionId("0x" + market.hex() + "00"), (positions[0], positions[1])


def question_id(condition: ConditionId) -> str:
    """Return the oracle's question id of a market."""
    return "0x" + _digest("question", condition).hex()


def wallet_address(*parts: object) -> WalletAddress:
    """Return a wallet derived from `parts`; nobody holds its key."""
    return WalletAddress("0x" + _digest("wallet", *parts).hex()[:40])


def transaction_hash(*parts: object) -> str:
    """Return a transaction hash derived from `parts`."""
    return "0x" + _digest("transaction", *parts).hex()


def numeric_id(*parts: object) -> str:
    """Return a positive decimal id that fits 31 bits, as Gamma gives its events and markets."""
    return str(int.from_bytes(_digest("number", *parts)[:4]) % 2_000_000_000 + 100_000)


_ADJECTIVES = [
    "Amber",
    "Brisk",
    "Calm",
    "Dapper",
    "Eager",
    "Fabled",
    "Gentle",
    "Humble",
    "Idle",
    "Jolly",
    "Keen",
    "Lucid",
    "Mellow",
    "Nimble",
    "Odd",
    "Plucky",
]
_NOUNS = [
    "Anchor",
    "Beacon",
    "Comet",
    "Drifter",
    "Ember",
    "Falcon",
    "Garnet",
    "Harbor",
    "Island",
    "Juniper",
    "Kestrel",
    "Ledger",
    "Meteor",
    "Nomad",
]


def pseudonym(wallet: WalletAddress) -> str:
    """Return the two-word name that the venue shows for a wallet without a profile."""
    digest = _digest("pseudonym", wallet)
    return f"{_ADJECTIVES[digest[0] % len(_ADJECTIVES)]}-{_NOUNS[digest[1] % len(_NOUNS)]}"
