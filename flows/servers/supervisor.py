"""Starts servers in order, watches them, and stops them in the opposite order.

One that dies is started again after a pause that doubles; one that dies again and again, or at its first start, ends them
all with a message, so that nothing is left that looks healthy and is not.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Final

from flows.servers.errors import ServersError, with_tail
from flows.servers.periodic import Periodic
from flows.servers.processes import TOKEN, Group, kill_marked, start_group
from flows.servers.records import ProcessRecord, ServerRecord, ServersRecord, forget_servers, write_servers
from flows.servers.restarts import RestartPolicy
from flows.servers.server import Server
from tasks.machine.waiting import waiting_for

STARTING: Final = "the servers to answer; the first start makes their databases"
_START_TIMEOUT_S: Final = 240.0  # two first starts that migrate their databases, side by side on a busy machine
_LOOK_EVERY_S: Final = 0.2
_PATIENCE_S: Final = 10.0  # between SIGTERM and SIGKILL
_TEND_EVERY_S: Final = 10.0

Tend = Callable[[ServersRecord], Iterable[str]]


class Supervisor:
    """One `miaotui up`. `say` gets a sentence for whatever a person would want to know.

    `tend` is called every few seconds with what runs, from a thread of its own, and returns such sentences, too.
    """

    def __init__(
        self,
        home: Path,
        servers: Sequence[Server],
        exports: Mapping[str, str],
        *,
        policy: RestartPolicy = RestartPolicy(),  # noqa: B008 - frozen
        say: Callable[[str], None] = print,
        tend: Tend | None = None,
    ) -> None:
        """Starts nothing yet."""
        self._home = home
        self._servers = tuple(servers)
        self._policy = policy
        self._say = say
        self._tend = tend
        self._groups: dict[str, Group] = {}
        self._deaths: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._record = ServersRecord(
            supervisor=ProcessRecord.of(os.getpid()), token=secrets.token_hex(16), exports=dict(exports)
        )

    def run(self, stop: Event, on_ready: Callable[[], None]) -> None:
        """Until `stop` is set: starts all, calls `on_ready` once all have answered, and watches. Stops all at the end.

        Raises ServersError where a server does not start or keeps dying.
        """
        self._write()
        try:
            with waiting_for(STARTING, self._say):
                self._start_all(stop)
            if not stop.is_set():
                self._record = self._record.model_copy(update={"ready": True})
                self._write()
                on_ready()
            with Periodic(self._tend_once, _TEND_EVERY_S) as tending:
                while not stop.wait(_LOOK_EVERY_S):
                    for server in self._servers:
                        self._look_after(server)
                    tending.check()
        finally:
            self._stop_all()

    def _start_all(self, stop: Event) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        waiting = list(self._servers)
        while waiting and not stop.is_set():
            for server in tuple(waiting):
                group = self._groups.get(server.name)
                if group is None:
                    if not any(other.name in server.after for other in waiting):
                        self._start(server)
                elif (code := group.died()) is not None:
                    raise ServersError(with_tail(f"{server.name} ended with code {code} while it started", server.log))
                elif server.answers(group.record.started):
                    waiting.remove(server)
            if time.monotonic() > deadline:
                late = waiting[0]
                message = f"{late.name} did not answer within {_START_TIMEOUT_S:.0f} s"
                raise ServersError(with_tail(message, late.log))
            stop.wait(_LOOK_EVERY_S)

    def _tend_once(self) -> None:
        if self._tend is not None:
            for sentence in self._tend(self._record):
                self._say(sentence)

    def _look_after(self, server: Server) -> None:
        """Starts a server again that has died, when its pause is over."""
        due = self._due.get(server.name)
        if due is not None:
            if time.monotonic() >= due:
                del self._due[server.name]
                self._start(server)
            return
        group = self._groups[server.name]
        code = group.died()
        if code is None:
            return
        deaths = self._policy.deaths_after(self._deaths.get(server.name, 0), time.time() - group.record.started)
        self._deaths[server.name] = deaths
        pause = self._policy.pause_s(deaths)
        if pause is None:
            message = f"{server.name} died {deaths} times in a row (code {code}); all servers were stopped"
            raise ServersError(with_tail(message, server.log))
        self._say(f"{server.name} died (code {code}); it is started again in {pause:g} s; its log: {server.log}")
        self._due[server.name] = time.monotonic() + pause

    def _start(self, server: Server) -> None:
        self._groups[server.name] = start_group(
            server.command,
            environment={**server.environment, TOKEN: self._record.token},
            folder=server.folder,
            log=server.log,
        )
        self._write()

    def _write(self) -> None:
        running = tuple(
            ServerRecord(
                name=server.name, process=self._groups[server.name].record, url=server.url, log=str(server.log)
            )
            for server in self._servers
            if server.name in self._groups
        )
        self._record = self._record.model_copy(update={"servers": running})
        write_servers(self._home, self._record)

    def _stop_all(self) -> None:
        """The worker first, while there is a server that it can tell what became of its run."""
        for server in reversed(self._servers):
            group = self._groups.get(server.name)
            if group is not None:
                group.stop(_PATIENCE_S)
        kill_marked(self._record.token)
        forget_servers(self._home, self._record.token)
