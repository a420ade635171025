"""Text that others wrote (markets, people, files), as a terminal may show it."""

import unicodedata

from rich.text import Text

CONTROL = "Cc"
"""Unicode's category of characters that move the cursor, begin escape sequences or end the line."""


def harmless(text: str) -> str:
    """Return text without characters that would steer the terminal; each leaves a space."""
    return "".join(" " if unicodedata.category(one) == CONTROL else one for one in text)


def literal(text: str) -> Text:
    """Return text as a cell that shows what was written: brackets and colons are no markup of ours."""
    return Text(harmless(text))
