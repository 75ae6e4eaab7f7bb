"""Files and folders that are there whole or not at all, also after a kill or a power cut.

What is written lies under another name beside its place, is forced to the disk, and takes the place in one step, which is
forced to the disk, too. A failure leaves what was there before and nothing else.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

_EVERYBODY: Final = 0o666  # less what the process's umask takes
_OWNER: Final = 0o600


def write_whole(file: Path, content: str | bytes, *, private: bool = False) -> None:
    """Puts `content`, a text as UTF-8, in the place of `file`; its folder must be there. `private`: its owner alone may read it.

    Raises OSError, and then the file is as it was.
    """
    with whole_file(file, private=private) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole_file(file: Path, *, private: bool = False) -> Iterator[IO[bytes]]:
    """A stream; what is written to it takes the place of `file` in the end, and does not where the body raises."""
    unfinished = file.with_name(f".{file.name[:200]}.{uuid.uuid4().hex[:12]}.part")
    mode = _OWNER if private else _EVERYBODY
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
            yield stream
        publish(unfinished, file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def publish(finished: Path, place: Path) -> None:
    """Gives a finished file, or a folder of finished files, its name. A file may take another's place, a folder an empty one's.

    Both names must be on one file system. Raises OSError, and then it keeps the name that it had.
    """
    for path in (*finished.rglob("*"), finished):
        if not path.is_symlink():
            flush(path)
    finished.replace(place)
    flush(place.parent)


def flush(path: Path) -> None:
    """Forces a file, or the entries of a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
