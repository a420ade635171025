"""``remora rescore``."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remora.cli.options import RankedBy

if TYPE_CHECKING:
    from temporalio.client import WorkflowFailureError, WorkflowHandle

    from schemas.rescore import RescoreResult
    from workflows.rescore import RescoreWorkflow

LOOK_EVERY_S = 0.3


def rescore(
    *,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Judge by what was known then.", show_default="now")
    ] = None,
    pull: Annotated[bool, typer.Option("--pull/--no-pull", help="Read the public history first.")] = False,
    shards: Annotated[int | None, typer.Option(min=1, max=4096, help="Parts.", show_default="by wallets")] = None,
    rank_by: RankedBy = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for the result.")] = 3600.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score every wallet again, publish a new roster, and wait for it with progress.

    The work is spread over everything that polls the research queue. The stack does this by itself every six
    hours; a run that goes on already is joined, whatever it was asked for. The age of the roster counts from
    --as-of. Exit code 3: it would be stale from the start (REMORA_ROSTER_AGE_MAX_H, 24 h); `remora discover`
    shows it. 4: no worker answers in time; the run goes on.
    """
    import asyncio

    from remora.cli.reading import show_json
    from remora.cli.research import instant, wanted_order

    at = None if as_of is None else instant(as_of)
    order = wanted_order(rank_by)
    found = asyncio.run(_rescore(at, pull, shards, order, timeout))
    if as_json:
        show_json(found.model_dump(mode="json"))
        return
    typer.echo(
        f"Roster {found.roster_version} as of {found.as_of.isoformat()}: {found.active} active, "
        f"{found.probation} on probation, {found.demoted} demoted, of {found.wallets} wallets."
        + (f" Ordered by {found.rank_by}." if found.rank_by else "")
    )
    if found.notice:
        typer.echo(f"No scores: {found.notice}.")
    typer.echo(f"Learned model: {found.learned_model}.")
    for gate, count in found.funnel.items():
        typer.echo(f"  {gate:<20} {count}")


async def _rescore(
    as_of: datetime | None,
    pull: bool,  # noqa: FBT001 (an option of the command)
    shards: int | None,
    rank_by: str | None,
    timeout: float,  # noqa: ASYNC109
) -> "RescoreResult":
    from temporalio.client import WorkflowFailureError

    from remora.cli.progress import RowBar
    from remora.cli.steering import answered, connected, operator
    from starters.rescore import start_rescoring

    handle = await start_rescoring(
        await connected(), as_of=as_of, pull=pull, by=operator(), shards=shards, rank_by=rank_by
    )
    with RowBar("shards") as bar:
        try:
            return await answered(_watched(handle, bar), what="the rescoring", within_s=timeout)
        except WorkflowFailureError as error:
            raise _refused(error) from error


def _refused(error: "WorkflowFailureError") -> Exception:
    """Return the refusal of a run that would have made a stale roster; any other failure as it is."""
    from temporalio.exceptions import ActivityError, ApplicationError

    from remora.cli.errors import CommandFailed, Exit
    from schemas.rescore import TOO_OLD

    cause = error.cause.cause if isinstance(error.cause, ActivityError) else error.cause
    if not isinstance(cause, ApplicationError) or cause.type != TOO_OLD:
        return error
    return CommandFailed(
        f"Refused: {cause.message}.",
        "`remora discover --as-of` shows whom such a roster would hold, and changes nothing.",
        code=Exit.REFUSED,
    )


async def _watched(handle: "WorkflowHandle[RescoreWorkflow, RescoreResult]", bar: Any) -> "RescoreResult":
    """Return the result, and show where the run stands until then."""
    import asyncio

    from temporalio.client import WorkflowQueryFailedError
    from temporalio.service import RPCError

    from workflows.rescore import RescoreWorkflow

    result = asyncio.create_task(handle.result())
    try:
        while not result.done():
            try:
                at = await handle.query(RescoreWorkflow.progress, rpc_timeout=None)
                bar(at.shards_done, max(1, at.shards))
            except (RPCError, WorkflowQueryFailedError):  # no worker yet: the result is waited for all the same
                pass
            await asyncio.wait([result], timeout=LOOK_EVERY_S)
        return await result
    finally:
        result.cancel()
