"""What will be done to the stack and when: a pure function of a seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from random import Random
from typing import TypeVar

from remora.domain.money import Side
from remora.venues.twin.faults.switchboard import NODE_KINDS, FaultKind

Card = TypeVar("Card")

DISTURBANCES = ("kill",) * 4 + ("fault",) * 4 + ("stall",)
VICTIMS = (
    *("worker-1", "worker-2") * 3,
    *("watcher-1", "watcher-2") * 2,
    "temporal",
    "postgres",
    "twin",
)
"""Who is killed how often: our own processes more than the servers that they stand on, and the exchange."""

STALLED = ("worker-1", "worker-2", "watcher-1", "watcher-2", "twin")
STALL_S = {"twin": (1.0, 3.0)}
STALL_DEFAULT_S = (6.0, 9.0)
"""Longer than a heartbeat may take: the work goes to another worker, and then this one wakes up."""

COUNTS = {FaultKind.WS_DROP: 12, FaultKind.WS_DUPLICATE: 12, FaultKind.WS_REORDER: 12, FaultKind.WS_DELAY: 12}
KINDS = tuple(kind for kind in FaultKind if kind not in NODE_KINDS and not kind.value.endswith("_field"))
"""What goes wrong at random. A node's lies and messages of another shape have tests of their own."""

ANYWHERE = (FaultKind.RESTARTING, FaultKind.RATE_LIMITED, FaultKind.SERVER_ERROR, FaultKind.TRADING_DISABLED)
"""Refusals that strike reads as well as orders, every other time."""

TRADES_A_ROUND = 3
SALE_SHARE, QUOTE_CHANCE, CLOSE_CHANCE = 0.25, 0.6, 0.2
BIDS = tuple(Decimal(bid) for bid in ("0.30", "0.42", "0.49", "0.58", "0.70"))
"""From 0.50 on, these cross no threshold, the stop at 15 % or the target at 30 %."""

START_BID = Decimal("0.49")
TICK = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL a process; whoever supervises it starts it again."""

    victim: str


@dataclass(frozen=True, slots=True)
class Stall:
    """Stop a process for so many seconds, then let it go on as if nothing had been."""

    victim: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Fault:
    """Arm a fault of the twin until it has struck `times` times."""

    kind: FaultKind
    times: int
    seconds: float
    on: str


@dataclass(frozen=True, slots=True)
class Trade:
    """A whale trades one outcome (0 or 1) of a market."""

    whale: int
    market: int
    outcome: int
    side: Side
    price: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """A market's touch moves; `bid` is that of its first outcome."""

    market: int
    bid: Decimal


@dataclass(frozen=True, slots=True)
class Close:
    """An operator closes an open position, the one at this place among them (0 to 1)."""

    place: float


Act = Kill | Stall | Fault | Trade | Quote | Close


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do, in seconds after the start."""

    at_s: float
    act: Act


def draw(seed: int, *, rounds: int, window_s: float, markets: int, whales: int) -> tuple[Step, ...]:
    """Return the steps of a run, in order of time: one kill, stall or fault a round, and trading all the while.

    What a round does depends on the seed and its number only: a longer run begins with the shorter one.
    """
    steps: list[Step] = []
    rng = Random(f"chaos/{seed}")
    disturbances = _cards(Random(f"disturbances/{seed}"), DISTURBANCES)
    victims, stalled = _cards(Random(f"victims/{seed}"), VICTIMS), _cards(Random(f"stalled/{seed}"), STALLED)
    kinds = _cards(Random(f"kinds/{seed}"), KINDS)
    trading = _Trading(Random(f"trading/{seed}"), markets=markets, whales=whales)
    for number in range(rounds):
        start = number * window_s
        what = next(disturbances)
        if what == "kill":
            act: Act = Kill(next(victims))
        elif what == "stall":
            victim = next(stalled)
            act = Stall(victim, round(rng.uniform(*STALL_S.get(victim, STALL_DEFAULT_S)), 3))
        else:
            act = _fault(rng, next(kinds))
        drawn = [act, *trading.round()]
        steps += [Step(round(start + rng.uniform(0, window_s), 3), one) for one in drawn]
    return tuple(sorted(steps, key=lambda step: step.at_s))


def _cards(rng: Random, cards: Sequence[Card]) -> Iterator[Card]:
    """Deal shuffled decks, one after the other: nothing comes up more than two decks late."""
    while True:
        yield from rng.sample(cards, len(cards))


def _fault(rng: Random, kind: FaultKind) -> Fault:
    times = COUNTS.get(kind, rng.choice((1, 1, 2)))
    on = "any" if kind in ANYWHERE and rng.random() < 0.5 else ""
    return Fault(kind, times, round(rng.uniform(0.3, 2.0), 3), on)


class _Trading:
    """Draws what whales, the market and an operator do."""

    def __init__(self, rng: Random, *, markets: int, whales: int) -> None:
        self._rng = rng
        self._bids = dict.fromkeys(range(markets), START_BID)
        self._whales = whales
        self._bought: list[tuple[int, int, int]] = []
        self._fresh = count()

    def round(self) -> list[Act]:
        """Return the acts of one round."""
        acts: list[Act] = [self._trade() for _ in range(TRADES_A_ROUND)]
        if self._rng.random() < QUOTE_CHANCE:
            acts.append(self._quote())
        if self._rng.random() < CLOSE_CHANCE:
            acts.append(Close(round(self._rng.random(), 3)))
        return acts

    def _trade(self) -> Trade:
        rng = self._rng
        if self._bought and rng.random() < SALE_SHARE:
            whale, market, outcome = rng.choice(self._bought)
            side = Side.SELL
        else:
            # markets come one after the other, so that those which faults have ended are left behind
            market = (next(self._fresh) // 4 + rng.choice((0, 0, 1, 2))) % len(self._bids)
            whale, outcome, side = rng.randrange(self._whales), int(rng.random() < 0.1), Side.BUY
            self._bought.append((whale, market, outcome))
        bid = self._bids[market] if outcome == 0 else 1 - self._bids[market] - TICK
        return Trade(whale, market, outcome, side, bid + TICK if side is Side.BUY else bid)

    def _quote(self) -> Quote:
        market = self._rng.choice(self._bought)[1] if self._bought else 0
        self._bids[market] = bid = self._rng.choice(BIDS)
        return Quote(market, bid)
