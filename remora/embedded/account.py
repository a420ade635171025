"""The throwaway key that signs on the twin: made once, readable by its owner only, never shown."""

import os
import secrets
from pathlib import Path

from remora.embedded.errors import CorruptState
from remora.setting_types import GROUP_ORDER

FILE = "account.key"


def account_key(state_dir: Path) -> str:
    """Return the private key (0x and 64 digits) kept in `state_dir`; make it the first time."""
    path = state_dir / FILE
    if not path.exists():
        _write(path, f"0x{secrets.randbelow(GROUP_ORDER - 1) + 1:064x}")
    text = path.read_text().strip()
    digits = text.removeprefix("0x")
    if len(digits) != 64 or not all(digit in "0123456789abcdef" for digit in digits):
        raise CorruptState(
            f"{path} was expected to hold a private key of 64 hexadecimal digits, and does not.",
            "Remove the file; a new key for the simulated exchange is made at the next start.",
        )
    return text


def _write(path: Path, key: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(key + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
