"""The stack on real servers: what starts, what survives, and that nothing is left behind."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import asyncpg
import psutil
import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, WorkflowExecutionStatus

from remora.cli.errors import Exit
from remora.embedded.config import StackConfig
from remora.embedded.errors import Busy, CorruptState, DiskFull, PortInUse, ServiceFailed, Unreachable
from remora.embedded.health import answers_http
from remora.embedded.processes import Command, listens, strays
from remora.embedded.service import Service
from remora.embedded.services import twin
from remora.embedded.site import Site
from remora.embedded.stack import Stack
from remora.embedded.state import StateDir
from remora.embedded.temporal import RETENTION, SEARCH_ATTRIBUTES

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]


async def _query(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def _pids(stack: Stack) -> list[int]:
    state = StateDir(stack.state_dir).load()
    return [process.pid for process in state.processes]


def _alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


async def _kill(*pids: int) -> None:
    """Kill processes as an out-of-memory killer would, and see them gone."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    while _alive(list(pids)):  # noqa: ASYNC110 (processes set no events)
        await asyncio.sleep(0.01)


async def _never(_site: Site, _pid: int) -> bool:
    return False


async def test_a_temporary_stack_serves_and_leaves_nothing_behind() -> None:
    async with Stack(StackConfig(), [twin(("--empty",))]) as stack:
        pids, directory = _pids(stack), stack.state_dir
        client = await Client.connect(stack.temporal_address)
        namespace = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))

        assert len(_alive(pids)) == 3
        assert await _query(stack.database_url, "SELECT count(*) FROM alembic_version") == 1
        assert namespace.config.workflow_execution_retention_ttl.ToTimedelta() == RETENTION
        assert [
            w async for w in client.list_workflows(" AND ".join(f"`{n}` = 'x'" for n in SEARCH_ATTRIBUTES))
        ] == []
        assert stack.ui_url is not None
        assert await answers_http(stack.ui_url)
        assert await answers_http(f"{stack.twin_control_url}/health")

    assert _alive(pids) == []
    assert not directory.exists()
    assert list(strays(directory)) == []


async def test_an_exception_inside_ends_the_stack() -> None:
    pids: list[int] = []

    with pytest.raises(ZeroDivisionError):  # noqa: PT012 (the block is what is left)
        async with Stack(StackConfig(), migrate=False) as stack:
            pids = _pids(stack)
            raise ZeroDivisionError

    assert len(pids) == 2
    assert _alive(pids) == []


async def test_rows_and_open_workflows_survive_down_and_up(state_dir: Path) -> None:
    config = StackConfig(state_dir=state_dir)
    first = Stack(config)
    await first.up()
    await _query(first.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    client = await Client.connect(first.temporal_address)
    await client.start_workflow("Waiting", id="position/a", task_queue="nobody")
    old = _pids(first)
    await first.down()

    assert _alive(old) == []

    second = Stack(config)
    assert await second.up()
    described = await (await Client.connect(second.temporal_address)).get_workflow_handle("position/a").describe()

    assert await _query(second.database_url, "SELECT answer FROM kept") == 42
    assert described.status is WorkflowExecutionStatus.RUNNING
    assert second.temporal_address == first.temporal_address
    assert second.ui_url == first.ui_url
    await second.down()


async def test_a_second_up_starts_nothing(state_dir: Path) -> None:
    config = StackConfig(state_dir=state_dir)
    first, second = Stack(config), Stack(config)
    await first.up()
    before = _pids(first)

    assert not await second.up()
    assert _pids(second) == before
    assert second.database_url == first.database_url
    await second.down()


async def test_up_revives_what_was_killed_and_keeps_the_rest(state_dir: Path) -> None:
    config = StackConfig(state_dir=state_dir)
    first, second = Stack(config, [twin(("--empty",))]), Stack(config, [twin(("--empty",))])
    await first.up()
    await _kill(first.pid("postgres"), first.pid("twin"))

    assert await second.up()
    assert second.pid("temporal") == first.pid("temporal")
    assert second.pid("postgres") != first.pid("postgres")
    assert await answers_http(f"{second.twin_control_url}/health")
    assert await _query(second.database_url, "SELECT 1") == 1
    await second.down()


async def test_up_recovers_when_everything_was_killed(state_dir: Path) -> None:
    config = StackConfig(state_dir=state_dir)
    first, second = Stack(config), Stack(config)
    await first.up()
    await _query(first.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    await _kill(*_pids(first))

    assert await second.up()
    assert await _query(second.database_url, "SELECT answer FROM kept") == 42
    await second.down()


async def test_a_service_that_ends_at_once_is_told_with_its_last_words(state_dir: Path) -> None:
    broken = Service(
        name="broken", command=lambda _: Command(argv=("sh", "-c", "echo no such luck; exit 3")), healthy=_never
    )
    stack = Stack(StackConfig(state_dir=state_dir), [broken], migrate=False)

    with pytest.raises(ServiceFailed, match="broken ended at once with exit code 3: no such luck"):
        await stack.up()

    assert StateDir(state_dir).load().processes == ()
    assert list(strays(state_dir)) == []


async def test_a_service_that_stays_silent_is_given_up(state_dir: Path) -> None:
    mute = Service(name="mute", command=lambda _: Command(argv=("sleep", "100")), healthy=_never)
    config = StackConfig(
        state_dir=state_dir, patience_s=0.5, database_url="postgresql://x@/x", temporal_address="127.0.0.1:1"
    )
    stack = Stack(config, [mute], migrate=False)
    stack._check_external = _pass  # type: ignore[method-assign]

    with pytest.raises(ServiceFailed, match="mute did not become healthy within"):
        await stack.up()

    assert list(strays(state_dir)) == []


async def _pass() -> None:
    return None


async def test_watch_tells_which_service_has_ended() -> None:
    async with Stack(StackConfig(), [twin(("--empty",))], migrate=False) as stack:
        watching = asyncio.create_task(stack.watch(every_s=0.02))
        os.kill(stack.pid("twin"), signal.SIGKILL)

        with pytest.raises(ServiceFailed, match="twin has ended"):
            await watching


async def test_a_service_can_be_started_again_at_its_address() -> None:
    async with Stack(StackConfig(), [twin(("--empty",))], migrate=False) as stack:
        before, url = stack.pid("twin"), stack.twin_control_url
        await _kill(before)
        await stack.restart("twin")

        assert stack.pid("twin") != before
        assert stack.twin_control_url == url
        assert await answers_http(f"{url}/health")


async def test_a_wanted_port_in_use_names_its_owner(state_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = StackConfig(state_dir=state_dir).with_ports(temporal=taken.getsockname()[1])

        with pytest.raises(PortInUse, match=rf"in use by .*pid {os.getpid()}") as told:
            await Stack(config).up()

    assert "--temporal-port" in told.value.next_step


async def test_ports_that_others_have_are_left_to_them(state_dir: Path) -> None:
    config = StackConfig(state_dir=state_dir)
    first = Stack(config, migrate=False)
    await first.up()
    await first.down()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", first.site.ports["temporal"]))
        taken.listen()
        second = Stack(config, migrate=False)
        await second.up()

        assert second.site.ports["temporal"] != first.site.ports["temporal"]
        await second.down()


async def test_the_twin_of_another_stack_is_not_taken_for_ours() -> None:
    for _ in range(5):
        with contextlib.suppress(PortInUse):  # a third program was faster than both: seven ports are many
            await _another_stack_is_faster()
            return
    pytest.fail("expected a stack whose twin's ports were taken to find others, found PortInUse every time")


async def _another_stack_is_faster() -> None:
    async with contextlib.AsyncExitStack() as others:

        async def be_faster(site: Site) -> None:
            theirs = twin(("--empty",), port=site.ports["twin"])
            await others.enter_async_context(Stack(StackConfig(), [theirs], migrate=False))

        late = replace(twin(("--empty",)), prepare=be_faster)
        async with Stack(StackConfig(), [late], migrate=False) as stack:
            port = stack.site.ports["twin"]

            assert listens(stack.pid("twin"), port)
            assert await answers_http(f"{stack.twin_control_url}/health")


async def test_too_little_room_is_seen_before_anything_starts(state_dir: Path) -> None:
    with pytest.raises(DiskFull, match="MB free, the servers need"):
        await Stack(StackConfig(state_dir=state_dir, free_bytes_min=10**18)).up()

    assert not (state_dir / "postgres").exists()


async def test_a_disk_that_runs_full_meanwhile_is_told_as_such(state_dir: Path) -> None:
    mount = await asyncio.create_subprocess_exec("mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(state_dir))
    if await mount.wait() != 0:
        pytest.skip("this user may not mount a small disk")
    try:
        with pytest.raises(DiskFull, match="No space is left"):
            await Stack(StackConfig(state_dir=state_dir, free_bytes_min=0)).up()

        assert list(strays(state_dir)) == []
    finally:
        await (await asyncio.create_subprocess_exec("umount", str(state_dir))).wait()


async def test_an_exporter_for_our_traces_does_not_keep_the_server_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")

    async with Stack(StackConfig(), migrate=False) as stack:
        assert stack.temporal_address


def test_another_platform_is_told_what_to_do_instead() -> None:
    script = (
        "import sys; sys.modules['fcntl'] = None;"  # which such a platform does not have
        "from remora.embedded import config; config.require_supported.__defaults__ = ('win32',);"
        "from remora.cli.main import run; sys.exit(run(['up', '--servers-only']))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)

    assert told.returncode == Exit.UNAVAILABLE
    assert "run on Linux and macOS, this is win32" in told.stderr
    assert "docker compose up" in told.stderr


async def test_a_database_of_another_version_is_refused(state_dir: Path) -> None:
    (state_dir / "postgres").mkdir()
    (state_dir / "postgres" / "PG_VERSION").write_text("16\n")

    with pytest.raises(CorruptState, match="made by PostgreSQL '16', this Remora brings 18"):
        await Stack(StackConfig(state_dir=state_dir)).up()

    assert list(strays(state_dir)) == []


async def test_a_directory_that_is_no_database_is_refused(state_dir: Path) -> None:
    (state_dir / "postgres").mkdir()

    with pytest.raises(CorruptState, match="PG_VERSION is missing"):
        await Stack(StackConfig(state_dir=state_dir)).up()


async def test_a_damaged_temporal_file_is_told_with_the_log(state_dir: Path) -> None:
    (state_dir / "temporal").mkdir()
    (state_dir / "temporal" / "temporal.db").write_bytes(b"this is no database" * 1000)

    with pytest.raises(ServiceFailed, match="temporal ended at once") as told:
        await Stack(StackConfig(state_dir=state_dir)).up()

    assert "temporal.log" in told.value.next_step


async def test_only_one_command_at_a_time(state_dir: Path) -> None:
    with StateDir(state_dir).lock(), pytest.raises(Busy, match=f"pid {os.getpid()}"):
        await Stack(StackConfig(state_dir=state_dir)).up()


async def test_servers_that_are_named_must_answer(state_dir: Path) -> None:
    config = StackConfig(state_dir=state_dir)

    with pytest.raises(Unreachable, match="DATABASE_URL names") as told:
        await Stack(replace(config, database_url="postgresql://me:hidden@127.0.0.1:1/x")).up()
    with pytest.raises(Unreachable, match="No Temporal server"):
        await Stack(replace(config, temporal_address="127.0.0.1:1")).up()
    with pytest.raises(Unreachable, match="No exchange twin"):
        await Stack(replace(config, twin_url="http://127.0.0.1:1")).up()

    assert "hidden" not in str(told.value)


async def test_named_servers_are_used_and_left_running(state_dir: Path) -> None:
    async with Stack(StackConfig()) as elsewhere:
        config = StackConfig(
            state_dir=state_dir,
            database_url=elsewhere.database_url,
            temporal_address=elsewhere.temporal_address,
        )
        stack = Stack(config, [twin(("--empty",))])
        await stack.up()

        assert [p.name for p in StateDir(state_dir).load().processes] == ["twin"]
        assert stack.database_url == elsewhere.database_url
        await stack.down()
        assert len(_alive(_pids(elsewhere))) == 2


async def test_the_key_is_kept_private_and_stays_the_same(state_dir: Path) -> None:
    config = StackConfig(state_dir=state_dir)
    show = Service(
        name="show",
        command=lambda site: Command(argv=("sleep", "100"), env=site.environment()),
        healthy=lambda _site, pid: _key_is_in(pid),
    )
    stack = Stack(config, [show], migrate=False)
    await stack.up()
    key = stack.account_key
    telling = _files_with(key.removeprefix("0x").encode(), state_dir)
    await stack.down()

    assert (state_dir / "account.key").read_text().strip() == key
    assert stat.S_IMODE((state_dir / "account.key").stat().st_mode) == 0o600
    assert [path.name for path in telling] == ["account.key"]
    assert key not in repr(stack.site)
    assert key not in repr(show.command(stack.site))


def _files_with(secret: bytes, directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and secret in path.read_bytes()]


async def _key_is_in(pid: int) -> bool:
    return "PRIVATE_KEY" in psutil.Process(pid).environ()


async def test_the_record_holds_no_addresses_with_passwords(state_dir: Path) -> None:
    stack = Stack(StackConfig(state_dir=state_dir), migrate=False)
    await stack.up()

    assert set(json.loads((state_dir / "state.json").read_text())) == {"version", "processes", "ports"}
    assert stat.S_IMODE((state_dir / "state.json").stat().st_mode) == 0o600
    await stack.down()
