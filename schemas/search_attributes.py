"""Names under which positions can be found in Temporal."""

from temporalio.common import SearchAttributeKey

ACCOUNT = SearchAttributeKey.for_keyword("Account")
WHALE = SearchAttributeKey.for_keyword("Whale")
MARKET = SearchAttributeKey.for_keyword("Market")
POSITION_STATE = SearchAttributeKey.for_keyword("PositionState")
EXIT_REASON = SearchAttributeKey.for_keyword("ExitReason")
MODE = SearchAttributeKey.for_keyword("Mode")
ALL = (ACCOUNT, WHALE, MARKET, POSITION_STATE, EXIT_REASON, MODE)
TRADING_QUEUE = "trading"
"""Task queue of the hot path."""
DESK_QUEUE = "desk"
"""Task queue of the desk: the order to stop must wait in no line of signals."""
