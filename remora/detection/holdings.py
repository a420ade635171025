"""Our open positions as the watcher knows them."""

from collections.abc import Sequence
from dataclasses import dataclass

from remora.domain.ids import ConditionId, TokenId, WalletAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An open position."""

    position_id: str
    workflow_id: str
    whale: WalletAddress
    token_id: TokenId
    condition_id: ConditionId


class Holdings:
    """Open positions as last read from the database."""

    def __init__(self) -> None:
        self.held: tuple[Held, ...] = ()

    def replace(self, held: Sequence[Held]) -> None:
        """Take the database's newest word."""
        self.held = tuple(held)

    @property
    def whales(self) -> frozenset[WalletAddress]:
        """Return the whales whose holdings we copy."""
        return frozenset(position.whale for position in self.held)

    @property
    def tokens(self) -> frozenset[TokenId]:
        """Return the tokens we hold."""
        return frozenset(position.token_id for position in self.held)

    @property
    def conditions(self) -> frozenset[ConditionId]:
        """Return the markets we hold something of."""
        return frozenset(position.condition_id for position in self.held)

    def held_by(self, whale: WalletAddress, token_id: TokenId) -> bool:
        """Tell whether we copy a whale's holding in a token."""
        return any(position.whale == whale and position.token_id == token_id for position in self.held)

    def turned_round(self, whale: WalletAddress, condition_id: ConditionId, token_id: TokenId) -> bool:
        """Tell whether we copy the whale in another outcome of the market: its purchase is a sale to us."""
        return any(
            position.whale == whale and position.token_id != token_id for position in self.of_market(condition_id)
        )

    def of_market(self, condition_id: ConditionId) -> list[Held]:
        """Return the positions in one market."""
        return [position for position in self.held if position.condition_id == condition_id]
