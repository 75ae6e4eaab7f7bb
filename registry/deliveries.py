"""Remembers which webhook deliveries were acted upon, so that a recorded one cannot be sent again.

A small SQLite file: safe among threads and processes, and after a restart. It holds an id for a little longer than its
signature is accepted, and never more than a fixed number of them.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from registry.webhooks import CLOCK_SKEW_S, MAX_AGE_S, Delivery, RefusedDeliveryError
from tasks.errors import UserError

# Twice the window: a clock that is set back by less than it does not make an old delivery new.
_KEPT_S: Final = 2 * (MAX_AGE_S + CLOCK_SKEW_S)
_CAPACITY: Final = 100_000
_BUSY_TIMEOUT_S: Final = 10.0


class SeenDeliveries:
    """The ids of recent deliveries, in `file`."""

    def __init__(self, file: Path, *, capacity: int = _CAPACITY) -> None:
        """Makes the file if it is not there. Raises UserError where it cannot be used."""
        self._file = file
        self._capacity = capacity
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with self._connection() as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, sent_at INTEGER NOT NULL)")
        except (OSError, sqlite3.Error) as error:
            raise UserError(f"cannot be used to remember deliveries ({error}); move it away", file=file) from error

    def claim(self, delivery: Delivery, *, now: float) -> None:
        """Note a delivery that is about to be acted upon.

        Raises RefusedDeliveryError: 409 for one that was claimed before, 503 where no more can be remembered (forgetting
        one instead would let it be replayed; MLflow sends a 503 again).
        """
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM seen WHERE sent_at < ?", (now - _KEPT_S,))
            if connection.execute("SELECT 1 FROM seen WHERE id = ?", (delivery.delivery_id,)).fetchone():
                connection.execute("COMMIT")
                raise RefusedDeliveryError(409, "this delivery was received before")
            (count,) = connection.execute("SELECT count(*) FROM seen").fetchone()
            if count >= self._capacity:
                connection.execute("COMMIT")
                raise RefusedDeliveryError(503, f"{count} deliveries within {_KEPT_S} s are more than are remembered")
            connection.execute("INSERT INTO seen VALUES (?, ?)", (delivery.delivery_id, delivery.sent_at))
            connection.execute("COMMIT")

    def release(self, delivery: Delivery) -> None:
        """Forget a delivery that could not be acted upon, so that MLflow's own retry of it is taken."""
        with self._connection() as connection:
            connection.execute("DELETE FROM seen WHERE id = ?", (delivery.delivery_id,))

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """One per call: cheap beside a delivery, and shared by no two threads. Closing rolls back what is open."""
        with closing(sqlite3.connect(self._file, timeout=_BUSY_TIMEOUT_S, isolation_level=None)) as connection:
            yield connection
