"""Secrets from where they are safer than in the environment: a file that only we can read, or the OS keyring."""

import os
import stat
from pathlib import Path

NAMES = (
    *("PRIVATE_KEY", "POLYMARKET_API_KEY", "POLYMARKET_SECRET", "POLYMARKET_PASSPHRASE", "DATABASE_URL"),
    *("RELAYER_API_KEY", "REMORA_RPC_URL", "REMORA_RPC_WS_URLS"),
    *("POLYMARKET_BUILDER_API_KEY", "POLYMARKET_BUILDER_SECRET", "POLYMARKET_BUILDER_PASSPHRASE"),
)
"""Variables that may come from a file or the keyring; ``NAME_FILE`` names the file."""

BYTES_MAX = 4096


class SecretUnavailable(ValueError):
    """A secret cannot be had from where the settings say; the message names the place, never the value."""


def from_file(name: str, path: Path) -> str:
    """Return a secret from a file of ours that nobody else may read; raise SecretUnavailable."""
    variable = f"{name}_FILE"
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise SecretUnavailable(f"{variable}: expected a regular file, found {path}, which is none; fix it")
        mode = stat.S_IMODE(found.st_mode)
        if mode & 0o077:
            raise SecretUnavailable(
                f"{variable}: expected a file that only you can read, found {path} with mode {mode:o}; "
                f"run chmod 600 {path}"
            )
        if found.st_uid not in (0, os.getuid()):
            raise SecretUnavailable(f"{variable}: expected a file of yours, found {path} of another user; copy it")
        text = path.read_bytes()[: BYTES_MAX + 1].decode()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretUnavailable(
            f"{variable}: expected a readable text file, found {type(error).__name__} at {path}; fix or remove it"
        ) from None
    value = text.strip()
    if not value or len(value) > BYTES_MAX or "\n" in value:
        raise SecretUnavailable(f"{variable}: expected one line in {path}, found none or several; fix it")
    return value


def from_keyring(service: str, name: str) -> str | None:
    """Return a secret that the OS keyring keeps under a service, None without one; raise SecretUnavailable."""
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(service, name)
    except KeyringError as error:
        raise SecretUnavailable(
            f"REMORA_KEYRING: expected a keyring that answers, found {type(error).__name__}; unlock it, "
            "or unset REMORA_KEYRING"
        ) from None
