"""What Temporal knows of positions: which run, and what each remembers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable
from typing import TypeVar

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from remora.domain.ids import AccountId, OrderDigest, TokenId
from schemas.desk import DeskState, desk_workflow_id
from schemas.position import PositionSnapshot

Answer = TypeVar("Answer")

PAGE = 1000
AT_ONCE = 8
"""Queries to workflows at the same time; each may load a history into a worker."""

QUERY_PATIENCE_S = 10.0


class Recollection:
    """Reads Temporal; what its visibility store does not show yet is asked for by id."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def running(self, account: AccountId, wanted: Collection[str]) -> set[str]:
        """Return those of the `wanted` workflow ids that run now."""
        query = f"WorkflowType = 'PositionWorkflow' AND ExecutionStatus = 'Running' AND Account = '{account}'"
        listed = {found.id async for found in self._client.list_workflows(query, page_size=PAGE)}
        rest = [workflow_id for workflow_id in wanted if workflow_id not in listed]
        answers = await _few_at_once(self.runs(workflow_id) for workflow_id in rest)
        return (listed & set(wanted)) | {name for name, runs in zip(rest, answers, strict=True) if runs}

    async def runs(self, workflow_id: str) -> bool:
        """Return whether a workflow runs."""
        try:
            found = await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return found.status is WorkflowExecutionStatus.RUNNING

    async def snapshot(self, workflow_id: str, run_id: str | None = None) -> PositionSnapshot | None:
        """Return what a position remembers, also after its end; None when it cannot be asked."""
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        try:
            async with asyncio.timeout(QUERY_PATIENCE_S):
                found: PositionSnapshot = await handle.query("state", result_type=PositionSnapshot)
        except (RPCError, WorkflowQueryFailedError, TimeoutError):
            return None
        return found

    async def desk(self, account: AccountId) -> DeskState | None:
        """Return what the desk remembers; None when it cannot be asked."""
        handle = self._client.get_workflow_handle(desk_workflow_id(account))
        try:
            async with asyncio.timeout(QUERY_PATIENCE_S):
                found: DeskState = await handle.query("state", result_type=DeskState)
        except (RPCError, WorkflowQueryFailedError, TimeoutError):
            return None
        return found

    async def placers(
        self, account: AccountId, digests: Collection[OrderDigest], tokens: Collection[TokenId]
    ) -> dict[OrderDigest, tuple[PositionSnapshot, str]]:
        """Return the position, and its run's id, that remembers having placed each of `digests`."""
        wanted, found = set(digests), {}
        runs = [
            (name, run) async for name, run in self._candidates(account) if name.rpartition("/")[2] in set(tokens)
        ]
        snapshots = await _few_at_once(self.snapshot(name, run) for name, run in runs)
        for (_, run_id), snapshot in zip(runs, snapshots, strict=True):
            for digest in () if snapshot is None else snapshot.orders:
                if digest in wanted and snapshot is not None:
                    found[digest] = (snapshot, run_id)
        return found

    async def _candidates(self, account: AccountId) -> AsyncIterator[tuple[str, str]]:
        query = f"WorkflowType = 'PositionWorkflow' AND Account = '{account}' AND PositionState != 'skipped'"
        async for found in self._client.list_workflows(query, page_size=PAGE):
            yield found.id, found.run_id


async def _few_at_once(calls: Iterable[Awaitable[Answer]]) -> list[Answer]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(call: Awaitable[Answer]) -> Answer:
        async with slots:
            return await call

    return list(await asyncio.gather(*(one(call) for call in calls)))
