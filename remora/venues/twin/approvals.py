"""Token approvals of a wallet as the Data API lists them."""

from typing import Any

from eth_utils.address import to_checksum_address

from remora.domain.ids import WalletAddress
from remora.venues.twin.chain import contracts as at
from remora.venues.twin.chain.allowances import ERC20_SPENDERS, ERC1155_OPERATORS, UNLIMITED, Allowances

CHAIN_ID = 137


def approvals_json(user: WalletAddress, allowances: Allowances) -> dict[str, Any]:
    """Return the ``data`` of ``/v2/approvals``."""
    owner = user.lower()
    contracts: list[dict[str, Any]] = []
    for spender in ERC20_SPENDERS:
        amount = allowances.dollars(owner, spender)
        contracts.append(
            {
                "token": to_checksum_address(at.COLLATERAL),
                "spender": to_checksum_address(spender),
                "standard": "ERC20",
                "approved": amount > 0,
                "amount": "max" if amount == UNLIMITED else str(amount),
            }
        )
    contracts += [
        {
            "token": to_checksum_address(contract),
            "spender": to_checksum_address(operator),
            "standard": "ERC1155",
            "approved": allowances.shares(contract, owner, operator),
            "amount": None,
        }
        for contract, operator in ERC1155_OPERATORS
    ]
    return {"address": user, "chain_id": CHAIN_ID, "contracts": contracts}
