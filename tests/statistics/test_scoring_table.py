"""What a score may see of its input."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from remora.statistics.scoring_table import MarketResolution, known_payouts, trade_table

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    return {
        "at": "2026-04-30T12:00:00+00:00",
        "wallet": "0xAB",
        "condition_id": "m",
        "outcome_index": 0,
        "event_id": "e",
        "side": "BUY",
        "price": "0.4",
        "size": "10",
    } | changes


def test_text_and_numbers_are_read_alike() -> None:
    plain = trade_table([row()], as_of=NOW, fee_rate=0.02)
    typed = trade_table(
        pd.DataFrame([row(at=datetime(2026, 4, 30, 12, tzinfo=UTC), price=0.4, size=10.0)]),
        as_of=NOW,
        fee_rate=0.02,
    )

    assert plain.wallet == typed.wallet == ["0xab"]
    assert plain.at[0] == typed.at[0] == datetime(2026, 4, 30, 12, tzinfo=UTC).timestamp()
    assert (plain.price[0], plain.size[0], plain.fee_rate[0]) == (0.4, 10.0, 0.02)


def test_a_rows_own_fee_wins() -> None:
    table = trade_table([row(fee_rate="0.05"), row(wallet="0xb", fee_rate=None)], as_of=NOW, fee_rate=0.02)

    assert table.fee_rate.tolist() == [0.05, 0.02]


def test_rows_that_happened_or_were_known_later_do_not_exist() -> None:
    table = trade_table(
        [
            row(),
            row(at="2026-05-01T00:00:00.000001Z"),
            row(known_at="2026-05-02T00:00:00+00:00"),
            row(known_at="2026-04-30T12:00:05+00:00"),
        ],
        as_of=NOW,
        fee_rate=0.0,
    )

    assert len(table.at) == 2


@pytest.mark.parametrize(
    "bad",
    [
        *({"price": price} for price in (0, 1, "x", None)),
        *({"size": size} for size in (0, -1, "inf", None)),
        *({"outcome_index": index} for index in (2, -1, None)),
        {"side": "HOLD"},
    ],
)
def test_unusable_rows_are_left_out_and_counted(bad: dict[str, Any]) -> None:
    table = trade_table([row(), row(**bad)], as_of=NOW, fee_rate=0.0)

    assert (len(table.at), table.rejected) == (1, 1)


def test_a_merge_needs_no_outcome_or_price() -> None:
    merge = row(side="MERGE", outcome_index=None, price=None, event_id=None)

    assert len(trade_table([row(), merge], as_of=NOW, fee_rate=0.0).at) == 2


def test_nothing_is_a_table_too() -> None:
    assert trade_table([], as_of=NOW, fee_rate=0.0).wallet == []


def test_missing_columns_are_named() -> None:
    with pytest.raises(ValueError, match="missing: price, size"):
        trade_table([{k: v for k, v in row().items() if k not in ("price", "size")}], as_of=NOW, fee_rate=0.0)


@pytest.mark.parametrize("at", ["2026-04-30T12:00:00", datetime(2026, 4, 30)])  # noqa: DTZ001
def test_times_without_a_zone_are_an_error(at: object) -> None:
    with pytest.raises(ValueError, match="timezone-aware"):
        trade_table([row(at=at)], as_of=NOW, fee_rate=0.0)
    with pytest.raises(ValueError, match="timezone-aware"):
        trade_table([row()], as_of=NOW.replace(tzinfo=None), fee_rate=0.0)
    with pytest.raises(ValueError, match="timezone-aware"):
        known_payouts([{"at": at, "condition_id": "m", "payouts": (1, 0)}], as_of=NOW)


def test_resolutions_count_once_they_are_known() -> None:
    early, late = (
        MarketResolution(at=NOW + timedelta(seconds=s), condition_id=c, payouts=(1.0, 0.0))
        for s, c in ((0, "a"), (1, "b"))
    )

    assert set(known_payouts([early, late], as_of=NOW)) == {"a"}


@pytest.mark.parametrize("payouts", [(1, 1), (-1, 2), (0.5, 0.4), ("nan", 1)])
def test_payouts_that_are_none_are_an_error(payouts: tuple[object, object]) -> None:
    with pytest.raises(ValueError, match="payouts must not be negative and sum to 1"):
        known_payouts([{"at": NOW, "condition_id": "m", "payouts": payouts}], as_of=NOW)


def test_a_resolution_without_payouts_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"missing: \['payouts'\]"):
        known_payouts([{"at": NOW, "condition_id": "m"}], as_of=NOW)
