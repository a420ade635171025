"""Looking at a server from outside."""

import asyncio
import contextlib
import re
import urllib.error
import urllib.request

TIMEOUT_S = 2.0


async def answers_http(url: str) -> bool:
    """Return whether a GET of `url` succeeds."""
    return await asyncio.to_thread(_get, url)


def _get(url: str) -> bool:
    # no proxy: the servers are on this machine whatever the user's environment says
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            return 200 <= int(answer.status) < 300
    except (urllib.error.URLError, OSError, ValueError):
        return False


async def accepts_tcp(host: str, port: int) -> bool:
    """Return whether somebody listens."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), TIMEOUT_S)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def polls(address: str, namespace: str, queue: str, *, pid: int | None = None) -> bool:
    """Return whether a worker (of process `pid`, if given) takes workflow tasks from a queue."""
    from google.protobuf.timestamp_pb2 import Timestamp
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
    from temporalio.service import RPCError

    from remora.embedded.temporal_client import connect

    since = Timestamp()
    since.GetCurrentTime()
    try:
        client = await connect(address, namespace)
        answer = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=namespace,
                task_queue=TaskQueue(name=queue),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            )
        )
    except (RPCError, RuntimeError, OSError):
        return False
    # a poll lasts a minute at most, so a poller seen within two is alive
    fresh = [p for p in answer.pollers if since.seconds - p.last_access_time.seconds < 120]
    return any(pid is None or _is_from(poller.identity, pid) for poller in fresh)


def _is_from(identity: str, pid: int) -> bool:
    """Tell whether an identity such as `1234@host` or `worker/1234/host` names the process."""
    return str(pid) in re.split(r"[@/:]", identity)
