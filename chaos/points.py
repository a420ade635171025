"""Every point of the order path at which a process waits, enumerated from the source, to die right there."""

import ast
import importlib.util
import sys
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any, TypeVar

Result = TypeVar("Result")

ROOT = Path(__file__).parent.parent
ORDER_PATH: Mapping[str, frozenset[str]] = {
    "activities.entry": frozenset(),
    "activities.order_protocol": frozenset(),
    "activities.orders": frozenset(),
    "activities.redeeming": frozenset(),
    "remora.storage.risk": frozenset(),
    "remora.storage.decision_rows": frozenset(),
    "remora.storage.orders": frozenset({"find_by_digest", "entries_in_flight", "note_unmatched"}),
    "remora.storage.fills": frozenset({"is_written"}),
    "remora.storage.unsigned": frozenset(),
    "remora.storage.ledger": frozenset({"balances"}),
    "remora.storage.redemptions": frozenset(),
    "remora.venues.polymarket.trading": frozenset(
        {"close", "cancel", "beat", "open_orders", "fills", "cash", "holdings", "_read_tick_again"}
    ),
}
"""From the risk check to the ledger: modules, and their functions that no order and no exit passes through."""

ELSEWHERE = {
    "remora.storage.risk.decide_and_record live.standing_live": "asked on live accounts only",
    "remora.storage.risk.decide_and_record live.permission": "asked on live accounts only",
    "remora.venues.polymarket.trading._signed self._secure.create_limit_order": "no position rests an order",
    "activities.order_protocol._settle orders.set_order_state#2": "no position rests an order",
    "activities.order_protocol._end_if_gone orders.set_order_state": "no position rests an order",
    "activities.order_protocol.withdraw_resting tools.venue.cancel": "no position rests an order",
    "remora.storage.risk._earlier _recorded#2": "an upgrade that names the decision anew between two attempts",
    "activities.redeeming.redeem_market _under_way": "two positions redeem one market in the same instant",
    "activities.redeeming._under_way": "two positions redeem one market in the same instant",
    "activities.entry._refused orders.load_order": "stopped, or without a venue, after a death",
    "activities.entry._refused give_up": "stopped, or without a venue, after a death",
    "activities.entry._refused self._entered": "stopped, or without a venue, after a death",
    "activities.order_protocol._submit orders.mark_sending": "two workers at one order at once",
    "remora.storage.orders.attach_signed _load": "two workers at one order at once",
    "activities.order_protocol._submit _reject ": "a desk that stops right after an approval (test_pause_race)",
    "activities.orders.settle_by_hand reconcile.book": "a person may say so only of what is listed nowhere",
    "remora.storage.fills._withdraw_finding _post": "a person may say so only of what is listed nowhere",
}
"""Beginnings of the names of points that no copy on the twin passes, and why."""

WAIT, SCOPE, STREAM = "__crash_wait__", "__crash_scope__", "__crash_stream__"
Hook = Callable[[str], None]


def _nothing(_point: str) -> None:
    return


_hook: Hook = _nothing


def set_hook(hook: Hook) -> None:
    """Call `hook` with the name of every point that is reached."""
    global _hook  # noqa: PLW0603 (one process, one crash)
    _hook = hook


async def wait(name: str, made: Awaitable[Result]) -> Result:
    """Await `made` between its two points."""
    _hook(f"{name} before")
    result = await made
    _hook(f"{name} after")
    return result


class Scope:
    """An ``async with`` between its four points: the last two stand around a commit where it is a transaction."""

    def __init__(self, name: str, inner: AbstractAsyncContextManager[Any]) -> None:
        self._name = name
        self._inner = inner

    async def __aenter__(self) -> Any:
        """Enter between two points."""
        return await wait(f"{self._name} enter", self._inner.__aenter__())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Leave between two points, unless an error passes through."""
        left = self._inner.__aexit__(kind, error, trace)
        return await (left if error is not None else wait(f"{self._name} exit", left))


async def stream(name: str, source: AsyncIterable[Result]) -> AsyncIterator[Result]:
    """Pass an ``async for``'s items on between its two points."""
    _hook(f"{name} before")
    async for item in source:
        yield item
    _hook(f"{name} after")


class _Wrap(ast.NodeTransformer):
    def __init__(self, module: str) -> None:
        self._module = module
        self._left_out = ORDER_PATH[module]
        self._inside: list[str] = []
        self._seen: Counter[str] = Counter()
        self.points: list[str] = []

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        if not self._inside and node.name in self._left_out:
            return node
        self._inside.append(node.name)
        self.generic_visit(node)
        self._inside.pop()
        return node

    def visit_Await(self, node: ast.Await) -> ast.AST:
        name = self._name(node.value)
        self.generic_visit(node)
        self._add(name, "before", "after")
        return ast.copy_location(ast.Await(value=_call(WAIT, name, node.value)), node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        for item in node.items:
            name = self._name(item.context_expr)
            self._add(name, "enter before", "enter after", "exit before", "exit after")
            item.context_expr = _call(SCOPE, name, self.visit(item.context_expr))
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        name = self._name(node.iter) if node.is_async else ""
        self.generic_visit(node)
        if node.is_async:
            self._add(name, "before", "after")
            node.iter = _call(STREAM, name, node.iter)
        return node

    def _name(self, awaited: ast.expr) -> str:
        called = awaited.func if isinstance(awaited, ast.Call) else awaited
        name = f"{self._module}.{'.'.join(self._inside)} {ast.unparse(called)}".replace("\n", " ")[:150]
        self._seen[name] += 1
        return name if self._seen[name] == 1 else f"{name}#{self._seen[name]}"

    def _add(self, name: str, *moments: str) -> None:
        self.points += [f"{name} {moment}" for moment in moments]


def _call(function: str, name: str, value: Any) -> ast.Call:
    call = ast.Call(func=ast.Name(function, ast.Load()), args=[ast.Constant(name), value], keywords=[])
    return ast.copy_location(call, value)


@cache
def _wrapped(module: str) -> tuple[ast.Module, tuple[str, ...]]:
    source = ROOT / Path(*module.split(".")).with_suffix(".py")
    wrap = _Wrap(module)
    tree = ast.fix_missing_locations(wrap.visit(ast.parse(source.read_text(), str(source))))
    return tree, tuple(wrap.points)


def enumerated() -> list[str]:
    """Return every point at which the order path's functions wait, module by module, in the source's order."""
    return [point for module in ORDER_PATH for point in _wrapped(module)[1]]


def points() -> list[str]:
    """Return the points that a copy on the twin can pass: these are the crash points."""
    return [point for point in enumerated() if not elsewhere(point)]


def elsewhere(point: str) -> str | None:
    """Return why no copy on the twin passes a point, None for a point of the path."""
    return next((why for start, why in ELSEWHERE.items() if point.startswith(start)), None)


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        return compile(_wrapped(fullname)[0], self.path, "exec")

    def exec_module(self, module: ModuleType) -> None:
        for name, wrapper in ((WAIT, wait), (SCOPE, Scope), (STREAM, stream)):
            setattr(module, name, wrapper)
        super().exec_module(module)


class _Finder:
    @staticmethod
    def find_spec(name: str, _path: Any = None, _target: Any = None) -> ModuleSpec | None:
        if name not in ORDER_PATH:
            return None
        source = ROOT / Path(*name.split(".")).with_suffix(".py")
        return importlib.util.spec_from_file_location(name, source, loader=_Loader(name, str(source)))


def install() -> None:
    """Let the order path's modules be imported with their points; none of them may be imported yet."""
    loaded = [name for name in ORDER_PATH if name in sys.modules]
    assert not loaded, f"imported before the points were set: {loaded}"
    sys.meta_path.insert(0, _Finder())
