"""Whatever was done to a twin, and wherever it was killed: what comes back is the same twin."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.venues.twin.chain import contracts as at
from tests.venues.twin.journal.kept_twin import KEYS, KeptTwin, Request, Signer, Wall, control, later, reads

WHALE = "0x" + "ab" * 20
FAULTS = (
    *("settle_retrying", "settle_failed", "hash_late", "hash_missing", "order_delayed", "partial_fills"),
    *("tick_in_flight", "redeem_short", "resolution_late", "resolution_disputed", "close_in_flight"),
)
MARKETS: tuple[dict[str, Any], ...] = (
    {"question": "Will it come back?", "price": 0.5, "category": "Politics"},
    {"question": "Will it be the same?", "price": 0.3, "neg_risk": True, "tick_size": 0.001},
    {"question": "Is nobody else there?", "price": 0.5, "depth_usd": 0},
)
Deed = Callable[["Place"], Request | None]


class Place:
    """A twin with markets, two funded accounts, and what was asked of it so far."""

    def __init__(self, directory: Path) -> None:
        self.wall = Wall()
        self.twin = KeptTwin(directory / "first", self.wall)
        self.signers = [Signer(key, self.wall) for key in KEYS]
        self.markets = [self.twin.json(control("/markets", **facts)) for facts in MARKETS]
        self.ids: list[str] = []
        for one in self.signers:
            one.sign_in(self.twin)
            self.twin.json(control("/accounts", address=one.address, cash=300))

    def token(self, market: int, outcome: int) -> str:
        return str(self.markets[market]["tokens"][outcome])

    def everything(self, twin: KeptTwin) -> list[tuple[int, bytes]]:
        return [twin.ask(request) for request in reads(self.signers, self.markets)]


def _passes(seconds: float) -> Deed:
    def deed(place: Place) -> None:
        later(place.wall, seconds)

    return deed


def _order(who: int, market: int, outcome: int, side: str, cents: int, hundredths: int, kind: str) -> Deed:
    def deed(place: Place) -> Request:
        shares, dollars = hundredths * 10_000, hundredths * cents * 100
        if kind in ("FAK", "FOK") and side == "BUY":
            dollars -= dollars % 10_000
        maker, taker = (dollars, shares) if side == "BUY" else (shares, dollars)
        neg_risk = MARKETS[market].get("neg_risk", False)
        signer = place.signers[who]
        body = signer.raw.order(
            place.token(market, outcome),
            side,
            maker_amount=maker,
            taker_amount=taker,
            order_type=kind,
            neg_risk=neg_risk,
        )
        return signer.signed("POST", "/order", body)

    return deed


def _cancel(who: int, number: int) -> Deed:
    def deed(place: Place) -> Request:
        known = [order["id"] for order in place.twin.json(_books(place, who))["orders"]]
        return place.signers[who].signed(
            "DELETE", "/order", {"orderID": known[number % len(known)] if known else "0x0"}
        )

    return deed


def _books(place: Place, who: int) -> Request:
    return Request("control", "GET", f"/books/{place.signers[who].address}")


def _signed(who: int, method: str, path: str, body: Any) -> Deed:
    return lambda place: place.signers[who].signed(method, path, body)


def _quote(market: int, bid: int, size: int) -> Deed:
    return lambda place: control(
        "/quotes", token_id=place.token(market, 0), bid=bid / 100, ask=(bid + 2) / 100, size=size
    )


def _whale(market: int, outcome: int, side: str, cents: int) -> Deed:
    return lambda place: control(
        "/trades", wallet=WHALE, token_id=place.token(market, outcome), side=side, price=cents / 100, size=40
    )


def _fault(kind: str, market: int, rate: float) -> Deed:
    def deed(place: Place) -> Request:
        where = {"market": place.markets[market]["condition_id"]} if kind.startswith("resolution") else {}
        return control("/faults", kind=kind, rate=rate, count=2, seconds=1.5, **where)

    return deed


def _fate(path: str, market: int, facts: dict[str, Any]) -> Deed:
    return lambda place: control(path, condition_id=place.markets[market]["condition_id"], **facts)


def _redeem(who: int, market: int) -> Deed:
    return lambda place: control(
        "/redeem", address=place.signers[who].address, condition_id=place.markets[market]["condition_id"]
    )


def _approve(who: int, amount: int) -> Deed:
    def deed(place: Place) -> Request:
        data = at.selector("approve(address,uint256)")
        data += encode(["address", "uint256"], [at.STANDARD_EXCHANGE, amount]).hex()
        return place.signers[who].approval(to_checksum_address(at.COLLATERAL), data)

    return deed


WHO, MARKET, OUTCOME = st.integers(0, 1), st.integers(0, 2), st.integers(0, 1)
SIDES = st.sampled_from(["BUY", "BUY", "SELL"])
ORDERS = st.builds(
    _order,
    *(WHO, MARKET, OUTCOME, SIDES, st.integers(45, 55) | st.integers(20, 80), st.integers(500, 4_000)),
    st.sampled_from(["GTC", "GTC", "FAK", "FOK"]),
)
TIMES = st.builds(_passes, st.sampled_from([0.02, 0.4, 1.0, 2.5, 11.0]))
RARE = (
    st.builds(_cancel, WHO, st.integers(0, 9)),
    st.builds(_signed, WHO, st.just("DELETE"), st.just("/cancel-all"), st.none()),
    st.builds(_signed, WHO, st.just("POST"), st.just("/v1/heartbeats"), st.just({"heartbeat_id": ""})),
    st.builds(_quote, MARKET, st.integers(20, 70), st.sampled_from([0, 50, 2_000])),
    st.builds(_whale, MARKET, OUTCOME, SIDES, st.integers(20, 80)),
    st.builds(_fault, st.sampled_from(FAULTS), MARKET, st.sampled_from([0.5, 1.0])),
    st.builds(_fault, st.sampled_from(FAULTS), MARKET, st.sampled_from([0.5, 1.0])),
    st.builds(_fate, st.sampled_from(["/propose", "/close"]), MARKET, st.just({})),
    st.builds(_fate, st.just("/resolve"), MARKET, st.just({"payouts": [1, 0]})),
    st.builds(_redeem, WHO, MARKET),
    st.builds(_approve, WHO, st.sampled_from([0, 20_000_000, 2**256 - 1])),
    st.just(lambda _place: control("/chain/mine")),
    st.builds(lambda depth: lambda _place: control("/chain/reorg", depth=depth), st.integers(1, 3)),
    st.builds(lambda who, nonce: lambda place: place.signers[who].key_request(nonce), WHO, st.integers(1, 3)),
)
WEIGHTED = [*[ORDERS] * 14, *[TIMES] * 8, *RARE]
DEEDS = st.integers(0, len(WEIGHTED) - 1).flatmap(lambda number: WEIGHTED[number])


@settings(max_examples=60, deadline=None)
@given(before=st.lists(DEEDS, min_size=5, max_size=40), after=st.lists(DEEDS, min_size=3, max_size=10))
def test_a_twin_that_was_killed_anywhere_goes_on_as_if_it_had_not_been(
    before: list[Deed], after: list[Deed]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name))
        for deed in before:
            request = deed(place)
            if request is None:
                place.twin.tick()
            else:
                place.twin.ask(request)
        place.twin.twin.faults.clear()
        again = place.twin.killed(Path(name) / "second")

        assert place.everything(again) == place.everything(place.twin)
        for deed in after:
            request = deed(place)
            if request is None:
                place.twin.tick()
                again.tick()
            elif "/faults" not in request.path:
                assert again.ask(request) == place.twin.ask(request)
        assert place.everything(again) == place.everything(place.twin)
        again.twin.exchange.assert_conserved()
        for twin in (place.twin, again):
            twin.journal.close()
