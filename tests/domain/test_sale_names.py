"""No two sales of a position go by the same name."""

from hypothesis import given
from hypothesis import strategies as st

from remora.domain.sale_names import last_sale, sale_name


@given(st.sampled_from(["p-1", "p-12", "p-1-1"]), st.sets(st.integers(1, 300)), st.integers(0, 9))
def test_the_newest_sale_is_found_among_all_orders(position: str, numbers: set[int], tries: int) -> None:
    ids = [f"{sale_name(position, number)}-{tries}.1.0" for number in numbers]
    others = ["o-1", f"r-{position}", f"{sale_name('p-9', 400)}-0.1.0", f"x-{position}-odd-0.1.0"]

    assert last_sale(position, [*others, *ids]) == max(numbers, default=0)


def test_a_position_without_sales_begins_with_the_first() -> None:
    assert last_sale("p-1", []) == last_sale("p-1", ["o-1", "r-1"]) == 0
