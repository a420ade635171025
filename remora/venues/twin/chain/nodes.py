"""Several nodes of one chain, each with faults of its own: one may lie while another does not."""

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

from remora.venues.twin.chain.faults import ChainFaults
from remora.venues.twin.chain.rpc_app import RpcApp


@dataclass(slots=True, kw_only=True)
class Nodes:
    """The node at every path, and named ones at ``/{name}``; `make` returns a further one and its faults."""

    first: RpcApp
    make: Callable[[], tuple[RpcApp, ChainFaults]]
    _named: dict[str, tuple[RpcApp, ChainFaults, ASGIApp]] = field(default_factory=dict)
    _first: ASGIApp = field(init=False)

    def __post_init__(self) -> None:
        self._first = self.first.app()

    def faults_of(self, name: str) -> ChainFaults:
        """Return the faults of a named node, which is there from now on."""
        if name not in self._named:
            app, faults = self.make()
            self._named[name] = (app, faults, app.app())
        return self._named[name][1]

    def disconnect_all(self) -> int:
        """Drop every subscriber of every node; return how many there were."""
        return sum(app.disconnect_all() for app in (self.first, *(app for app, _, _ in self._named.values())))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection or request."""
        name = str(scope.get("path", "")).strip("/").partition("/")[0]
        named = self._named.get(name)
        await (self._first if named is None else named[2])(scope, receive, send)
