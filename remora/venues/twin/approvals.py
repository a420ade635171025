"""Token approvals of a wallet: the twin moves its own books, so every spender counts as approved."""

from typing import Any

from remora.domain.ids import WalletAddress

CHAIN_ID = 137
_COLLATERAL = "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB"
_CONDITIONAL = "0x4D97DCd97eC945f40cF65F87097ACe5EA0476045"
_POSITIONS = "0x006F54F7f9A22e0000CC2AB60031000000ae9fEF"
_EXCHANGE = "0xE111180000d2663C0091e4f400237545B87B996B"
_NEG_RISK_EXCHANGE = "0xe2222d279d744050d28e00520010520000310F59"
_ADAPTER = "0xAdA100Db00Ca00073811820692005400218FcE1f"
_NEG_RISK_ADAPTER = "0xadA2005600Dec949baf300f4C6120000bDB6eAab"
_ROUTER = "0x12121212006e4CD160D18e3f00711DA5c3372600"
_EXCHANGE_V3 = "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa"
_PERPS = "0xDCa4af75705dbB50f62437045afF9921947917d2"
_AUTO_REDEEM = "0xa1200000d0002264C9a1698e001292D00E1b00af"
_BINARY_MODULE = "0x1000008dD9001B968442c1000017eaE6E0dA00Ba"
_NEG_RISK_MODULE = "0x200000900045e3B6259600682756002200028933"

_ERC20 = (_EXCHANGE, _NEG_RISK_EXCHANGE, _ADAPTER, _NEG_RISK_ADAPTER, _ROUTER, _EXCHANGE_V3, _PERPS)
_ERC1155 = (
    *((_CONDITIONAL, spender) for spender in (_EXCHANGE, _NEG_RISK_EXCHANGE, _ADAPTER, _NEG_RISK_ADAPTER)),
    *((_CONDITIONAL, spender) for spender in (_AUTO_REDEEM, _BINARY_MODULE, _NEG_RISK_MODULE)),
    *((_POSITIONS, spender) for spender in (_ROUTER, _EXCHANGE_V3, _AUTO_REDEEM)),
)


def approvals_json(user: WalletAddress) -> dict[str, Any]:
    """Return the ``data`` of ``/v2/approvals``."""
    contracts: list[dict[str, Any]] = [
        {"token": _COLLATERAL, "spender": spender, "standard": "ERC20", "approved": True, "amount": "max"}
        for spender in _ERC20
    ]
    contracts += [
        {"token": token, "spender": spender, "standard": "ERC1155", "approved": True, "amount": None}
        for token, spender in _ERC1155
    ]
    return {"address": user, "chain_id": CHAIN_ID, "contracts": contracts}
