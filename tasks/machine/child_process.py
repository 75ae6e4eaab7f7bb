"""Child processes that never outlive the process that started them, however that one ends.

Run as `python -P child_process.py PYTHON_ARGUMENTS...` it becomes a Python with those arguments that keeps the promise,
for programs that are not the project's own.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_ROOT: Final = Path(__file__).parents[2]


def die_with_parent() -> None:
    """On Linux, asks to be killed with the parent; it holds for what this process turns into by `exec`, too."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


def importing_environment() -> dict[str, str]:
    """This process's environment, in which a child finds the project's modules and none of its working folder's."""
    known = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(_ROOT), *([known] if known else [])])
    return {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


def usable_cpus() -> set[int]:
    """Logical CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def how_it_ended(status: int) -> str:
    """An exit status in words: `was ended by SIGKILL`."""
    if status >= 0:
        return f"failed with exit status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


if __name__ == "__main__":
    die_with_parent()
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])  # noqa: S606 - becomes a Python of ours
