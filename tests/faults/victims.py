"""Who is killed: each a few processes of the ground's own, found by record and start time, or by the run's id they bear."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import psutil

from flows.servers.processes import TOKEN
from flows.servers.reaper import RUN_ID
from flows.servers.records import ServersRecord, read_servers
from tests.faults.ground import Ground

Find = Callable[[ServersRecord], list[psutil.Process]]


def _server(name: str) -> Find:
    def find(recorded: ServersRecord) -> list[psutil.Process]:
        found = [server.process for server in recorded.servers if server.name == name and server.process.alive]
        return [psutil.Process(process.pid) for process in found]

    return find


def _supervisor(recorded: ServersRecord) -> list[psutil.Process]:
    return [psutil.Process(recorded.supervisor.pid)] if recorded.supervisor.alive else []


def _flows(recorded: ServersRecord) -> list[psutil.Process]:
    """The processes that runs were started as, not what these have started."""
    return [process for process in psutil.process_iter() if _is_flow(process, recorded.token)]


def _is_flow(process: psutil.Process, token: str) -> bool:
    try:
        environment = process.environ()
        return environment.get(TOKEN) == token and RUN_ID in environment and os.getpgid(process.pid) == process.pid
    except (psutil.Error, OSError):
        return False


def _worker_and_flows(recorded: ServersRecord) -> list[psutil.Process]:
    return _server("worker")(recorded) + _flows(recorded)


def _everything(recorded: ServersRecord) -> list[psutil.Process]:
    servers = [process for name in ("worker", "mlflow", "prefect") for process in _server(name)(recorded)]
    return _supervisor(recorded) + servers + _flows(recorded)


VICTIMS: Final[dict[str, Find]] = {
    "worker": _server("worker"),
    "prefect": _server("prefect"),
    "mlflow": _server("mlflow"),
    "flow": _flows,
    "worker and flow": _worker_and_flows,
    "supervisor": _supervisor,
    "everything": _everything,
}
"""By name; "everything" is what is left of a host that lost its power and started again."""


def kill(ground: Ground, name: str) -> int:
    """SIGKILL to all of a victim's processes; how many there were."""
    recorded = read_servers(ground.home)
    if recorded is None:
        return 0
    killed = 0
    for process in VICTIMS[name](recorded):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)  # psutil compares the start time again
            killed += 1
    return killed
