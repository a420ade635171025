"""Who may move a wallet's dollars and shares. A wallet has approved everything unless told to start without."""

from dataclasses import dataclass, field

from remora.venues.twin.chain import contracts as at

UNLIMITED = 2**256 - 1

ERC20_SPENDERS = (
    at.STANDARD_EXCHANGE,
    at.NEG_RISK_EXCHANGE,
    at.ADAPTER,
    at.NEG_RISK_ADAPTER,
    at.ROUTER,
    at.EXCHANGE_V3,
    at.PERPS,
)
ERC1155_OPERATORS = (
    (at.CONDITIONAL_TOKENS, at.STANDARD_EXCHANGE),
    (at.CONDITIONAL_TOKENS, at.NEG_RISK_EXCHANGE),
    (at.CONDITIONAL_TOKENS, at.ADAPTER),
    (at.CONDITIONAL_TOKENS, at.NEG_RISK_ADAPTER),
    (at.CONDITIONAL_TOKENS, at.AUTO_REDEEM),
    (at.CONDITIONAL_TOKENS, at.BINARY_MODULE),
    (at.CONDITIONAL_TOKENS, at.NEG_RISK_MODULE),
    (at.POSITION_MANAGER, at.ROUTER),
    (at.POSITION_MANAGER, at.EXCHANGE_V3),
    (at.POSITION_MANAGER, at.AUTO_REDEEM),
)
"""What trading on the venue needs, by token contract and spender."""


@dataclass(slots=True)
class Allowances:
    """Approvals by wallet; only what differs from a fully approved wallet is kept."""

    _dollars: dict[tuple[str, str], int] = field(default_factory=dict)
    _shares: dict[tuple[str, str, str], bool] = field(default_factory=dict)
    _bare: set[str] = field(default_factory=set)

    def dollars(self, owner: str, spender: str) -> int:
        """Return how many millionths of a dollar `spender` may take."""
        default = UNLIMITED if owner not in self._bare and spender in ERC20_SPENDERS else 0
        return self._dollars.get((owner, spender), default)

    def shares(self, contract: str, owner: str, operator: str) -> bool:
        """Tell whether `operator` may move all shares that `contract` keeps for `owner`."""
        default = owner not in self._bare and (contract, operator) in ERC1155_OPERATORS
        return self._shares.get((contract, owner, operator), default)

    def approve(self, owner: str, spender: str, amount: int) -> None:
        """Set an allowance of dollars."""
        self._dollars[owner, spender] = amount

    def approve_all(self, contract: str, owner: str, operator: str, *, approved: bool) -> None:
        """Let an operator move all shares, or no longer."""
        self._shares[contract, owner, operator] = approved

    def revoke_all(self, owner: str) -> None:
        """Make a wallet one that never approved anything."""
        self._bare.add(owner)
        self._dollars = {key: value for key, value in self._dollars.items() if key[0] != owner}
        self._shares = {key: value for key, value in self._shares.items() if key[1] != owner}
