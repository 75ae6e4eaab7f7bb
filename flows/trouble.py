"""What a machine or a server lacks, in a line with the way out, read from the error of whichever library met it first.

A full disk is an OSError to one, a database's error to the next and a log's last line to a third. Only what a person can
mend is named here; everything else stays an internal error with its traceback.
"""

import errno
import re
import resource
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

_AGAIN: Final = "then run it again"
_DISK: Final = f"no space left on the disk; free some, {_AGAIN}"
_READ_ONLY: Final = f"the place is read-only; name one that can be written, {_AGAIN}"
_FORBIDDEN: Final = f"this user may not; change the permissions or name another place, {_AGAIN}"
_MEMORY: Final = f"not enough memory; give this process more or end others, {_AGAIN}"
_TASKS: Final = f"no more threads or processes may be started; raise the limit (ulimit -u), {_AGAIN}"
_TOO_LARGE: Final = f"a file may not grow that large; raise the limit (ulimit -f), {_AGAIN}"
_LOCKED: Final = f"another process keeps the database locked; wait for its end, {_AGAIN}"
_BROKEN_DISK: Final = f"the disk fails to read or write; look at the machine's log, {_AGAIN}"
_LOCALE: Final = f"a path or an argument is no text in this locale; set PYTHONUTF8=1, {_AGAIN}"
_FREE_BYTES: Final = 1 << 20
_FILES: Final = "too many files are open"

_BY_NUMBER: Final = {
    errno.ENOSPC: _DISK,
    errno.EDQUOT: _DISK,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENOMEM: _MEMORY,
    errno.EAGAIN: _TASKS,
    errno.EFBIG: _TOO_LARGE,
    errno.EIO: _BROKEN_DISK,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
}
_BY_WORDS: Final = tuple(
    (re.compile(words, re.IGNORECASE), said)
    for words, said in (
        (r"no space left on device|database or disk is full|disk quota exceeded", _DISK),
        (r"too many open files", _FILES),
        (r"read-only file system|attempt to write a readonly database", _READ_ONLY),
        (
            r"can(no|')t allocate memory|failed to allocate memory|bad_alloc|cannot allocate memory|out of memory",
            _MEMORY,
        ),
        (r"error return without exception set|failed to map segment", _MEMORY),  # what runs out within a C library
        (r"can't start new thread|pthread_create failed", _TASKS),
        (r"file too large", _TOO_LARGE),
        (r"database is locked", _LOCKED),
        (r"disk i/o error|input/output error", _BROKEN_DISK),
        (r"permission denied", _FORBIDDEN),
    )
)


def lacking(error: BaseException) -> str | None:
    """One line for a person, or None where the error is none of these."""
    for each in _chain(error):
        if isinstance(each, MemoryError):
            return _MEMORY
        if isinstance(each, UnicodeEncodeError) and "surrogates" in each.reason:
            return _LOCALE
        if isinstance(each, OSError) and each.errno in _BY_NUMBER:
            where = f"{each.filename}: " if each.filename else ""
            return where + _with_limit(_BY_NUMBER[each.errno])
        if said := _prefects_settings(each):
            return said
        if (said := _lost_server(each)) or (said := lacking_by_words(str(each))):
            return said
    return None


def full_disk(*folders: Path) -> str | None:
    """Which of the folders has no space left, where one has: servers answer a full disk with no reason at all."""
    for folder in folders:
        try:
            free = shutil.disk_usage(folder).free
        except OSError:
            continue
        if free < _FREE_BYTES:
            return f"{folder.absolute()}: {_DISK}"
    return None


def lacking_by_words(text: str) -> str | None:
    """The same for what a library or a process said."""
    return next((_with_limit(said) for words, said in _BY_WORDS if words.search(text)), None)


def _lost_server(error: BaseException) -> str | None:
    """A server that was there and is not any more: MLflow's and Prefect's clients have tried for minutes by then."""
    library = type(error).__module__.partition(".")[0]
    if isinstance(error, RuntimeError) and str(error).startswith("Failed to reach API at"):
        return f"the Prefect server does not answer any more; is there memory enough for it? See its log, {_AGAIN}"
    if library == "mlflow" and (status := re.search(r"API request to .* failed with error code (\d+)", str(error))):
        return (
            f"the MLflow server answers {status[1]}; look at its address (a path before its API?) and its log, {_AGAIN}"
        )
    if library == "mlflow" and "API request to" in str(error):
        return f"the MLflow server does not answer any more; look at its log, {_AGAIN} (finished steps are kept)"
    if library in ("httpx", "httpcore"):
        return f"the Prefect server does not answer any more; look at its log, {_AGAIN} (finished steps are kept)"
    return None


def _prefects_settings(error: BaseException) -> str | None:
    """Prefect reads variables, a profile and files of the working folder when it is imported."""
    what = None
    if isinstance(error, tomllib.TOMLDecodeError):
        what = str(error)
    elif isinstance(error, ValidationError) and error.title.endswith("Settings"):
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if what is None:
        return None
    return f"Prefect's settings cannot be used ({what}); look at PREFECT_… in the environment and profiles.toml in PREFECT_HOME"


def _with_limit(said: str) -> str:
    if said is not _FILES:
        return said
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"{said}: at most {soft} may be; raise the limit (ulimit -n {max(1024, 2 * soft)}), {_AGAIN}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
