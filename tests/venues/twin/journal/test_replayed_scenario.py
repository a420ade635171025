"""A scenario does not wait for a twin that is down: what was due happened at its own instant."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from remora.venues.twin.scenario.season import season_scenario
from remora.venues.twin.scenario.season_calendar import WINDOW_START
from tests.venues.twin.journal.kept_twin import KEYS, KeptTwin, Request, Signer, Wall, control, later

HOUR = season_scenario(2, end=WINDOW_START + timedelta(hours=1), speed=60)


def _public(twin: KeptTwin) -> list[Any]:
    paths = ("/v2/trades?limit=500", "/v2/activity?limit=500&user=" + HOUR.wallets[0].wallet)
    return [twin.json(Request("data", "GET", path)) for path in paths]


def _started(directory: Path, wall: Wall) -> KeptTwin:
    twin = KeptTwin(directory, wall, scenario=HOUR)
    twin.json(control("/start"))
    return twin


def test_a_twin_that_was_down_for_a_while_shows_what_one_that_ran_on_shows(tmp_path: Path) -> None:
    wall = Wall()
    ran, fell = _started(tmp_path / "ran", wall), _started(tmp_path / "fell", wall)
    for _ in range(100):
        later(wall, 0.1)
        ran.tick()
        fell.tick()
    fell.journal.close()
    for _ in range(300):
        later(wall, 0.1)
        ran.tick()
    again = KeptTwin(tmp_path / "fell", wall, scenario=HOUR)

    status = again.json(Request("control", "GET", "/status"))
    assert 100 < status["events_played"] < status["events_total"]
    assert _public(again) == _public(ran)
    clocks = [twin.json(Request("control", "GET", "/clock")) for twin in (again, ran)]
    assert clocks[0] == clocks[1]
    chains = [twin.json(Request("control", "GET", "/chain")) for twin in (again, ran)]
    assert chains[0]["head"] == chains[1]["head"]
    for twin in (ran, again):
        twin.journal.close()


def test_a_twin_that_was_not_started_waits_as_before(tmp_path: Path) -> None:
    wall = Wall()
    KeptTwin(tmp_path, wall, scenario=HOUR).journal.close()
    later(wall, 600)
    again = KeptTwin(tmp_path, wall, scenario=HOUR)
    clock = again.json(Request("control", "GET", "/clock"))

    assert (clock["started"], clock["venue_time"]) == (False, WINDOW_START.isoformat())
    again.journal.close()


def test_a_trade_in_settlement_is_settled_when_the_twin_comes_back(tmp_path: Path) -> None:
    wall = Wall()
    twin = _started(tmp_path, wall)
    signer = Signer(KEYS[0], wall)
    signer.sign_in(twin)
    twin.json(control("/accounts", address=signer.address, cash=100))
    listing = next(
        one for one in twin.twin.public.listings if one.accepting and one.best and not one.spec.neg_risk
    )
    price = int((listing.best[1] if listing.best else 0) * 100) + 1
    order = signer.raw.order(
        listing.spec.tokens[0],
        "BUY",
        maker_amount=price * 100_000,
        taker_amount=10_000_000,
    )
    placed = twin.json(signer.signed("POST", "/order", order))
    books = Request("control", "GET", f"/books/{signer.address}")
    before = twin.json(books)
    twin.journal.close()
    later(wall, 5)
    again = KeptTwin(tmp_path, wall, scenario=HOUR)
    after = again.json(books)

    assert placed["status"] == "matched", placed
    assert {fill["status"] for fill in before["fills"]} == {"MATCHED"}
    assert {fill["status"] for fill in after["fills"]} == {"CONFIRMED"}
    assert (before["cash"], before["shares"]) == (after["cash"], after["shares"])
    again.journal.close()
