"""PostgreSQL, Temporal and our own processes on one machine: started together, ended together."""

import asyncio
import contextlib
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from remora.embedded import external, processes, watchdog
from remora.embedded.account import account_key
from remora.embedded.config import StackConfig, require_supported
from remora.embedded.disk import require_room
from remora.embedded.errors import EmbeddedError, PortInUse, ServiceFailed, translate
from remora.embedded.launching import launch, wait_healthy
from remora.embedded.ports import HOST, choose, require_free
from remora.embedded.postgres import database_url, postgres
from remora.embedded.service import Service
from remora.embedded.services import twin_url
from remora.embedded.site import Site
from remora.embedded.state import StackState, StateDir
from remora.embedded.stopping import Stopped, stop_everything
from remora.embedded.temporal import TemporalServer
from remora.settings import Mode

Phase = Literal["preparing", "starting", "ready", "running", "stopping", "stopped", "failed"]
Report = Callable[[str, Phase, str], None]
"""Gets a service's name, what is happening to it, and a detail for people."""
PORT_ATTEMPTS = 3
HEALTH_ATTEMPTS = 10


def silent(_name: str, _phase: Phase, _detail: str) -> None:
    """Report to nobody."""


class Stack:
    """The servers of one machine and `services` beside them.

    ``async with Stack(config, services=[twin()]) as stack`` starts everything and ends it however the
    block is left. Without a state directory in `config`, everything is temporary, and is ended and
    removed even if this process is killed. `up` and `down` leave a persistent stack behind, or end it.
    """

    def __init__(
        self,
        config: StackConfig,
        services: Sequence[Service] = (),
        *,
        report: Report = silent,
        migrate: bool = True,
    ) -> None:
        self._config = config
        self._report = report
        self._migrate = migrate
        self._services = {service.name: service for service in (*self._servers(), *services)}
        self._directory: StateDir | None = None
        self._site: Site | None = None
        self._state = StackState()
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._fresh: list[str] = []
        self._owner: asyncio.Task[object] | None = None
        self._signals: list[signal.Signals] = []

    def _servers(self) -> list[Service]:
        config, servers = self._config, []
        if config.database_url is None:
            servers.append(postgres(migrate=self._migrate))
        if config.temporal_address is None:
            servers.append(TemporalServer().service(port=config.temporal_port, ui_port=config.ui_port))
        return servers

    @property
    def site(self) -> Site:
        """Where everything is; known from the start on."""
        if self._site is None:
            raise RuntimeError("the stack has not been started")
        return self._site

    @property
    def state_dir(self) -> Path:
        """The directory of state and logs."""
        return self.site.state_dir

    @property
    def database_url(self) -> str:
        """Address of the migrated database."""
        return self.site.database_url

    @property
    def temporal_address(self) -> str:
        """host:port of Temporal's front end."""
        return self.site.temporal_address

    @property
    def ui_url(self) -> str | None:
        """Address of Temporal's Web UI; None for a server that is not ours."""
        return self.site.ui_url

    @property
    def twin_control_url(self) -> str | None:
        """Control address of the exchange twin, if there is one."""
        return self.site.twin_url

    @property
    def account_key(self) -> str:
        """Private key of the throwaway account on the twin."""
        return account_key(self.state_dir)

    def pid(self, name: str) -> int:
        """Return the pid under which a service was last started; raise KeyError for an unknown one."""
        return {running.name: running.pid for running in self._state.processes}[name]

    async def __aenter__(self) -> Self:
        require_supported()
        self._owner = asyncio.current_task()
        self._handle_signals()
        try:
            await self.up()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _end(self) -> None:
        """Stop everything; a cancellation that arrives meanwhile waits until that is done."""
        ending = asyncio.ensure_future(self.down())
        cancelled = False
        while not ending.done():
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:
                cancelled = True
        self._forget_signals()
        ending.result()
        if cancelled:
            raise asyncio.CancelledError

    async def up(self) -> bool:
        """Start what does not run; return whether anything had to be started.

        Raises an EmbeddedError, after ending what this call started.
        """
        require_supported()
        directory = self._open()
        with directory.lock():
            self._state = directory.load()
            self._fresh = []
            running = {p.name for p in self._state.processes if processes.runs(p.pid, p.start)}
            if not running.issuperset(self._services):
                require_room(directory.path, bytes_min=self._config.free_bytes_min)
            try:
                self._site = self._locate(directory, running)
                await self._start(directory, running)
            except BaseException:
                await asyncio.shield(asyncio.to_thread(self._stop_fresh))
                raise
            return bool(self._fresh)

    async def down(self) -> Stopped:
        """Stop everything; a temporary stack's directory is removed as well."""
        path = self._directory.path if self._directory is not None else self._config.state_dir
        stopped = Stopped()
        if path is None or not path.exists():
            return stopped
        directory = StateDir(path)
        with directory.lock():
            stopped = await asyncio.to_thread(stop_everything, directory, tell=self._tell_stopping)
        for record in self._state.processes:
            processes.exit_code(record.pid)
        if self._config.state_dir is None:
            await asyncio.to_thread(shutil.rmtree, directory.path, ignore_errors=True)
            self._dismiss_watchdog()
        self._state = self._state.model_copy(update={"processes": ()})
        return stopped

    async def restart(self, name: str) -> None:
        """Stop a service, or find it dead, and start it again on the same ports."""
        directory = StateDir(self.state_dir)
        for record in self._state.processes:
            if record.name == name:
                await asyncio.to_thread(
                    processes.stop,
                    record.pid,
                    record.start,
                    number=record.stop_signal,
                    patience_s=record.patience_s,
                )
        await self._start_one(self._services[name], directory)

    async def watch(self, *, every_s: float = 0.5) -> None:
        """Return never, but raise ServiceFailed as soon as a service has ended by itself."""
        while True:
            for record in self._state.processes:
                if not processes.runs(record.pid, record.start):
                    log = StateDir(self.state_dir).log(record.name)
                    said = " ".join(processes.tail(log, lines=1))
                    raise ServiceFailed(f"{record.name} has ended: {said[:300]}", f"Its output is in {log}.")
            await asyncio.sleep(every_s)

    def _open(self) -> StateDir:
        if self._directory is None:
            if self._config.state_dir is None:
                path = Path(tempfile.mkdtemp(prefix="remora-"))
                self._watchdog = watchdog.start(path)
            else:
                path = self._config.state_dir
            self._directory = StateDir(path)
        self._directory.prepare()
        return self._directory

    def _locate(self, directory: StateDir, running: set[str]) -> Site:
        ports: dict[str, int] = {}
        for service in self._services.values():
            ports |= self._ports(service, ports, kept=service.name in running)
        config = self._config
        own_temporal = "temporal" in self._services
        return Site(
            state_dir=directory.path,
            mode=config.mode,
            database_url=config.database_url or database_url(directory.path),
            temporal_address=config.temporal_address or f"{HOST}:{ports['temporal']}",
            temporal_namespace=config.temporal_namespace,
            ui_url=f"http://{HOST}:{ports['temporal_ui']}" if own_temporal else None,
            twin_url=twin_url(ports) or config.twin_url,
            account_key=account_key(directory.path) if config.mode is Mode.TWIN else None,
            ports=ports,
        )

    def _ports(self, service: Service, taken: dict[str, int], *, kept: bool) -> dict[str, int]:
        """Return the service's ports: as recorded while it runs, else as before or preferred if free."""
        chosen: dict[str, int] = {}
        for need in service.ports:
            recorded = self._state.ports.get(need.name)
            if kept and recorded is not None:
                chosen[need.name] = recorded
            elif need.fixed is not None:
                require_free(need.fixed, option=need.option, count=need.count)
                chosen[need.name] = need.fixed
            else:
                avoid = [*taken.values(), *chosen.values()]
                chosen[need.name] = choose([recorded, need.preferred], count=need.count, avoid=avoid)
        return chosen

    async def _start(self, directory: StateDir, running: set[str]) -> None:
        """Start every service as soon as those that it needs are ready."""
        ready = {name: asyncio.Event() for name in self._services}

        async def start(service: Service) -> None:
            for need in service.needs:
                if need in ready:  # else it is a server elsewhere, checked already
                    await ready[need].wait()
            if service.name in running:
                await self._require_healthy(service)
                self._report(service.name, "running", "")
            else:
                await self._start_one(service, directory)
            ready[service.name].set()

        await self._check_external()
        tasks = [asyncio.create_task(start(service)) for service in self._services.values()]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _require_healthy(self, service: Service) -> None:
        """Raise ServiceFailed if a process that runs already does not answer."""
        pid = self.pid(service.name)
        for _ in range(HEALTH_ATTEMPTS):
            if await service.healthy(self.site, pid):
                return
            await asyncio.sleep(1)
        raise ServiceFailed(
            f"{service.name} (pid {pid}) runs, but does not answer.",
            f"Its output is in {StateDir(self.state_dir).log(service.name)}. "
            "Run `remora down`, then `remora up` to start it anew.",
        )

    async def _check_external(self) -> None:
        if self._config.database_url is not None:
            await external.require_database(self.site, migrate=self._migrate)
        if self._config.temporal_address is not None:
            await external.require_temporal(self.site)
        if self._config.twin_url is not None and "twin" not in self._services:
            await external.require_twin(self.site)

    async def _start_one(self, service: Service, directory: StateDir) -> None:
        try:
            if service.prepare is not None:
                self._report(service.name, "preparing", service.preparing)
                await service.prepare(self.site)
            for attempt in range(PORT_ATTEMPTS):
                try:
                    await self._launch(service, directory)
                    break
                except PortInUse:
                    # somebody took a port between our look and the server's
                    if attempt + 1 == PORT_ATTEMPTS or any(need.fixed for need in service.ports):
                        raise
                    self._move(service)
            if service.settle is not None:
                await service.settle(self.site)
        except OSError as error:
            self._report(service.name, "failed", "")
            raise translate(error, directory.path) from error
        except EmbeddedError:
            self._report(service.name, "failed", "")
            raise
        self._report(service.name, "ready", "")

    def _move(self, service: Service) -> None:
        others = {name: p for name, p in self.site.ports.items() if name not in {n.name for n in service.ports}}
        ports = others | self._ports(service, others, kept=False)
        moved = replace(self.site, ports=ports, twin_url=twin_url(ports) or self._config.twin_url)
        if "temporal" in ports:
            moved = replace(
                moved,
                temporal_address=f"{HOST}:{ports['temporal']}",
                ui_url=f"http://{HOST}:{ports['temporal_ui']}",
            )
        self._site = moved

    async def _launch(self, service: Service, directory: StateDir) -> None:
        self._report(service.name, "starting", "")
        launched = launch(service, self.site, directory)
        self._fresh.append(service.name)
        self._state = self._state.with_process(launched.record).model_copy(update={"ports": self.site.ports})
        directory.save(self._state)
        await wait_healthy(service, self.site, directory, launched, self._config.patience_s)

    def _stop_fresh(self) -> None:
        """Undo this start: end what it began, leave what ran before."""
        for record in reversed(self._state.processes):
            if record.name in self._fresh:
                processes.stop(record.pid, record.start, number=record.stop_signal, patience_s=record.patience_s)
        kept = tuple(r for r in self._state.processes if r.name not in self._fresh)
        self._state = self._state.model_copy(update={"processes": kept})
        if self._directory is not None and self._fresh:
            with contextlib.suppress(EmbeddedError):
                self._directory.save(self._state)

    def _handle_signals(self) -> None:
        """Let SIGTERM and SIGHUP end the owner's task, as SIGINT does by itself, unless it has other plans."""
        if threading.current_thread() is not threading.main_thread() or self._owner is None:
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                loop.add_signal_handler(number, self._owner.cancel)
                self._signals.append(number)

    def _forget_signals(self) -> None:
        while self._signals:
            asyncio.get_running_loop().remove_signal_handler(self._signals.pop())

    def _tell_stopping(self, name: str) -> None:
        self._report(name, "stopping", "")

    def _dismiss_watchdog(self) -> None:
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
            self._watchdog.wait()
            self._watchdog = None
            self._directory = None
