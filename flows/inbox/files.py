"""The inbox's files: where they lie in the home, how bytes come in whole or not at all, and what is not let in.

`inbox/NAME/<sha256>.<format>` holds what landed, `landed/NAME/<sha256>.jsonl` its good rows, `quarantine/NAME/` the
others with reasons. Everything is written beside, flushed and renamed, so a file under its own name is complete.
"""

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from engine import strict_json
from flows.home import Home
from registry.write_points import write_point
from tasks.errors import UserError
from tasks.whole_files import publish

MAX_BYTES: Final = 512 * 2**20  # labelled text of that size is millions of rows; a line is held in memory
_BLOCK_BYTES: Final = 1 << 20
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_STORED: Final = re.compile(r"[0-9a-f]{64}\.(jsonl|csv|parquet)")


class RefusedError(UserError):
    """A source that is not let into the inbox; the message is one reason."""


@dataclass(frozen=True)
class Stored:
    """Bytes in the inbox: their SHA-256, their size in bytes, and where they lie."""

    sha256: str
    size: int
    path: Path


@dataclass(frozen=True)
class InboxFolders:
    """The folders of one model's new data."""

    home: Path
    model: str

    @classmethod
    def of(cls, home: Home, model: str) -> "InboxFolders":
        """Raises UserError for a name that is no model's, such as one with a path in it."""
        if not _NAME.fullmatch(model):
            raise UserError(
                f"{model[:60]!r} is no model's name: letters, digits, '.', '_' and '-', at most 100", field="NAME"
            )
        return cls(home.folder, model)

    @property
    def inbox(self) -> Path:
        """What landed, by content."""
        return self.home / "inbox" / self.model

    @property
    def drop(self) -> Path:
        """Where people and programs put files."""
        return self.inbox / "drop"

    @property
    def incoming(self) -> Path:
        """What is being written."""
        return self.inbox / "incoming"

    @property
    def landed(self) -> Path:
        """Good rows."""
        return self.home / "landed" / self.model

    @property
    def quarantine(self) -> Path:
        """Bad rows and files, with reasons."""
        return self.home / "quarantine" / self.model

    def stored(self) -> list[Path]:
        """The files that landed, sorted by digest; nothing else that may lie there."""
        if not self.inbox.is_dir():
            return []
        return sorted(path for path in self.inbox.iterdir() if _STORED.fullmatch(path.name) and not path.is_symlink())

    def store(self, stream: IO[bytes], file_format: str) -> Stored:
        """Copy a stream into the inbox under the hash of its content. Raises RefusedError where it is too large."""
        digest, size = hashlib.sha256(), 0
        self.incoming.mkdir(parents=True, exist_ok=True)
        with self._temporary() as (temporary, out):
            while block := stream.read(_BLOCK_BYTES):
                size += len(block)
                if size > MAX_BYTES:
                    raise RefusedError(too_large())
                digest.update(block)
                out.write(block)
            path = self.inbox / f"{digest.hexdigest()}.{file_format}"
            write_point("store a landed file")
            _put(temporary, out, path)
        return Stored(digest.hexdigest(), size, path)

    @contextmanager
    def writing(self, path: Path, what: str) -> Iterator[IO[bytes]]:
        """Write a file whole; `what` names the write point before it gets its name."""
        with self._temporary() as (temporary, out):
            yield out
            write_point(what)
            _put(temporary, out, path)

    def remove_leftovers(self, *, older_than_s: float, now: float) -> None:
        """Remove what killed processes were writing; `now` in seconds since the epoch."""
        for path in self.incoming.glob("*"):
            with suppress(FileNotFoundError):
                if now - path.lstat().st_mtime > older_than_s:
                    path.unlink()

    def set_aside(self, path: Path, reason: str) -> None:
        """Take a drop that cannot land into quarantine, with a note; of a link, the link alone."""
        key = hashlib.sha256(os.fsencode(path.name)).hexdigest()
        note = {"source": path.name, "row": None, "reason": reason, "excerpt": ""}
        with self.writing(self.quarantine / f"{key}.jsonl", "write a note on a drop") as out:
            out.write(strict_json.dumps(note, ascii_only=True).encode() + b"\n")
        write_point("set a drop aside")
        if path.is_symlink():
            path.unlink()
        else:
            path.replace(self.quarantine / f"{key}.file")

    @contextmanager
    def _temporary(self) -> Iterator[tuple[Path, IO[bytes]]]:
        self.incoming.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.incoming)
        try:
            with os.fdopen(descriptor, "w+b") as out:
                yield Path(name), out
        finally:
            Path(name).unlink(missing_ok=True)


@contextmanager
def opened(path: Path, *, follow: bool) -> Iterator[IO[bytes]]:
    """A regular file for reading; `follow`: whether a symbolic link is followed.

    Raises RefusedError for anything else, without waiting for a pipe's writer, and for one that changed meanwhile.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    with os.fdopen(os.open(path, flags), "rb") as stream:
        before = os.fstat(stream.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise RefusedError("is not a regular file")
        if before.st_size > MAX_BYTES:
            raise RefusedError(too_large())
        yield stream
        after = os.fstat(stream.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise RefusedError("changed while it was read; land it once it is complete")


def printable(text: str) -> str:
    """Text from outside with all that a terminal or a log would act upon escaped."""
    return text if text.isprintable() else repr(text)[1:-1]


def too_large() -> str:
    """Why a large file is refused."""
    return f"is larger than {MAX_BYTES // 2**20} MiB; part it into several files"


def _put(temporary: Path, out: IO[bytes], path: Path) -> None:
    """Give a finished file its name, so that it survives a power cut."""
    out.flush()
    path.parent.mkdir(parents=True, exist_ok=True)
    publish(temporary, path)
