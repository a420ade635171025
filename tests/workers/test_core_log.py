"""What Temporal's core warns of reaches our log; what is expected does not."""

import asyncio
import logging
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from starters.client import connect
from tests.fixtures.waiting import eventually
from workers.core_log import CORE, core_logging


def test_a_long_workflow_task_is_no_news_and_everything_else_is(caplog: pytest.LogCaptureFixture) -> None:
    core_logging()
    with caplog.at_level(logging.WARNING):
        CORE.warning("[sdk_core] [TMPRL1104] Workflow task duration exceeded 5 seconds.")
        CORE.warning("[sdk_core] gRPC call poll_workflow_task_queue retried 6 times")
    assert [record.message for record in caplog.records] == [
        "[sdk_core] gRPC call poll_workflow_task_queue retried 6 times"
    ]
    with caplog.at_level(logging.DEBUG):
        CORE.warning("[sdk_core] [TMPRL1104] Workflow task duration exceeded 5 seconds.")
    assert len(caplog.records) == 2


@activity.defn
async def wait_for_the_venue() -> None:
    """Take longer than the core thinks a workflow task may take."""
    await asyncio.sleep(5.5)


@workflow.defn
class SlowTask:
    """One local activity."""

    @workflow.run
    async def run(self) -> None:
        """Wait."""
        await workflow.execute_local_activity(wait_for_the_venue, start_to_close_timeout=timedelta(seconds=25))


@pytest.mark.slow
@pytest.mark.system
async def test_the_core_writes_into_our_log_and_not_onto_the_terminal(
    temporal: WorkflowEnvironment, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    address = temporal.client.service_client.config.target_host
    with caplog.at_level(logging.DEBUG, logger=CORE.name):
        client = await connect(address, runtime=Runtime(telemetry=TelemetryConfig(logging=core_logging())))
        async with Worker(
            client,
            task_queue="slow",
            workflows=[SlowTask],
            activities=[wait_for_the_venue],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            await client.execute_workflow("SlowTask", id="slow", task_queue="slow")

            async def told() -> bool:
                return any("TMPRL1104" in record.message for record in caplog.records)

            await eventually(told, "the core's warning in our log", patience_s=30)
    assert "TMPRL1104" not in "".join(capfd.readouterr())
