"""Would a careful person run this, and why not: the questions a report must answer before any picture."""

from dataclasses import dataclass
from typing import Any

from remora.backtest.tearsheet.words import dollars, signed_percent

CLUSTERS_MIN = 30
DSR_MIN = 0.95
PBO_MAX = 0.5
LOSS_OUTSIDE_MAX, SPLITS_MIN = 0.05, 252
"""A policy chosen by its past that loses no more often than this, in so many splits, may be chosen by luck."""

LOSS_CHANCE_MAX = 0.10
DRAWDOWN_MAX = 0.20
MISSING_MAX = 0.10


@dataclass(frozen=True, slots=True)
class Question:
    """One condition: `passed` is None where the data cannot answer it, which counts as no."""

    name: str
    passed: bool | None
    answer: str


def verdict(report: dict[str, Any]) -> dict[str, Any]:
    """Return ``yes``, ``no`` or ``nothing to judge``, the sentence for it, and every question with its answer."""
    if report["funnel"]["filled"] == 0:
        return {
            "answer": "nothing to judge",
            "sentence": _nothing(report),
            "questions": [],
        }
    questions = [
        _profit(report),
        _pessimist(report),
        _luck(report),
        overfit(report["overfitting"]),
        _simulated(report),
        _controls(report),
        _spread_out(report),
        _evidence(report),
        _data(report),
        _hindsight(report),
    ]
    failed = [question for question in questions if not question.passed]
    answer = "no" if failed else "yes"
    sentence = (
        "Every question is answered well; start on paper all the same."
        if not failed
        else f"{len(failed)} of {len(questions)} questions speak against it, first of all: {failed[0].answer}"
    )
    return {
        "answer": answer,
        "sentence": sentence,
        "questions": [{"name": q.name, "passed": q.passed, "answer": q.answer} for q in questions],
    }


def _nothing(report: dict[str, Any]) -> str:
    funnel = report["funnel"]
    if funnel["signals"] == 0 and funnel["exit_signals"] == 0:
        return "Nobody was followed, or nobody who was followed traded: there is no position to judge."
    if funnel["orders"]:
        return (
            f"{funnel['orders']} orders were sent and none was filled: "
            "nobody traded on our side within our limit soon enough after the whales."
        )
    reason, count = next(iter(funnel["refused"].items()), ("", 0))
    return f"All {funnel['signals']} signals were refused, {count} of them as {reason}: there is nothing to judge."


def _profit(report: dict[str, Any]) -> Question:
    pnl, total = report["performance"]["pnl"], report["performance"]["total_return"]
    return Question(
        "Is it profitable after costs?",
        pnl > 0,
        f"It came to {dollars(pnl)} ({signed_percent(total)}) after costs.",
    )


def _pessimist(report: dict[str, Any]) -> Question:
    name = "Also when fills are bad?"
    rows = {row["name"]: row for row in report["fills"]}
    if "pessimistic" not in rows:
        return Question(name, None, "Bad fills were not tried.")
    row = rows["pessimistic"]
    if not row["positions"]:
        return Question(name, None, "Under pessimistic fills nothing would have been bought at all.")
    return Question(name, row["pnl"] > 0, f"Under pessimistic fills it came to {dollars(row['pnl'])}.")


def _luck(report: dict[str, Any]) -> Question:
    name = "Is it more than luck?"
    found = report["deflated"]
    if found["dsr"] is None:
        return Question(name, None, "The daily returns do not allow a Sharpe ratio.")
    tries = "one configuration" if found["trials"] == 1 else f"{found['trials']} configurations"
    return Question(
        name,
        found["dsr"] >= DSR_MIN,
        f"The deflated Sharpe ratio is {found['dsr']:.3f} after {tries} tried on this data; "
        f"{DSR_MIN} is asked for.",
    )


def overfit(found: dict[str, Any]) -> Question:
    """Judge what :func:`remora.backtest.overfitting.overfitting` found."""
    name = "Does a policy chosen by its past hold?"
    if found["pbo"] is None:
        return Question(name, None, f"Overfitting cannot be measured: {found.get('why_not', 'too little moved')}.")
    null = found["null"].get("p5")
    beside = (
        "" if null is None else f"; on noise nine of ten lie between {null:.2f} and {found['null']['p95']:.2f}"
    )
    return Question(
        name,
        found["pbo"] < PBO_MAX or (found["splits"] >= SPLITS_MIN and found["loss_outside"] <= LOSS_OUTSIDE_MAX),
        f"The best of {found['policies']} policies is below the median out of sample in {found['pbo']:.0%} "
        f"of the splits{beside}; it loses money in {found['loss_outside']:.0%} of them.",
    )


def _simulated(report: dict[str, Any]) -> Question:
    name = "Does it survive other histories?"
    found = report["simulations"]
    if not found["simulations"]:
        return Question(name, None, "Nothing was simulated.")
    deep = found["drawdown"].get("p95", 0.0)
    good = found["chance_of_loss"] <= LOSS_CHANCE_MAX and deep <= DRAWDOWN_MAX
    return Question(
        name,
        good,
        f"{found['chance_of_loss']:.0%} of {found['simulations']} simulations lose money; "
        f"one in twenty falls {deep:.0%} or more from its peak.",
    )


def _controls(report: dict[str, Any]) -> Question:
    name = "Is it better than the controls?"
    rows = report["controls"]
    if not rows:
        return Question(name, None, "No control was run.")
    best = max(rows, key=lambda row: row["pnl_high"])
    pnl = report["performance"]["pnl"]
    return Question(
        name,
        pnl > best["pnl_high"],
        f"The best control, {best['name']}, reached {dollars(best['pnl_high'])}, this {dollars(pnl)}.",
    )


def _spread_out(report: dict[str, Any]) -> Question:
    found = report["attribution"]["concentration"]
    least = min(found["without_best_whale"], found["without_best_event"])
    which = "whale" if found["without_best_whale"] <= found["without_best_event"] else "event"
    return Question(
        "Does it hang on one whale or event?",
        least > 0,
        f"Without the best {which} it would have come to {dollars(least)}.",
    )


def _evidence(report: dict[str, Any]) -> Question:
    count = report["simulations"]["clusters"]
    return Question(
        "Is there enough evidence?",
        count >= CLUSTERS_MIN,
        f"The positions lie in {count} independent group{'s' if count != 1 else ''} of events; "
        f"{CLUSTERS_MIN} are asked for.",
    )


def _data(report: dict[str, Any]) -> Question:
    data = report["data"]
    missing, assumed = data["capital_without_result"], data["capital_on_assumed_end"]
    return Question(
        "Is the data good enough?",
        max(missing, assumed) <= MISSING_MAX,
        f"{missing:.0%} of the capital went into markets without a recorded result, "
        f"{assumed:.0%} into markets with an assumed end, {data['capital_with_equal_rows']:.0%} into markets with "
        f"rows told twice perhaps; {data['capital_over_gaps']:.0%} was held through a silent day.",
    )


def _hindsight(report: dict[str, Any]) -> Question:
    select = report["spec"]["select"]
    return Question(
        "Were the whales chosen without hindsight?",
        bool(select),
        "They were chosen walk-forward, on what was known at each date."
        if select
        else "They were named by a person, who may know how it went.",
    )
