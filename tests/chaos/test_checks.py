"""The checks of a chaos run find what was planted, and nothing in a run that went well."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chaos.checks import Caps, limits, unheard_sales, violations
from chaos.evidence import Evidence, Told
from chaos.report import as_json, as_text, shortfalls
from chaos.run import Outcome
from remora.domain.ids import TokenId
from remora.storage.books import Books

CAPS = Caps(
    position_usd=Decimal(100),
    market=Decimal("0.1"),
    event=Decimal("0.15"),
    whale=Decimal("0.3"),
    per_minute=2,
)
AT = datetime(2026, 3, 1, tzinfo=UTC)
MOMENT = timedelta(seconds=5)
KEY = "trade:0xaa:0xw:tok:BUY"


def fill(trade: str, order: str, side: str, **changes: Any) -> dict[str, Any]:
    facts = {"shares": "20", "price": "0.5", "notional": "10", "fee": "0", "status": "CONFIRMED"}
    return {"trade_id": trade, "order_id": order, "side": side, "matched_at": "1", **facts, **changes}


def order(name: str, purpose: str, **changes: Any) -> dict[str, Any]:
    facts = {"position_id": "p", "state": "done", "venue_at": AT, "send_attempts": 1, "decision_id": None}
    return {"id": f"o-{name}", "digest": name, "purpose": purpose, **facts, **changes}


def position(name: str = "p", **changes: Any) -> dict[str, Any]:
    facts = {
        "whale": "0xw",
        "token_id": "tok",
        "condition_id": "c",
        "event_id": "e",
        "opened_at": AT,
        "closed_at": AT + timedelta(hours=1),
        "attention": None,
    }
    sizes = {"bought_shares": Decimal(20), "sold_shares": Decimal(20), "redeemed_shares": Decimal(0)}
    return (
        {"id": name, "workflow_id": f"w-{name}", "state": "closed", "exit_reason": None} | facts | sizes | changes
    )


def good() -> Evidence:
    """Return a run with one position, bought at 0.5 and sold at 0.6."""
    fills = [fill("t1", "d1", "BUY"), fill("t2", "d2", "SELL", price="0.6", notional="12", matched_at="2")]
    mine = [
        {**one, "digest": one["order_id"], "shares": Decimal(one["shares"]), "price": Decimal(one["price"])}
        for one in fills
    ]
    return Evidence(
        theirs={
            "cash": "1002",
            "deposits": "1000",
            "fees": "0",
            "shares": {},
            "orders": [{"id": "d1", "status": "MATCHED"}, {"id": "d2", "status": "MATCHED"}],
            "fills": fills,
            "redemptions": [],
        },
        books=Books(cash=Decimal(1002), shares={}, fees=Decimal(0)),
        told=[Told(KEY, "0xw", "tok", "BUY", AT)],
        decisions=[{"id": "1", "run_id": "r", "outcome": "copy", "reason": None, "signal_key": KEY}],
        consumed=[{"trade_key": KEY, "decision_id": "1"}],
        orders=[order("d1", "entry", decision_id="1"), order("d2", "exit")],
        fills=mine,
        ledger=[{"kind": "fill", "reference": "fill:d1:t1"}, {"kind": "fill", "reference": "fill:d2:t2"}],
        positions=[position()],
        held_back=[],
        running=frozenset(),
        events={"c": "e"},
    )


def _second_entry(run: Evidence) -> Evidence:
    placed = [*run.theirs["orders"], {"id": "d3", "status": "MATCHED"}]
    return replace(
        run,
        theirs={**run.theirs, "orders": placed},
        orders=[*run.orders, order("d3", "entry", decision_id="1")],
    )


def _fill_at(run: Evidence, **changes: Any) -> Evidence:
    first, *more = run.theirs["fills"]
    return replace(run, theirs={**run.theirs, "fills": [{**first, **changes}, *more]})


def _expensive(run: Evidence, dollars: str) -> Evidence:
    changed = _fill_at(run, notional=dollars)
    return replace(changed, theirs={**changed.theirs, "deposits": "500"})


def _sold(run: Evidence, at: datetime) -> Evidence:
    """Let the whale sell at an instant, unheard, while the position is open."""
    sale = Told("trade:0xbb:0xw:tok:SELL", "0xw", "tok", "SELL", at)
    return replace(run, told=[*run.told, sale], positions=[position(state="open")], running=frozenset({"w-p"}))


PLANTED: dict[str, tuple[Callable[[Evidence], Evidence], str]] = {
    "second entry": (_second_entry, "decisions with two entry orders"),
    "entry without a trade": (_second_entry, "2 entries on the exchange for 1 purchases"),
    "copied twice": (lambda run: replace(run, decisions=[*run.decisions] * 2), "signals copied twice"),
    "undecided": (lambda run: replace(run, consumed=[]), "nobody decided about BUY"),
    "sale undecided": (lambda run: _sold(run, AT + timedelta(seconds=1)), "nobody decided about SELL"),
    "invented": (lambda run: replace(run, told=[]), "which never happened"),
    "fill missing": (lambda run: replace(run, fills=run.fills[1:]), "is missing in our books"),
    "fill invented": (
        lambda run: replace(run, theirs={**run.theirs, "fills": run.theirs["fills"][:1]}),
        "never happened",
    ),
    "booked twice": (lambda run: replace(run, ledger=[*run.ledger, run.ledger[0]]), "2 times in the ledger"),
    "not booked": (lambda run: replace(run, ledger=run.ledger[1:]), "0 times in the ledger"),
    "failed and kept": (
        lambda run: _fill_at(run, status="FAILED"),
        "is FAILED and 1 times in the ledger, 0 times",
    ),
    "another size": (lambda run: _fill_at(run, shares="21"), "is 20 at 0.5 here, 21 at 0.5 there"),
    "cash": (lambda run: replace(run, theirs={**run.theirs, "cash": "1002.000001"}), "cash: 1002 here"),
    "fees": (lambda run: replace(run, theirs={**run.theirs, "fees": "0.00001"}), "fees: 0 here"),
    "shares": (lambda run: replace(run, theirs={**run.theirs, "shares": {"tok": "0.000001"}}), "shares of tok: 0"),
    "contradiction": (lambda run: replace(run, books="broken"), "contradict themselves"),
    "forgotten": (lambda run: replace(run, positions=[position(state="open")]), "nobody runs it"),
    "attention": (
        lambda run: replace(run, positions=[position(state="needs_attention")], running=frozenset({"w-p"})),
        "needs attention",
    ),
    "left over": (
        lambda run: replace(run, positions=[position(sold_shares=Decimal(19))]),
        "is closed with 1 shares",
    ),
    "oversold": (lambda run: replace(run, positions=[position(sold_shares=Decimal(21))]), "with -1 shares"),
    "set aside": (
        lambda run: replace(run, held_back=[{"order_id": "o-d1", "position_id": "p"}]),
        "money stays set aside",
    ),
    "foreign order": (lambda run: replace(run, orders=run.orders[:1]), "not in our books"),
    "resting": (
        lambda run: replace(run, theirs={**run.theirs, "orders": [{"id": "d1", "status": "LIVE"}]}),
        "still rests",
    ),
    "endless": (
        lambda run: replace(run, orders=[order("d1", "entry", state="unknown"), run.orders[1]]),
        "is still unknown",
    ),
    "position cap": (lambda run: _expensive(run, "101"), "cost 101, allowed are 100"),
    "market cap": (lambda run: _expensive(run, "60"), "condition_id c cost 60"),
    "event cap": (lambda run: _expensive(run, "80"), "event_id e cost 80"),
    "whale cap": (lambda run: _expensive(run, "200"), "whale 0xw cost 200"),
    "cash overspent": (lambda run: _expensive(run, "501"), "more cash spent than there was"),
    "pace": (
        lambda run: replace(run, orders=[*run.orders, *(order(f"x{n}", "entry", decision_id=n) for n in "ab")]),
        "more than 2 entry orders in the minute",
    ),
}


def test_a_run_that_went_well_has_no_violations() -> None:
    assert violations(good(), CAPS) == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str) -> None:
    plant, words = PLANTED[name]

    assert any(words in line for line in violations(plant(good()), CAPS)), violations(plant(good()), CAPS)


def test_a_failed_fill_that_was_undone_or_never_booked_is_in_order() -> None:
    first, *more = good().theirs["fills"]
    failed = replace(
        good(),
        theirs={**good().theirs, "fills": [{**first, "status": "FAILED"}, *more]},
        fills=[{**good().fills[0], "status": "FAILED"}, *good().fills[1:]],
    )
    undone = replace(failed, ledger=[*failed.ledger, {"kind": "fill_undone", "reference": "fill_undone:d1:t1"}])
    never = replace(failed, ledger=failed.ledger[1:], fills=failed.fills[1:])

    assert violations(undone, CAPS) == []
    assert violations(never, CAPS) == []


def test_a_sale_that_met_a_position_on_its_way_out_needs_no_decision() -> None:
    run = _sold(good(), AT + timedelta(seconds=1))
    leaving = [position(state="awaiting_resolution", exit_reason="market_halted")]

    assert violations(replace(run, positions=leaving), CAPS) == []


def test_a_sale_before_the_open_position_began_needs_no_decision() -> None:
    assert violations(_sold(good(), AT - timedelta(seconds=1)), CAPS) == []


@pytest.mark.parametrize(("side", "token"), [("SELL", "tok"), ("BUY", "other")])
def test_a_sale_that_its_position_did_not_hear_of_is_found(side: str, token: str) -> None:
    at = AT + timedelta(minutes=1)
    sale = Told(f"trade:0xbb:0xw:{token}:{side}", "0xw", token, side, at, condition_id="c")
    out = [order("d2", "exit", venue_at=AT + timedelta(minutes=2))]
    run = replace(good(), told=[sale], orders=out)
    name = sale.key if side == "SELL" else f"opposite:{sale.key}"

    assert list(unheard_sales(run, within=MOMENT)) == [f"position p did not hear of {name}"]
    heard = replace(run, consumed=[{"trade_key": name, "decision_id": "1"}])
    leaving = replace(run, orders=[order("d2", "exit", venue_at=at + timedelta(seconds=1))])
    elsewhere = replace(run, told=[replace(sale, condition_id="d", token_id="t")])
    before = replace(run, told=[replace(sale, at=AT)])
    assert [list(unheard_sales(one, within=MOMENT)) for one in (heard, leaving, elsewhere, before)] == [[]] * 4


def test_what_was_redeemed_before_counts_under_no_limit() -> None:
    bought = [fill("t1", "d1", "BUY", notional="45"), fill("t3", "d3", "BUY", notional="45", matched_at="3")]
    theirs = {**good().theirs, "deposits": "500", "fills": bought}
    run = replace(
        good(),
        orders=[order("d1", "entry"), order("d3", "entry", position_id="q")],
        positions=[position(), position("q", token_id="other", condition_id="later")],
    )
    paid = [{"condition_id": "c", "dollars": "20", "at": "2"}]

    assert list(limits(replace(run, theirs={**theirs, "redemptions": paid}), CAPS)) == []
    assert [line[:15] for line in limits(replace(run, theirs=theirs), CAPS)] == ["event_id e cost"]


def test_entries_further_apart_than_a_minute_are_in_order() -> None:
    later = order("x", "entry", decision_id="2", venue_at=AT + timedelta(minutes=1))
    earlier = order("y", "entry", decision_id="3", venue_at=AT)

    assert not any("minute" in line for line in violations(replace(good(), orders=[later, earlier]), CAPS))


def test_shares_of_a_token_without_any_are_not_a_difference() -> None:
    nothing = replace(
        good(), books=Books(cash=Decimal(1002), shares={TokenId("tok"): Decimal(0)}, fees=Decimal(0))
    )

    assert violations(nothing, CAPS) == []


def test_an_empty_run_proves_nothing() -> None:
    lines = shortfalls(Outcome(seed=1, rounds=12, window_s=1.0))

    assert any(line.startswith("kills: 0 happened") for line in lines)
    assert any(line.startswith("entry orders on the exchange: 0 happened") for line in lines)
    assert len(shortfalls(Outcome(seed=1, rounds=200, window_s=1.0))) > len(lines) + 30


def test_an_outcome_is_json() -> None:
    told = [Told(KEY, "0xw", "tok", "BUY", AT)]
    outcome = Outcome(seed=3, rounds=12, window_s=1.0, told=told, armed=Counter({"ws_drop": 2}))
    shown = json.loads(json.dumps(as_json(outcome)))

    assert (shown["told"], shown["armed"], shown["again"]) == (1, {"ws_drop": 2}, "make chaos SEED=3 ROUNDS=12")
    assert "ws_drop" not in as_text(outcome)
