"""Starts a measuring process: pinned to the target's CPUs and threads, watched line by line, never left behind."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final

from tasks.benchmark.errors import BenchmarkError
from tasks.errors import UserError
from tasks.machine.child_process import how_it_ended, usable_cpus
from tasks.recipe import Target

_ROOT: Final = Path(__file__).parents[2]
_LAUNCHER: Final = Path(__file__).with_name("pinned.py")
_LOG_TAIL_LINES: Final = 15
_THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


def run_pinned(
    script: Path,
    arguments: Sequence[str],
    *,
    target: Target,
    log: Path,
    limit_s: float,
    on_line: Callable[[str], float | None] = lambda _line: None,
) -> None:
    """Runs `script` to its end on the target's CPUs; its standard error goes to `log`.

    `on_line` gets every line of its standard output and may return a new limit in seconds; a process that is silent for
    longer than the limit is killed. Raises UserError for CPUs that this process may not use, BenchmarkError when the
    script crashes, fails or hangs.
    """
    command = [sys.executable, "-P", str(_LAUNCHER), _cpu_list(target), str(script), *arguments]
    with log.open("wb") as errors:
        # A session of its own: a Ctrl-C for the parent would strike inside a LoadGen callback and look like a crash.
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=log.parent,
            env=_environment(target.threads),
            start_new_session=True,
        )
    assert child.stdout is not None
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read_lines, args=(child.stdout, lines), daemon=True)
    reader.start()
    try:
        limit_s = _follow(lines, on_line, limit_s, log)
        try:
            status = child.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(_with_tail(f"the measuring process did not end within {limit_s:.0f} s", log)) from None
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        reader.join()
        child.stdout.close()
    if status:
        raise BenchmarkError(_with_tail(f"the measuring process {how_it_ended(status)}", log))


def require_cpus(target: Target) -> None:
    """Raises UserError where this process may not run on a CPU that the target names."""
    usable = usable_cpus()
    if target.cpus is not None and (not hasattr(os, "sched_setaffinity") or not set(target.cpus) <= usable):
        message = (
            f"target '{target.name}' names CPUs {_listed(target.cpus)}, but this process may use {_listed(usable)}"
        )
        raise UserError(f"{message}; name some of those or leave the field out", field="cpus")


def _follow(
    lines: "queue.SimpleQueue[str | None]", on_line: Callable[[str], float | None], limit_s: float, log: Path
) -> float:
    """Hands on lines until the output ends; returns the limit then in force."""
    last = "start"
    while True:
        try:
            line = lines.get(timeout=limit_s)
        except queue.Empty:
            message = f"the measuring process was silent for {limit_s:.0f} s after: {last}"
            raise BenchmarkError(_with_tail(message, log)) from None
        if line is None:
            return limit_s
        last = line
        limit_s = on_line(line) or limit_s


def _read_lines(stream: IO[bytes], lines: "queue.SimpleQueue[str | None]") -> None:
    for line in stream:
        lines.put(line.decode("utf-8", errors="replace").rstrip("\n"))
    lines.put(None)


def _cpu_list(target: Target) -> str:
    require_cpus(target)
    return "-" if target.cpus is None else ",".join(str(cpu) for cpu in target.cpus)


def _listed(cpus: set[int] | tuple[int, ...]) -> str:
    return ", ".join(str(cpu) for cpu in sorted(cpus))


def _environment(threads: int) -> dict[str, str]:
    environment = dict(os.environ)
    environment |= {name: str(threads) for name in _THREAD_VARIABLES}
    known = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *([known] if known else [])])
    environment["PYTHONFAULTHANDLER"] = "1"  # a crash inside LoadGen leaves its stack in the log
    environment["TOKENIZERS_PARALLELISM"] = "false"
    return environment


def _with_tail(message: str, log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    tail = "\n".join(f"  {line}" for line in lines[-_LOG_TAIL_LINES:]) or "  (its log is empty)"
    return f"{message}; the end of its log:\n{tail}"
