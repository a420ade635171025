"""What must hold after a run, whatever was killed meanwhile. Pure: evidence in, violations in words out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from chaos.evidence import Evidence, Told, decimals
from remora.domain.precision import SHARE_QUANTUM

ENDED = ("closed", "unfilled", "skipped")
FINISHED = ("done", "rejected")
FAILED, CONFIRMED = "FAILED", "CONFIRMED"
BY_HAND = "operator:"
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The limits of a run: dollars a position, shares of equity, entry orders a minute of venue time."""

    position_usd: Decimal
    market: Decimal
    event: Decimal
    whale: Decimal
    per_minute: int


def violations(found: Evidence, caps: Caps) -> list[str]:
    """Return everything that must not be, nothing if all is well."""
    checks = (entries, undecided, invented, fills, books, positions, orders)
    broken = [line for check in checks for line in check(found)]
    return broken + list(limits(found, caps))


def entries(found: Evidence) -> Iterator[str]:
    """No signal led to two entries: not in our tables, and not on the exchange."""
    copies = [one for one in found.decisions if one["outcome"] == "copy"]
    yield from _twice("signals copied twice", (one["signal_key"] for one in copies))
    ours = [one for one in found.orders if one["purpose"] == "entry"]
    yield from _twice("decisions with two entry orders", (one["decision_id"] for one in ours))
    of_position = {one["id"]: (one["whale"], one["token_id"]) for one in found.positions}
    of_order = {one["digest"]: one for one in ours if one["digest"]}
    sent = Counter(
        of_position[of_order[order["id"]]["position_id"]]
        for order in found.theirs["orders"]
        if order["id"] in of_order
    )
    bought = Counter((one.whale, one.token_id) for one in found.told if one.side == "BUY")
    for pair, number in sent.items():
        if number > bought[pair]:
            yield f"{number} entries on the exchange for {bought[pair]} purchases of {pair[0]} in {pair[1]}"


def undecided(found: Evidence) -> Iterator[str]:
    """Each whale's trade that the exchange showed led to a decision.

    A sale that reached a position on its way out needs none: all of it is being sold, or was to be.
    """
    known = _decided_about(found)
    since = {
        (one["whale"], one["token_id"]): one["opened_at"]
        for one in found.positions
        if one["state"] not in ENDED and one["exit_reason"] is None
    }
    for one in found.told:
        if one.key not in known and (one.side == "BUY" or _held(one, since)):
            yield f"nobody decided about {one.side} {one.key}"


def invented(found: Evidence) -> Iterator[str]:
    """Nothing was decided about trades that the exchange never showed."""
    told = {one.key for one in found.told}
    # what the history tells later than the stream carries a number behind its name
    for key in sorted(key for key in _decided_about(found) if ":".join(key.split(":")[:5]) not in told):
        yield f"decided about {key}, which never happened"


def _decided_about(found: Evidence) -> set[str]:
    return {one["trade_key"].removeprefix("opposite:") for one in found.consumed}


def unheard_sales(found: Evidence, *, within: timedelta) -> Iterator[str]:
    """Each sale reached the position it concerned, unless that one began to leave no later than `within` after it.

    A purchase of the other outcome is a sale. Only for runs in which nobody is killed: else hearing takes longer.
    """
    known = {one["trade_key"] for one in found.consumed}
    left: dict[str, datetime] = {}
    for one in found.orders:
        if one["purpose"] == "exit":
            left[one["position_id"]] = min(one["venue_at"], left.get(one["position_id"], one["venue_at"]))
    for sale in found.told:
        key = sale.key if sale.side == "SELL" else f"opposite:{sale.key}"
        for position in found.positions if key not in known else ():
            gone = left.get(position["id"], position["closed_at"])
            if _concerns(sale, position) and (gone is None or gone > sale.at + within):
                yield f"position {position['id']} did not hear of {key}"


def _concerns(sale: Told, position: Mapping[str, Any]) -> bool:
    """Tell whether a trade of the whale, after we opened a position, took from what the position copies."""
    same = position["token_id"] == sale.token_id
    if position["whale"] != sale.whale or position["opened_at"] >= sale.at:
        return False
    return same if sale.side == "SELL" else position["condition_id"] == sale.condition_id and not same


def _held(sale: Told, since: Mapping[tuple[str, str], datetime]) -> bool:
    """Tell whether a position that is still open was open already when the whale sold."""
    opened_at = since.get((sale.whale, sale.token_id))
    return opened_at is not None and opened_at < sale.at


def fills(found: Evidence) -> Iterator[str]:
    """Every fill of the exchange is in our tables and in the ledger exactly once, and no other."""
    ours = {(one["trade_id"], one["digest"]): one for one in found.fills}
    theirs = {(one["trade_id"], one["order_id"]): one for one in found.theirs["fills"]}
    yield from _twice(
        "fills that the exchange has twice", ((f["trade_id"], f["order_id"]) for f in theirs.values())
    )
    posted = Counter(one["reference"] for one in found.ledger)
    for key, real in theirs.items():
        yield from _fill(key, real, ours.get(key), posted)
    for key in sorted(ours.keys() - theirs.keys()):
        if not key[0].startswith(BY_HAND):
            yield f"fill {key} is in our books and never happened"


def _fill(
    key: tuple[str, str], real: Mapping[str, Any], mine: Mapping[str, Any] | None, posted: Mapping[str, int]
) -> Iterator[str]:
    trade, digest = key
    stands = real["status"] != FAILED
    written, undone = posted[f"fill:{digest}:{trade}"], posted[f"fill_undone:{digest}:{trade}"]
    if (written, undone) not in (((1, 0),) if stands else ((1, 1), (0, 0))):
        yield f"fill {key} is {real['status']} and {written} times in the ledger, {undone} times undone"
    if mine is None:
        if stands:
            yield f"fill {key} is missing in our books"
        return
    if (mine["shares"], mine["price"]) != (Decimal(real["shares"]), Decimal(real["price"])):
        yield f"fill {key} is {mine['shares']} at {mine['price']} here, {real['shares']} at {real['price']} there"
    if mine["status"] != real["status"]:
        yield f"fill {key} is {mine['status']} here and {real['status']} there"


def books(found: Evidence) -> Iterator[str]:
    """Cash, shares and fees are equal to the last unit."""
    ours, theirs = found.books, found.theirs
    if isinstance(ours, str):
        yield f"our books contradict themselves: {ours}"
        return
    if ours.cash != Decimal(theirs["cash"]):
        yield f"cash: {ours.cash} here, {theirs['cash']} there"
    if ours.fees != Decimal(theirs["fees"]):
        yield f"fees: {ours.fees} here, {theirs['fees']} there"
    mine, real = {token: held for token, held in ours.shares.items() if held}, decimals(theirs["shares"])
    for token in sorted(mine.keys() | real.keys()):
        if mine.get(token, 0) != real.get(token, 0):  # type: ignore[call-overload]
            yield f"shares of {token}: {mine.get(token, 0)} here, {real.get(token, 0)} there"  # type: ignore[call-overload]


def positions(found: Evidence) -> Iterator[str]:
    """Every position is closed or its workflow runs, and none sold more than it bought."""
    for one in found.positions:
        left = one["bought_shares"] - one["sold_shares"] - one["redeemed_shares"]
        if one["state"] not in ENDED and one["workflow_id"] not in found.running:
            yield f"position {one['id']} is {one['state']}, and nobody runs it"
        if one["state"] == "needs_attention":
            yield f"position {one['id']} needs attention: {one['attention']}"
        if left < 0 or (left >= SHARE_QUANTUM and one["state"] in ENDED):
            yield f"position {one['id']} is {one['state']} with {left} shares"
    ended = {one["id"] for one in found.positions if one["state"] in ENDED}
    for one in found.held_back:
        if one["position_id"] in ended:
            yield f"money stays set aside for {one['order_id']} of an ended position"


def orders(found: Evidence) -> Iterator[str]:
    """The exchange knows no order that we do not, nothing rests, and each of ours came to an end."""
    ours = {one["digest"] for one in found.orders if one["digest"]}
    for order in found.theirs["orders"]:
        if order["id"] not in ours:
            yield f"order {order['id']} is on the exchange and not in our books"
        if order["status"] in ("LIVE", "DELAYED"):
            yield f"order {order['id']} still rests"
    for one in found.orders:
        if one["state"] not in FINISHED:
            yield f"order {one['id']} is still {one['state']}"


def limits(found: Evidence, caps: Caps) -> Iterator[str]:
    """No cap was exceeded at any fill of the exchange, and no minute saw too many entry orders.

    Equity is taken at its highest: every share held counts a whole dollar. What was redeemed is held no longer.
    """
    made = sorted(one["venue_at"] for one in found.orders if one["purpose"] == "entry")
    for first, last in zip(made, made[caps.per_minute :], strict=False):
        if last - first < MINUTE:
            yield f"more than {caps.per_minute} entry orders in the minute after {first}"
    of_order = {one["digest"]: one["position_id"] for one in found.orders if one["digest"]}
    by_id = {one["id"]: one for one in found.positions}
    held: dict[str, tuple[Decimal, Decimal]] = {}
    cash = Decimal(found.theirs["deposits"])
    redeemed = iter(sorted(found.theirs["redemptions"], key=lambda one: str(one["at"])))
    burnt = next(redeemed, None)
    for fill in sorted(_standing(found.theirs["fills"]), key=lambda one: str(one["matched_at"])):
        while burnt is not None and str(burnt["at"]) <= str(fill["matched_at"]):
            held = {
                name: one for name, one in held.items() if by_id[name]["condition_id"] != burnt["condition_id"]
            }
            cash, burnt = cash + Decimal(burnt["dollars"]), next(redeemed, None)
        position = of_order.get(fill["order_id"])
        if position is None:
            continue
        shares, notional = Decimal(fill["shares"]), Decimal(fill["notional"])
        had, cost = held.get(position, (Decimal(0), Decimal(0)))
        if fill["side"] == "SELL":
            held[position] = (had - shares, cost * (had - shares) / had if had else Decimal(0))
            cash += notional
            continue
        held[position], cash = (had + shares, cost + notional), cash - notional
        if cash < 0:
            yield f"more cash spent than there was, at fill {fill['trade_id']}"
        equity = cash + sum(one[0] for one in held.values())
        yield from _caps(by_id[position], by_id, held, equity, caps)


def _caps(
    bought: Mapping[str, Any],
    by_id: Mapping[str, Mapping[str, Any]],
    held: Mapping[str, tuple[Decimal, Decimal]],
    equity: Decimal,
    caps: Caps,
) -> Iterator[str]:
    cost: dict[str, Decimal] = defaultdict(Decimal)
    for position, (_, spent) in held.items():
        for kind in ("condition_id", "event_id", "whale"):
            if by_id[position][kind] == bought[kind]:
                cost[kind] += spent
    allowed = {
        "condition_id": caps.market * equity,
        "event_id": caps.event * equity,
        "whale": caps.whale * equity,
    }
    spent = held[bought["id"]][1]
    if spent > caps.position_usd:
        yield f"position {bought['id']} cost {spent}, allowed are {caps.position_usd}"
    for kind, most in allowed.items():
        if cost[kind] > most:
            yield f"{kind} {bought[kind]} cost {cost[kind]}, allowed are {most} at the most"


def _standing(found: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return [fill for fill in found if fill["status"] != FAILED]


def _twice(what: str, names: Iterable[Any]) -> Iterator[str]:
    twice = [name for name, number in Counter(names).items() if number > 1]
    if twice:
        yield f"{what}: {twice}"
