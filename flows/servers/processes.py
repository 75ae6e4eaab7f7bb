"""Starts and ends processes by their own groups: whatever a server has forked ends with it, and nothing else does."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from flows.servers.records import ProcessRecord

TOKEN: Final = "MIAOTUI_SERVERS_TOKEN"  # noqa: S105 - the variable's name
_LOOK_EVERY_S: Final = 0.1
_KILL_TIMEOUT_S: Final = 10.0


def start_group(command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path) -> "Group":
    """Starts a process as the leader of a new session; what it prints is added to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        process = subprocess.Popen(
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Group(process)


class Group:
    """A child of this process and all that it has started in its group."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        """`process` leads its own session."""
        self._process = process
        self.record = ProcessRecord.of(process.pid)

    def died(self) -> int | None:
        """None while the leader runs; once it has ended, its exit code, after the rest of its group was killed."""
        if self._process.returncode is None:
            # Not reaped yet, so that its id, which is the group's, cannot have become somebody else's.
            state = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if state is None:
                return None
            self._send(signal.SIGKILL)
            self._process.wait()
        return self._process.returncode

    def stop(self, patience_s: float) -> None:
        """SIGTERM to the group, and SIGKILL to what is left of it when the leader ends or `patience_s` is over."""
        if self._process.returncode is not None:
            return
        self._send(signal.SIGTERM)
        deadline = time.monotonic() + patience_s
        while self.died() is None:
            if time.monotonic() > deadline:
                self._send(signal.SIGKILL)
                self._process.wait()
                return
            time.sleep(_LOOK_EVERY_S)

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def stop_recorded(process: ProcessRecord, patience_s: float) -> bool:
    """Ends a group that another process started, as `Group.stop` does; whether its leader still ran.

    Nothing is done to a process that only has the recorded id.
    """
    if not process.alive:
        return False
    _signal_group(process, signal.SIGTERM)
    if not _gone(process, patience_s):
        _signal_group(process, signal.SIGKILL)
        _gone(process, _KILL_TIMEOUT_S)
    return True


def kill_marked(token: str, *, variable: str = TOKEN) -> int:
    """Kills every process whose environment has `token` in `variable`, and waits until they are gone; how many there were.

    For what outlived the leader of its group. This process and its ancestors are never among them.
    """
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = [
        process for process in psutil.process_iter() if process.pid not in spared and _carries(process, variable, token)
    ]
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.kill()  # psutil compares the start time again
    psutil.wait_procs(found, timeout=_KILL_TIMEOUT_S)
    return len(found)


def _carries(process: psutil.Process, variable: str, token: str) -> bool:
    try:
        return process.environ().get(variable) == token
    except (psutil.Error, OSError):  # it has ended, or is another user's
        return False


def _signal_group(process: ProcessRecord, number: int) -> None:
    if process.alive:
        with suppress(ProcessLookupError):
            # A leader's id is its group's. One that leads none is signalled alone: its group is its caller's.
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, number)
            else:
                os.kill(process.pid, number)


def _gone(process: ProcessRecord, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while process.alive:
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True
