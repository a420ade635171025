"""Names of sales: each order of a sale begins with it, and no two sales of a position share one."""

from collections.abc import Iterable


def sale_name(position_id: str, number: int) -> str:
    """Return the name of a position's `number`th sale."""
    return f"x-{position_id}-{number}"


def last_sale(position_id: str, order_ids: Iterable[str]) -> int:
    """Return the number of the newest sale that one of a position's orders belongs to, 0 without any."""
    start = sale_name(position_id, 0).removesuffix("0")
    ours = [order_id.removeprefix(start) for order_id in order_ids if order_id.startswith(start)]
    numbers = [name.partition("-")[0] for name in ours]
    return max((int(number) for number in numbers if number.isdecimal()), default=0)
