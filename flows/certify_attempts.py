"""The attempts at certificates that were made in a home, by the rows that they looked at: docs/certificate.md, section 5.

Sets of certify rows that share most of the smaller one's rows belong to one series, and so on along a chain of them. Attempts
of a series since its last certified bundle spend delta together, so each further one is held to a stricter level. Rows can leave
the certify split for good, once the attempts at them leave too little to prove anything: then they are `retired`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from pydantic import ValidationError

from flows.home import Home
from tasks.artifact import Record
from tasks.data.row_sets import RowSet, set_digest, shares_most
from tasks.errors import UserError
from tasks.whole_files import write_whole

_NOTHING: Final = np.zeros(0, dtype=np.uint64)


class Attempt(Record):
    """One look at certify rows, with its number since the last certified bundle of the series.

    `of`: what was run, by its content. `result`: the digest of what came of it, by which the same attempt is known again.
    """

    of: str
    result: str
    number: int
    certified: bool


class _Set(Record):
    """A set of certify rows by its digest, and those before it (one of each series) that it shares most of its rows with."""

    rows: str
    joins: tuple[str, ...] = ()


class _Made(Record):
    """An attempt at a set of rows."""

    rows: str
    attempt: Attempt


class _Retired(Record):
    """The set of rows that have left the certify split of the model `name`."""

    name: str
    rows: str


class _Record(Record):
    """In the order in which they came."""

    sets: tuple[_Set, ...] = ()
    attempts: tuple[_Made, ...] = ()
    retired: tuple[_Retired, ...] = ()


class _Earlier(Record):
    """An attempt as it was recorded before attempts were counted by rows: by the digest of a whole file."""

    key: str
    number: int
    certified: bool


class _EarlierFile(Record):
    attempts: tuple[_Earlier, ...] = ()


class CertifyAttempts:
    """The record of a home."""

    def __init__(self, home: Home) -> None:
        self._folder = home.folder / "certify_attempts"
        self._file = self._folder / "attempts.json"
        self._locks = home.locks

    @contextmanager
    def one_at_a_time(self, tell: Callable[[str], None]) -> Iterator[None]:
        """Keeps other attempts of this home waiting, so that no two of them take the same number; `tell` that it waits."""
        self._locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._locks / "certify.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            tell("another certificate is being computed in this home; waiting for it to end")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def number(self, rows: RowSet, *, of: str | None = None, known_as: str | None = None) -> int:
        """The number that an attempt at these rows has: 1, or one more than have failed since the last certified bundle.

        Where the last attempts that failed have one that was made `of` the same, and would be found made already, it is
        that one's. `known_as`: the digest under which the earlier form of the record has exactly these rows.
        """
        failed = self._failed(rows, known_as)
        own = [attempt.number for attempt in failed if attempt.of == of]
        return own[-1] if own else 1 + len(failed)

    def record(self, rows: RowSet, attempt: Attempt, *, known_as: str | None = None) -> None:
        """Writes an attempt down; the same result at the same rows is the same attempt, found again."""
        with self._writing():
            record, digest = self._read(), set_digest(rows)
            if any(made.rows == digest and made.attempt.result == attempt.result for made in record.attempts):
                return
            if digest not in {entry.rows for entry in record.sets}:
                # What the earlier form knows of these rows is taken over as soon as they are looked at again.
                taken = tuple(_Made(rows=digest, attempt=earlier) for earlier in self._earlier(known_as))
                self._write_set(digest, rows)
                entry = _Set(rows=digest, joins=tuple(self._joined(record, rows)))
                record = record.model_copy(
                    update={"sets": (*record.sets, entry), "attempts": (*record.attempts, *taken)}
                )
            made = (*record.attempts, _Made(rows=digest, attempt=attempt))
            self._write(record.model_copy(update={"attempts": made}))

    def unseen(self, keys: RowSet) -> NDArray[np.bool_]:
        """(rows,) which of these keys no attempt has looked at."""
        seen = [self._read_set(entry.rows) for entry in self._read().sets]
        return ~np.isin(keys, np.concatenate([*seen, _NOTHING]))

    def retired(self, name: str) -> RowSet:
        """The rows that have left the certify split of the model `name`."""
        digest = next((entry.rows for entry in self._read().retired if entry.name == name), None)
        return _NOTHING if digest is None else self._read_set(digest)

    def retire(self, name: str, rows: RowSet) -> None:
        """From now on these rows are not certified on any more for the model `name`."""
        with self._writing():
            record, together = self._read(), np.union1d(rows, self.retired(name))
            digest = set_digest(together)
            self._write_set(digest, together)
            others = [entry for entry in record.retired if entry.name != name]
            now = (*others, _Retired(name=name, rows=digest))
            self._write(record.model_copy(update={"retired": now}))

    def _failed(self, rows: RowSet, known_as: str | None) -> list[Attempt]:
        """The attempts of the rows' series since its last certified bundle."""
        record, digest = self._read(), set_digest(rows)
        if digest in {entry.rows for entry in record.sets}:
            members, earlier = _series(record, [digest]), []
        else:
            members, earlier = _series(record, self._joined(record, rows)), self._earlier(known_as)
        attempts = [made.attempt for made in record.attempts if made.rows in members]
        failed: list[Attempt] = []
        for attempt in (*attempts, *earlier):
            failed = [] if attempt.certified else [*failed, attempt]
        return failed

    def _joined(self, record: _Record, rows: RowSet) -> list[str]:
        """One set of each series that these rows belong to, the latest first: data that grows shares most with what it was."""
        joined: list[str] = []
        known: set[str] = set()
        for entry in reversed(record.sets):
            if entry.rows not in known and shares_most(rows, self._read_set(entry.rows)):
                joined.append(entry.rows)
                known |= _series(record, [entry.rows])
        return joined

    def _earlier(self, known_as: str | None) -> list[Attempt]:
        file = self._folder / f"{known_as}.json"
        if known_as is None or not file.is_file():
            return []
        entries = _EarlierFile.model_validate_json(file.read_bytes()).attempts
        return [Attempt(of=e.key, result=e.key, number=e.number, certified=e.certified) for e in entries]

    def _read(self) -> _Record:
        try:
            return _Record.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return _Record()
        except ValidationError as error:
            raise UserError(
                "cannot be read; without it nobody knows how often these rows were tried: restore it from a backup",
                file=self._file,
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / "attempts.lock"):
            yield

    def _write(self, record: _Record) -> None:
        write_whole(self._file, record.model_dump_json(indent=1))

    def _write_set(self, digest: str, rows: RowSet) -> None:
        self._set_file(digest).parent.mkdir(exist_ok=True)
        write_whole(self._set_file(digest), rows.astype("<u8").tobytes())

    def _read_set(self, digest: str) -> RowSet:
        file = self._set_file(digest)
        rows = np.fromfile(file, dtype="<u8").astype(np.uint64) if file.is_file() else _NOTHING
        if set_digest(rows) != digest:
            raise UserError("is gone or not as it was written; restore it from a backup", file=file)
        return rows

    def _set_file(self, digest: str) -> Path:
        return self._folder / "rows" / digest


def _series(record: _Record, members: Sequence[str]) -> set[str]:
    """All sets that a chain of joins leads to from these."""
    beside: dict[str, set[str]] = {}
    for entry in record.sets:
        for other in entry.joins:
            beside.setdefault(entry.rows, set()).add(other)
            beside.setdefault(other, set()).add(entry.rows)
    reached, ahead = set(members), list(members)
    while ahead:
        news = beside.get(ahead.pop(), set()) - reached
        reached |= news
        ahead.extend(news)
    return reached
