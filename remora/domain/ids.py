"""Identifiers that must never swap places."""

from typing import NewType

WalletAddress = NewType("WalletAddress", str)
"""A wallet on Polygon, lower-case ``0x`` and 40 hexadecimal digits."""

AccountId = NewType("AccountId", str)
"""The wallet that Remora trades with, written like a :data:`WalletAddress`."""

TokenId = NewType("TokenId", str)
"""One outcome of one market, a decimal integer of up to 78 digits."""

ConditionId = NewType("ConditionId", str)
"""One market, lower-case ``0x`` and 64 hexadecimal digits."""

EventId = NewType("EventId", str)
"""A group of markets about one happening; its markets' outcomes are correlated."""

OrderDigest = NewType("OrderDigest", str)
"""EIP-712 hash of a signed order: the venue's order id, known before it is sent."""
