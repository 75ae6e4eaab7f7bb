"""Brings the servers of a home up, in this process or in one that goes on in the background; never twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Final

from filelock import FileLock, Timeout

from flows.servers.databases import embedded, postgresql, prepare_postgresql
from flows.servers.errors import ServersError, with_tail
from flows.servers.layout import MLFLOW_PORT, PREFECT_PORT, Layout
from flows.servers.migration import move_light_deployments
from flows.servers.ports import choose_port
from flows.servers.records import ServersRecord, read_servers
from flows.servers.stopping import stop_servers
from flows.servers.supervisor import STARTING, Supervisor
from flows.servers.webhook_key import webhook_key
from tasks.machine.waiting import waiting_for

DATABASE: Final = "MIAOTUI_DATABASE"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_EVERY_S: Final = 0.1
_COMMAND_LINE: Final = "flows.command_line"


@dataclass(frozen=True)
class Request:
    """What a person asked for: ports (None: the usual one or a free one, 0: any), and a PostgreSQL URL or none."""

    prefect_port: int | None = None
    mlflow_port: int | None = None
    database: str | None = field(default=None, repr=False)


def running(home: Path) -> ServersRecord | None:
    """What runs now, or None. Raises UserError for an unreadable record."""
    recorded = read_servers(home)
    return recorded if recorded is not None and recorded.supervisor.alive else None


def bring_up(
    home: Path, request: Request, *, on_ready: Callable[[ServersRecord], None], say: Callable[[str], None]
) -> bool:
    """Runs the servers until SIGINT, SIGTERM or SIGHUP; False where another `miaotui up` of this home runs already.

    What one that was killed has left behind is stopped first. Raises UserError for what was asked for and cannot be,
    ServersError where a server does not start or keeps dying.
    """
    try:
        with FileLock(home / "servers.lock").acquire(timeout=0), _stop_signals() as stop:
            for sentence in stop_servers(home):
                say(sentence)
            layout = _layout(home, request)
            reaper = layout.reaper

            def tend(record: ServersRecord) -> Iterator[str]:
                return reaper.reap({each.name: each.process.started for each in record.servers if each.process.alive})

            supervisor = Supervisor(home, layout.servers(), layout.exports, say=say, tend=tend)

            def ready() -> None:
                recorded = read_servers(home)
                assert recorded is not None
                on_ready(recorded)
                for sentence in move_light_deployments(layout.exports["PREFECT_API_URL"]):
                    say(sentence)

            supervisor.run(stop, ready)
    except Timeout:
        return False
    return True


def bring_up_detached(home: Path, request: Request) -> ServersRecord:
    """Has a process in the background bring the servers up; returns once all have answered.

    Raises ServersError with the end of its log where it ends instead. Ctrl-C while it waits stops it.
    """
    log = home / "logs" / "servers" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", _COMMAND_LINE, "up"]
    for option, port in (("--prefect-port", request.prefect_port), ("--mlflow-port", request.mlflow_port)):
        command += [] if port is None else [option, str(port)]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            env=_environment(home, request),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with waiting_for(STARTING):
            return _ready(process, home, log)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def _ready(process: "subprocess.Popen[bytes]", home: Path, log: Path) -> ServersRecord:
    """The record once all have answered; the process itself gives up where one does not."""
    while True:
        code = process.poll()
        recorded = running(home)
        if recorded is not None and recorded.ready:
            return recorded
        if code is not None:
            raise ServersError(with_tail(f"the servers were not brought up (code {code})", log))
        time.sleep(_LOOK_EVERY_S)


def _environment(home: Path, request: Request) -> Mapping[str, str]:
    root = str(Path(__file__).parents[2])
    known = os.environ.get("PYTHONPATH")
    environment = os.environ | {
        "MIAOTUI_HOME": str(home),
        "PYTHONPATH": os.pathsep.join([root, *([known] if known else [])]),
        "PYTHONUNBUFFERED": "1",
    }
    if request.database:
        environment[DATABASE] = request.database  # not among the arguments, which all users can read
    return environment


def _layout(home: Path, request: Request) -> Layout:
    if request.database:
        databases = postgresql(request.database, home)
        prepare_postgresql(databases)
    else:
        databases = embedded(home)
    prefect_port = choose_port(request.prefect_port, PREFECT_PORT, field="--prefect-port")
    mlflow_port = choose_port(request.mlflow_port, MLFLOW_PORT, field="--mlflow-port")
    return Layout(home, prefect_port, mlflow_port, databases, webhook_key(home))


@contextmanager
def _stop_signals() -> Iterator[Event]:
    """An event that these signals set, in place of what they would do."""
    stop = Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
