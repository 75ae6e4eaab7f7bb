"""One measurement at a time per machine, whoever measures: homes, users and pools that share the hardware take turns.

An flock on a file in the machine's own place for locks. The kernel frees it when its holder dies, however it dies.
"""

import errno
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tasks.errors import UserError
from tasks.machine.waiting import too_long, waiting_for

FOLDER_VARIABLE: Final = "MIAOTUI_LOCK_FOLDER"
"""Names the lock's folder: one that all containers of a machine mount, say, for each of them has its own /run and /tmp."""

_NAME: Final = "miaotui-measurement.lock"
_LONGEST_S: Final = 24 * 3600.0
_ASK_AGAIN_S: Final = 0.2
# /run/lock is for this (Filesystem Hierarchy Standard), is empty after a start, and no cleaner looks at it.
_SHARED: Final = (Path("/run/lock"), Path("/tmp"))  # noqa: S108 - see `_open`: nothing is read, written or followed


@contextmanager
def exclusive_machine(progress: Callable[[str], None] = lambda _message: None) -> Iterator[None]:
    """Holds the machine's lock; waits for it for a day at most, and tells `progress` that it does.

    Do not nest it. Raises OSError where the lock's folder cannot be used, UserError where it was not let go of.
    """
    file = lock_file()
    descriptor = _locked(file, progress)
    try:
        yield
    finally:
        os.close(descriptor)


def is_measured() -> bool:
    """Whether somebody holds the machine's lock now. It is not taken: who measures and asks at the same time is let in."""
    try:
        descriptor = os.open(lock_file(), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def lock_file() -> Path:
    """The same for all processes of this machine, whatever each of them may write to."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named) / _NAME
    shared = next((folder for folder in _SHARED if _is_everybodys(folder)), None)
    return (shared or Path(tempfile.gettempdir())) / _NAME


def _locked(file: Path, progress: Callable[[str], None]) -> int:
    while True:
        descriptor = _open(file)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _wait(file, descriptor, progress)
            if _is_still(file, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # somebody removed the file while we waited, and others may have locked a new one


def _wait(file: Path, descriptor: int, progress: Callable[[str], None]) -> None:
    """The kernel would wait for ever: it is asked again and again instead, so that there is an end."""
    what = "another measurement on this machine to end"
    progress("another measurement is going on on this machine; waiting for it to end")
    deadline = time.monotonic() + _LONGEST_S
    with waiting_for(what, progress):
        while time.monotonic() < deadline:
            time.sleep(_ASK_AGAIN_S)
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
    raise UserError(f"{too_long(what, _LONGEST_S)}; end the process that holds it", file=file)


def _open(file: Path) -> int:
    """Opened for locking alone, and never through a link that somebody laid there.

    Without O_CREAT first: in folders such as /tmp the kernel refuses it for a file that another user made.
    """
    while True:
        try:
            return os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            try:
                descriptor = os.open(file, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o444)
            except FileExistsError:
                continue
            os.fchmod(descriptor, 0o444)  # whatever our umask: all users must be able to open it
            return descriptor
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise OSError(error.errno, "is a symbolic link; remove it", str(file)) from error
            raise


def _is_still(file: Path, descriptor: int) -> bool:
    try:
        found = file.lstat()
    except FileNotFoundError:
        return False
    own = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)


def _is_everybodys(folder: Path) -> bool:
    """Decided by the folder and not by who asks, so that all users come to the same one."""
    try:
        mode = folder.stat().st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) and bool(mode & stat.S_IWOTH)
