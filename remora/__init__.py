"""Remora copies proven Polymarket wallets, one durable workflow per copied position."""

__version__ = "0.1.0"
