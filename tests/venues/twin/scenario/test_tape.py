from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.venues.twin.scenario.tape import REQUIRED, TapeError, read_tape
from remora.venues.twin.scenario.tape_scenario import tape_scenario

WALLET = "0x" + "a1" * 20
GOOD: dict[str, Any] = {
    "ts": 1_667_800_000,
    "wallet": WALLET,
    "market": "0x" + "b2" * 20,
    "outcome_index": 0,
    "side": "BUY",
    "price": 0.43,
    "size": 10.0,
    "winner_index": 1,
}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_a_missing_column_is_named_with_what_was_found(tmp_path: Path) -> None:
    tape = write(tmp_path / "t.parquet", [{"ts": 1, "wallet": WALLET}])

    with pytest.raises(
        TapeError, match=r"lacks the columns market, outcome_index, side, price, size.*found ts, wallet"
    ):
        read_tape(tape)


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"hello, this is not Parquet at all")

    with pytest.raises(TapeError, match="cannot be read as Parquet"):
        read_tape(tmp_path / "t.parquet")


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="does not exist"):
        read_tape(tmp_path / "none.parquet")


def test_a_tape_without_one_good_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="price_out_of_range 1"):
        read_tape(write(tmp_path / "t.parquet", [{**GOOD, "price": 1.0}]))


def test_unsorted_rows_are_sorted_and_the_notice_says_so(tmp_path: Path) -> None:
    tape = read_tape(write(tmp_path / "t.parquet", [{**GOOD, "ts": 1_667_800_000 + s} for s in (5, 1, 3)]))

    assert [int(row.at.timestamp()) - 1_667_800_000 for row in tape.rows] == [1, 3, 5]
    assert "has been sorted" in tape.notices[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"price": 0.0}, "price_out_of_range"),
        ({"price": 1.0}, "price_out_of_range"),
        ({"price": -0.2}, "price_out_of_range"),
        ({"price": 1e-9}, "price_out_of_range"),
        ({"price": float("nan")}, "price_out_of_range"),
        ({"price": None}, "price_out_of_range"),
        ({"size": 0.0}, "size_out_of_range"),
        ({"size": -3.0}, "size_out_of_range"),
        ({"size": 1e30}, "size_out_of_range"),
        ({"size": float("inf")}, "size_out_of_range"),
        ({"ts": None}, "malformed"),
        ({"ts": 99_999_999_999_999}, "malformed"),
        ({"wallet": "nobody"}, "malformed"),
        ({"side": "HOLD"}, "malformed"),
        ({"outcome_index": 2}, "not_binary"),
        ({"outcome_index": None}, "not_binary"),
        ({"kind": "REDEEM"}, "not_a_trade"),
    ],
)
def test_a_row_the_venue_could_not_have_printed_is_kept_out_and_counted(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    tape = read_tape(
        write(tmp_path / "t.parquet", [{**GOOD, "kind": "TRADE"}, {**GOOD, "kind": "TRADE", **change}])
    )

    assert dict(tape.rejected) == {reason: 1}
    assert len(tape.rows) == 1
    assert f"1 {reason}" in tape.notices[-1]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "ts": st.integers(-(2**40), 2**40),
                "wallet": st.sampled_from([WALLET, WALLET.upper().replace("X", "x"), "", "0x12"]),
                "market": st.sampled_from(["0x" + "b2" * 20, ""]),
                "outcome_index": st.integers(-1, 2),
                "side": st.sampled_from(["BUY", "SELL", "buy", "x"]),
                "price": st.floats(allow_nan=True),
                "size": st.floats(allow_nan=True),
            }
        ),
        max_size=20,
    )
)
def test_every_row_is_either_kept_or_counted(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    good = {name: GOOD[name] for name in REQUIRED}
    tape = read_tape(write(tmp_path_factory.mktemp("tape") / "t.parquet", [good, *rows]))

    assert len(tape.rows) + sum(tape.rejected.values()) == len(rows) + 1
    assert all(0 < row.price < 1 and row.size > 0 for row in tape.rows)


def test_a_column_of_timestamps_has_the_same_bounds_as_one_of_seconds(tmp_path: Path) -> None:
    times = [datetime(2022, 11, 7, 5, 46, 40), datetime(9999, 12, 31), datetime(1970, 1, 1)]  # noqa: DTZ001
    tape = read_tape(write(tmp_path / "t.parquet", [{**GOOD, "ts": at} for at in times]))

    assert [row.at for row in tape.rows] == [datetime(2022, 11, 7, 5, 46, 40, tzinfo=UTC)]
    assert dict(tape.rejected) == {"malformed": 2}


def test_a_window_without_trades_is_refused_with_the_recorded_span(tmp_path: Path) -> None:
    tape = write(tmp_path / "t.parquet", [GOOD])

    with pytest.raises(TapeError, match=r"no trade between 2023-01-01.*runs from 2022-11-07"):
        tape_scenario(tape, start=datetime(2023, 1, 1, tzinfo=UTC))
