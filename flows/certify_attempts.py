"""Counts the attempts at a certificate on the same certify rows: each further one is held to a stricter level.

Trying again on rows that an earlier attempt has seen and failed on spends the error probability once more
(adaptive-inference.md section 3: attempt r works at delta * 6 / (pi^2 r^2)). The count is kept by the rows' digest in
the home; an attempt that succeeded, or the same computation run again, does not raise it.
"""

from filelock import FileLock

from flows.home import Home
from tasks.artifact import Record


class Attempt(Record):
    """One computation that looked at the rows: its key in the step cache, its number, and whether it was certified."""

    key: str
    number: int
    certified: bool


class _Attempts(Record):
    attempts: tuple[Attempt, ...] = ()


class CertifyAttempts:
    """The attempts on one set of certify rows."""

    def __init__(self, home: Home, rows_digest: str) -> None:
        """`rows_digest`: SHA-256 of the certify split."""
        self._file = home.folder / "certify_attempts" / f"{rows_digest}.json"

    def number(self, key: str) -> int:
        """The number, from 1, of the attempt with this key: its own if it was made, else one more than failed."""
        attempts = self._read()
        made = next((attempt for attempt in attempts if attempt.key == key), None)
        return made.number if made else 1 + sum(not attempt.certified for attempt in attempts)

    def record(self, attempt: Attempt) -> None:
        """Writes an attempt down, once."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._file.with_suffix(".lock")):
            attempts = self._read()
            if all(earlier.key != attempt.key for earlier in attempts):
                unfinished = self._file.with_suffix(".part")
                unfinished.write_text(
                    _Attempts(attempts=(*attempts, attempt)).model_dump_json(indent=1), encoding="utf-8"
                )
                unfinished.replace(self._file)

    def _read(self) -> tuple[Attempt, ...]:
        try:
            text = self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        return _Attempts.model_validate_json(text).attempts
