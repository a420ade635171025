"""The worker dies at points of the order path, and nothing is lost: a few of them here, all of them when asked."""

import ast

import pytest

from chaos.crash import DANGEROUS, CrashReport, crash_everywhere
from chaos.points import ELSEWHERE, ORDER_PATH, ROOT, enumerated, points

AROUND_THE_WIRE = (
    "remora.storage.risk.decide_and_record engine.begin exit after",
    "activities.order_protocol._submit tools.venue.send after",
    "activities.orders._sell_once orders.create_exit_intent after",
    "remora.storage.fills.record_fills engine.begin exit after",
)


def test_every_wait_of_the_order_path_is_enumerated_once() -> None:
    waits = 0
    for module, left_out in ORDER_PATH.items():
        tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
        assert left_out <= {function.name for function in functions}
        for node in (node for f in functions if f.name not in left_out for node in ast.walk(f)):
            waits += 2 * isinstance(node, ast.Await)
            waits += 4 * len(node.items) if isinstance(node, ast.AsyncWith) else 0
            waits += 2 * node.is_async if isinstance(node, ast.comprehension) else 0
            assert not isinstance(node, ast.AsyncFor), "the points of an `async for` statement are not set yet"

    assert len(enumerated()) == len(set(enumerated())) == waits
    assert waits > 300


def test_points_that_are_left_out_and_those_of_the_short_form_exist() -> None:
    for start in ELSEWHERE:
        assert any(point.startswith(start) for point in enumerated()), start
    assert set(DANGEROUS) <= set(points())
    assert set(AROUND_THE_WIRE) <= set(DANGEROUS)


def _report(found: CrashReport) -> str:
    return "\n".join([*found.broken, *(f"not reached: {point}" for point in found.missed)])


@pytest.mark.system
@pytest.mark.timeout(600)
@pytest.mark.slow
async def test_a_worker_that_dies_around_the_wire_loses_nothing() -> None:
    found = await crash_everywhere(AROUND_THE_WIRE, kinds=["plain"])

    assert (found.broken, found.missed) == ([], []), _report(found)


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.timeout(7200)
async def test_a_worker_that_dies_at_any_point_loses_nothing() -> None:
    found = await crash_everywhere()

    assert (found.broken, found.missed) == ([], []), _report(found)
