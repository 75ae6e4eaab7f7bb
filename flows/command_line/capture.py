"""Sends what libraries and child processes print to a log, so that a person sees the run and a program sees its JSON.

Done on the file descriptors: ONNX Runtime and LoadGen write past Python's streams, and the embedded Prefect server is a
process of its own that inherits them.
"""

import atexit
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from tasks.machine.waiting import telling

_LOGS_KEPT: Final = 30


@contextmanager
def captured_output(log: Path) -> Iterator[tuple[TextIO, TextIO]]:
    """Within it, descriptors 1 and 2 lead to `log`; yields streams to where they led before.

    What is waited for is told on the second of them.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with log.open("ab") as sink, _copy_of(1) as out, _copy_of(2) as err:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
        try:
            with telling(lambda sentence: print(sentence, file=err)):
                yield out, err
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            out.flush()
            err.flush()
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            # What was started within may still have something to say when the interpreter ends. Handlers run last in,
            # first out: this one runs before those of the libraries that were imported within.
            atexit.register(_send_to, log)


def new_log(folder: Path, name: str) -> Path:
    """A fresh log file in `folder`; of the older ones the newest few are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob("*.log"), key=lambda file: file.stat().st_mtime)[: -_LOGS_KEPT or None]:
        old.unlink(missing_ok=True)
    log = folder / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    log.touch()
    return log


def _send_to(log: Path) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    with suppress(OSError), log.open("ab") as sink:  # the log's folder may be gone by then
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)


def _copy_of(descriptor: int) -> TextIO:
    """A text stream to where a descriptor leads now; written to line by line, so that a pipe's reader sees each."""
    return os.fdopen(os.dup(descriptor), "w", encoding="utf-8", errors="backslashreplace", buffering=1)
