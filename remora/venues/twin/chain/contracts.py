"""Addresses of the venue's contracts, and the topics and selectors by which calls and logs name what they mean."""

from eth_utils.crypto import keccak

STANDARD_EXCHANGE = "0xe111180000d2663c0091e4f400237545b87b996b"
NEG_RISK_EXCHANGE = "0xe2222d279d744050d28e00520010520000310f59"
EXCHANGE_V3 = "0xe3333700ca9d93003f00f0f71f8515005f6c00aa"
EXCHANGES = (STANDARD_EXCHANGE, NEG_RISK_EXCHANGE, EXCHANGE_V3)

COLLATERAL = "0xc011a7e12a19f7b1f670d46f03b03f3342e82dfb"
CONDITIONAL_TOKENS = "0x4d97dcd97ec945f40cf65f87097ace5ea0476045"
POSITION_MANAGER = "0x006f54f7f9a22e0000cc2ab60031000000ae9fef"
ADAPTER = "0xada100db00ca00073811820692005400218fce1f"
NEG_RISK_ADAPTER = "0xada2005600dec949baf300f4c6120000bdb6eaab"
ROUTER = "0x12121212006e4cd160d18e3f00711da5c3372600"
AUTO_REDEEM = "0xa1200000d0002264c9a1698e001292d00e1b00af"
BINARY_MODULE = "0x1000008dd9001b968442c1000017eae6e0da00ba"
NEG_RISK_MODULE = "0x200000900045e3b6259600682756002200028933"
PERPS = "0xdca4af75705dbb50f62437045aff9921947917d2"
DEPOSIT_FACTORY = "0x00000000000fb5c9adea0298d729a0cb3823cc07"
SAFE_MULTISEND = "0xa238cbeb142c10ef7ad8442c6d1f9e89e07e7761"
RELAY_HUB = "0xd216153c06e857cd7f72665e0af1d7d82172f494"
OPERATOR = "0x00000000000000000000000000000000000000a1"
"""Who sends the venue's settlements; many accounts in production, one here."""

ZERO_ADDRESS = "0x" + "0" * 40
ZERO_WORD = "0x" + "0" * 64


def topic(signature: str) -> str:
    """Return the first topic of an event."""
    return "0x" + keccak(signature.encode("ascii")).hex()


def selector(signature: str) -> str:
    """Return the first four bytes of a call."""
    return "0x" + keccak(signature.encode("ascii"))[:4].hex()


ORDER_FILLED = topic("OrderFilled(bytes32,address,address,uint8,uint256,uint256,uint256,uint256,bytes32,bytes32)")
ORDERS_MATCHED = topic("OrdersMatched(bytes32,address,uint8,uint256,uint256,uint256)")
FEE_CHARGED = topic("FeeCharged(address,uint256)")
TRANSFER = topic("Transfer(address,address,uint256)")
APPROVAL = topic("Approval(address,address,uint256)")
TRANSFER_SINGLE = topic("TransferSingle(address,address,address,uint256,uint256)")
TRANSFER_BATCH = topic("TransferBatch(address,address,address,uint256[],uint256[])")
APPROVAL_FOR_ALL = topic("ApprovalForAll(address,address,bool)")
POSITION_SPLIT = topic("PositionSplit(address,address,bytes32,bytes32,uint256[],uint256)")
POSITIONS_MERGE = topic("PositionsMerge(address,address,bytes32,bytes32,uint256[],uint256)")
PAYOUT_REDEMPTION = topic("PayoutRedemption(address,address,bytes32,bytes32,uint256[],uint256)")
CONDITION_RESOLUTION = topic("ConditionResolution(bytes32,address,bytes32,uint256,uint256[])")
POSITIONS_CONVERTED = topic("PositionsConverted(address,bytes32,uint256,uint256)")


def is_second_protocol(token_id: str) -> bool:
    """Tell whether a token is a position of Protocol V2: its bits 40 to 103 are zero.

    Such tokens live in the position manager and trade on the third exchange.
    """
    return token_id.isdecimal() and (int(token_id) >> 40) & ((1 << 64) - 1) == 0


def exchange_of(token_id: str, *, neg_risk: bool) -> str:
    """Return the exchange that settles a token."""
    if is_second_protocol(token_id):
        return EXCHANGE_V3
    return NEG_RISK_EXCHANGE if neg_risk else STANDARD_EXCHANGE


def token_contract(token_id: str) -> str:
    """Return the contract that keeps a token's balances."""
    return POSITION_MANAGER if is_second_protocol(token_id) else CONDITIONAL_TOKENS
