"""Names of a generated season's events and markets; invented, none refers to a real happening."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

_PLACES = [
    "Aldmoor",
    "Brackwater",
    "Corvale",
    "Dunmere",
    "Eastmarch",
    "Fenwick",
    "Greyhaven",
    "Holloway",
    "Ironbridge",
    "Larkspur",
    "Northgate",
]
_PEOPLE = [
    "Adair",
    "Bellamy",
    "Castellan",
    "Devereux",
    "Ellery",
    "Fairbanks",
    "Galloway",
    "Hawthorne",
    "Iverson",
    "Langley",
    "Mercer",
]
_TEAMS = [
    "Anchors",
    "Badgers",
    "Cyclones",
    "Drakes",
    "Egrets",
    "Foxes",
    "Griffins",
    "Hornets",
    "Ibexes",
    "Jackals",
    "Kites",
    "Lynxes",
]
_FIRMS = [
    "Arclight",
    "Bluestem",
    "Candela",
    "Driftwood",
    "Everline",
    "Fathom",
    "Gantry",
    "Helix",
    "Ironwood",
    "Juniper",
]


@dataclass(frozen=True, slots=True)
class EventTitle:
    """Category, event title and slug, one question per market, and the outcome names."""

    category: str | None
    tags: tuple[str, ...]
    title: str
    slug: str
    questions: tuple[str, ...]
    labels: tuple[str, str] = ("Yes", "No")


_THEMES = ("Politics", "Sports", "Finance", "Tech", "Economics", "Culture", "Geopolitics", "Weather", None)


def draw_title(index: int, *, markets: int, rng: np.random.Generator) -> EventTitle:
    """Return the names of event `index` with `markets` markets."""
    theme = _THEMES[index % len(_THEMES)]
    place, other = _two(_PLACES, rng)
    person, rival = _two(_PEOPLE, rng)
    if markets == 4:
        title = f"Who will win the {place} race {index}?"
        names = [_PEOPLE[(index + offset) % len(_PEOPLE)] for offset in range(4)]
        return _event(theme, title, [f"Will {name} win the {place} race {index}?" for name in names])
    if markets == 3:
        title = f"{place} index on report {index}"
        return _event(
            theme,
            title,
            [f"Will the {place} index be above {level} on report {index}?" for level in (100, 110, 120)],
        )
    if theme == "Sports":
        home, away = _two(_TEAMS, rng)
        return _event(theme, f"{home} vs. {away} {index}", [f"{home} vs. {away} {index}"], labels=(home, away))
    question = {
        "Politics": f"Will {person} beat {rival} in {place} ballot {index}?",
        "Finance": f"Will {_FIRMS[index % len(_FIRMS)]} beat its quarterly estimate {index}?",
        "Tech": f"Will {_FIRMS[index % len(_FIRMS)]} ship release {index} on time?",
        "Economics": f"Will {place} raise rates at meeting {index}?",
        "Culture": f"Will {person} win prize {index}?",
        "Geopolitics": f"Will {place} and {other} sign accord {index}?",
        "Weather": f"Will {place} see rain above normal in week {index}?",
    }.get(theme or "", f"Will thing {index} happen in {place}?")
    return _event(theme, question, [question])


def crypto_title(number: int, *, start_at: datetime) -> EventTitle:
    """Return the names of a 15-minute up-or-down market, the class that is denied by default."""
    coin = ("btc", "eth")[number % 2]
    name = {"btc": "Bitcoin", "eth": "Ethereum"}[coin]
    title = f"{name} Up or Down - {start_at:%B} {start_at.day}, {start_at:%H:%M} UTC, 15 minutes"
    slug = f"{coin}-updown-15m-{int(start_at.timestamp())}"
    return EventTitle(
        "Crypto", ("Crypto", "Up or Down", "Recurring", "15M"), title, slug, (title,), ("Up", "Down")
    )


def slugify(text: str) -> str:
    """Return `text` in lower case with hyphens for everything but letters and digits."""
    return "-".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def _event(
    theme: str | None, title: str, questions: list[str], labels: tuple[str, str] = ("Yes", "No")
) -> EventTitle:
    tags = (theme,) if theme else ()
    return EventTitle(theme, tags, title, slugify(title), tuple(questions), labels)


def _two(names: list[str], rng: np.random.Generator) -> tuple[str, str]:
    first, second = rng.choice(len(names), size=2, replace=False)
    return names[int(first)], names[int(second)]
