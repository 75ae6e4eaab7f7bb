"""Stops what `servers.json` names: through its supervisor where that still runs, else one by one."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from flows.servers.processes import kill_marked, stop_recorded
from flows.servers.records import ServersRecord, forget_servers, read_servers
from tasks.machine.waiting import waiting_for

_SUPERVISOR_PATIENCE_S: Final = 60.0  # it has four servers to stop, each with a patience of its own
_PATIENCE_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.1


def stop_servers(home: Path) -> Iterator[str]:
    """Stops everything that was recorded, and says of each what became of it; nothing is said where nothing was.

    A process that only has a recorded id, and not its start time, is left alone. Raises UserError for an unreadable record.
    """
    recorded = read_servers(home)
    if recorded is None:
        return
    if recorded.supervisor.alive:
        _end_supervisor(recorded)
        yield from (f"{server.name} was stopped" for server in recorded.servers if not server.process.alive)
    for server in reversed(recorded.servers):
        if stop_recorded(server.process, _PATIENCE_S):
            yield f"{server.name} was stopped; the `miaotui up` that had started it was gone"
    left = kill_marked(recorded.token)
    if left:
        yield f"{left} processes that the servers had left behind were killed"
    forget_servers(home, recorded.token)


def _end_supervisor(recorded: ServersRecord) -> None:
    supervisor = recorded.supervisor
    with suppress(ProcessLookupError):
        os.kill(supervisor.pid, signal.SIGTERM)
    deadline = time.monotonic() + _SUPERVISOR_PATIENCE_S
    with waiting_for("the servers to stop"):
        while supervisor.alive and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)
    if supervisor.alive:
        with suppress(ProcessLookupError):
            os.kill(supervisor.pid, signal.SIGKILL)
