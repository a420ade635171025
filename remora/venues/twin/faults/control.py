"""The control API of the faults: arm, look, calm, play a schedule."""

import asyncio
import contextlib
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from remora.venues.twin.faults.markets import MarketFaults
from remora.venues.twin.faults.schedule import FaultSchedule, FaultStep, play
from remora.venues.twin.faults.switchboard import MARKET_KINDS, Fault, FaultKind, Switchboard


class FaultControl:
    """Routes under ``/faults``."""

    def __init__(self, board: Switchboard, markets: MarketFaults) -> None:
        self._board = board
        self._markets = markets
        self._playing: asyncio.Task[None] | None = None
        self._missed: list[str] = []

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/faults", self.show),
            Route("/faults", self.arm, methods=["POST"]),
            Route("/faults", self.calm, methods=["DELETE"]),
            Route("/faults/schedule", self.schedule, methods=["POST"]),
        ]

    async def show(self, _request: Request) -> JSONResponse:
        """Answer ``GET /faults``: what is armed, what happened so far, how many requests came."""
        return JSONResponse(self._state())

    async def arm(self, request: Request) -> JSONResponse:
        """Answer ``POST /faults``: arm one fault, or do to a market what it says."""
        try:
            step = FaultStep.model_validate({"at_s": 0, **(await request.json())})
        except (ValidationError, TypeError, ValueError) as error:
            return JSONResponse({"error": _first(error)}, status_code=422)
        try:
            changed = self._start(step)
        except LookupError as error:
            return JSONResponse({"error": str(error)}, status_code=409)
        return JSONResponse({**self._state(), "market": changed})

    async def calm(self, request: Request) -> JSONResponse:
        """Answer ``DELETE /faults?kind=``: switch one off, or all, and stop a schedule."""
        kind = request.query_params.get("kind")
        if kind is not None and kind not in set(FaultKind):
            return JSONResponse({"error": f"no fault {kind}"}, status_code=422)
        if kind is None and self._playing is not None:
            self._playing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._playing
            self._playing = None
        self._board.clear(None if kind is None else FaultKind(kind))
        return JSONResponse(self._state())

    async def schedule(self, request: Request) -> JSONResponse:
        """Answer ``POST /faults/schedule``: play it from now on, in place of an earlier one."""
        try:
            schedule = FaultSchedule.model_validate(await request.json())
        except (ValidationError, ValueError) as error:
            return JSONResponse({"error": _first(error)}, status_code=422)
        self.play(schedule)
        return JSONResponse(self._state())

    def play(self, schedule: FaultSchedule) -> None:
        """Play a schedule from now on, in place of an earlier one."""
        if self._playing is not None:
            self._playing.cancel()
        self._board.reseed(schedule.seed)
        self._playing = asyncio.create_task(play(schedule, start=self._try, end=self._board.clear))

    def _try(self, step: FaultStep) -> None:
        try:
            self._start(step)
        except LookupError as error:
            self._missed.append(f"{step.kind.value}: {error}")

    def _start(self, step: FaultStep) -> str | None:
        fault = Fault(kind=step.kind, rate=step.rate, left=step.count, seconds=step.seconds, on=step.on)
        if step.kind in MARKET_KINDS:
            return self._markets.act(fault, step.market)
        self._board.arm(fault)
        return None

    def _state(self) -> dict[str, Any]:
        return {
            "seed": self._board.seed,
            "armed": [
                {"kind": one.kind, "rate": one.rate, "left": one.left, "seconds": one.seconds, "on": one.on}
                for one in self._board.armed.values()
            ],
            "happened": dict(sorted(self._board.happened.items())),
            "missed": list(self._missed),
            "playing": self._playing is not None and not self._playing.done(),
            "requests": dict(sorted(self._board.requests.items())),
        }


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors()[0]
        return f"{'.'.join(str(part) for part in found['loc'])}: {found['msg']}"
    return f"the body must be a JSON object: {error}"
