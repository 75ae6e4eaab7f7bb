"""The ledger's table, in SQLite or PostgreSQL: entries are appended at the head by compare-and-swap, never changed.

The primary key (model, sequence) is the compare-and-swap: of any number who append after the same head, the database
lets one through. Triggers refuse UPDATE and DELETE, so that altering an entry takes more than a mistake.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy import text as sql
from sqlalchemy.engine import URL, Row, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, OperationalError

from engine import strict_json
from registry.database import check_database
from registry.ledger.entries import GENESIS, Draft, Entry, Kind
from registry.store import MlflowStore
from tasks.errors import UserError
from tasks.machine.waiting import locked, too_long, waiting_for

_VARIABLE: Final = "MIAOTUI_LEDGER_URI"
_LONGEST_S: Final = 1800.0  # a promotion with its blessing takes minutes at most
_LOCK_NOT_AVAILABLE: Final = "55P03"
_BUSY_S: Final = 60.0  # SQLite lets one write at a time; twenty that queue wait for milliseconds each

_TABLE: Final = Table(
    "miaotui_ledger",
    MetaData(),
    Column("model", String(250), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(32), nullable=False),
    Column("at", String(40), nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("from_version", Integer),
    Column("to_version", Integer),
    Column("evidence_digest", String(64)),
    Column("details", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

_GUARDS: Final = {
    "sqlite": tuple(
        f"CREATE TRIGGER IF NOT EXISTS miaotui_ledger_no_{verb} BEFORE {verb} ON miaotui_ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION miaotui_ledger_refuse() RETURNS trigger AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$ LANGUAGE plpgsql",
        "CREATE OR REPLACE TRIGGER miaotui_ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON miaotui_ledger "
        "FOR EACH STATEMENT EXECUTE FUNCTION miaotui_ledger_refuse()",
    ),
}


class LostRaceError(Exception):
    """Another entry was appended after the head that was expected."""


class Ledger:
    """The entries of all models in one database."""

    def __init__(self, url: str) -> None:
        """`url`: a SQLAlchemy URL of SQLite or PostgreSQL. Opens nothing; the table is made on first use."""
        self.url: Final = _parsed(url)
        self._engine: Engine | None = None

    @classmethod
    def of_store(cls, store: MlflowStore) -> "Ledger":
        """`MIAOTUI_LEDGER_URI` where set, else a file in the store's home: each registry has a ledger of its own."""
        own = "" if store.embedded else f"-{hashlib.sha256(store.registry_uri.encode()).hexdigest()[:12]}"
        return cls(os.environ.get(_VARIABLE) or f"sqlite:///{store.home / f'ledger{own}.db'}")

    @property
    def shown(self) -> str:
        """Where the ledger is, without a password."""
        return self.url.render_as_string(hide_password=True)

    def entries(self, model: str, *, after: int = 0, last: int | None = None) -> tuple[Entry, ...]:
        """The entries of a model in order: those after a sequence number, or only the `last` few."""
        query = select(_TABLE).where(_TABLE.c.model == model, _TABLE.c.sequence > after)
        newest_first = query.order_by(_TABLE.c.sequence.desc()).limit(last)
        with self._open().connect() as connection:
            return tuple(_entry(row) for row in reversed(connection.execute(newest_first).all()))

    def models(self) -> tuple[str, ...]:
        """The names of all models with an entry, sorted."""
        with self._open().connect() as connection:
            return tuple(connection.scalars(select(_TABLE.c.model).distinct().order_by(_TABLE.c.model)))

    def head(self, model: str) -> Entry | None:
        """The last entry of a model, or None."""
        found = self.entries(model, last=1)
        return found[0] if found else None

    def append(self, model: str, draft: Draft, *, after: Entry | None) -> Entry:
        """Append behind `after`, which has to be the head (None: the model has no entry).

        Raises LostRaceError when it is not the head any more.
        """
        sequence, previous = (after.sequence + 1, after.hash) if after else (1, GENESIS)
        entry = Entry.sealed(model, draft, sequence=sequence, at=datetime.now(UTC), previous=previous)
        try:
            with self._open().begin() as connection:
                connection.execute(insert(_TABLE).values(**_values(entry)))
        except IntegrityError as error:
            raise LostRaceError(f"{model} has an entry {sequence} already") from error
        return entry

    def decide(self, model: str, decision: Callable[[tuple[Entry, ...]], Draft | None]) -> Entry | None:
        """Append what `decision` makes of all entries so far, deciding anew whenever another was faster.

        Nothing is appended where it returns None.
        """
        entries = self.entries(model)
        while True:
            draft = decision(entries)
            if draft is None:
                return None
            try:
                return self.append(model, draft, after=entries[-1] if entries else None)
            except LostRaceError:
                entries += self.entries(model, after=entries[-1].sequence if entries else 0)

    def note(self, model: str, draft: Draft) -> Entry:
        """Append whatever the head is: for what happened and cannot be refused."""
        entry = self.decide(model, lambda _: draft)
        assert entry is not None
        return entry

    @contextmanager
    def exclusive(self, model: str) -> Iterator[None]:
        """Only one process at a time is within it, for one model; a killed one lets go.

        It orders the writes of the ledger's projection; the ledger itself needs no lock. Raises UserError where another
        does not come to its end.
        """
        what = f"another promotion, review or rollback of {model} to end"
        name = hashlib.sha256(f"miaotui/{model}".encode()).digest()
        if self.url.get_backend_name() == "sqlite":
            self._open()
            with locked(Path(f"{self.url.database}.{name.hex()[:12]}.lock"), what, longest_s=_LONGEST_S):
                yield
            return
        number = int.from_bytes(name[:8], "big", signed=True)
        with self._open().connect() as connection:
            with waiting_for(what):
                _lock(connection, number, what)
            connection.commit()  # the lock belongs to the connection, and no transaction stays open meanwhile
            try:
                yield
            finally:
                connection.execute(sql("SELECT pg_advisory_unlock(:number)"), {"number": number})
                connection.commit()

    @property
    def engine(self) -> Engine:
        """The opened database, for tables that live beside the ledger's."""
        return self._open()

    def close(self) -> None:
        """Let go of all connections; the next use opens new ones."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _open(self) -> Engine:
        if self._engine is None:
            engine = self._made()
            try:
                self._make_table(engine)
            except (OperationalError, DatabaseError, OSError) as error:
                engine.dispose()
                cause = str(getattr(error, "orig", error)).splitlines()[0]
                raise UserError(f"the ledger at {self.shown} cannot be used: {cause}; see {_VARIABLE}") from error
            self._engine = engine
        return self._engine

    def _made(self) -> Engine:
        if self.url.get_backend_name() != "sqlite":
            check_database(self.url.render_as_string(hide_password=False), field=_VARIABLE)
            return create_engine(self.url, pool_pre_ping=True)
        Path(self.url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(self.url, connect_args={"timeout": _BUSY_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine

    def _make_table(self, engine: Engine) -> None:
        with self._alone_in_making(engine), engine.begin() as connection:
            if not engine.dialect.has_table(connection, _TABLE.name):
                _TABLE.create(connection)
                for statement in _GUARDS[engine.dialect.name]:
                    connection.execute(sql(statement))

    @contextmanager
    def _alone_in_making(self, engine: Engine) -> Iterator[None]:
        """Two who make the table at once would fail each other."""
        if engine.dialect.name == "sqlite":
            file = Path(f"{self.url.database}.lock")
            with locked(file, "another process to make the ledger", longest_s=_LONGEST_S):
                yield
            return
        with engine.begin() as connection:
            connection.execute(sql("SELECT pg_advisory_xact_lock(20260711)"))
            yield


def _lock(connection: Connection, number: int, what: str) -> None:
    connection.execute(sql(f"SET LOCAL lock_timeout = '{_LONGEST_S:.0f}s'"))
    try:
        connection.execute(sql("SELECT pg_advisory_lock(:number)"), {"number": number})
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise UserError(f"{too_long(what, _LONGEST_S)}; end the process that holds the database's lock") from error


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
    except ArgumentError as error:
        raise UserError("is no database URL; give sqlite:///FILE or postgresql://…", field=_VARIABLE) from error
    if parsed.get_backend_name() not in _GUARDS:
        raise UserError(f"{parsed.get_backend_name()} is not supported; give sqlite or postgresql", field=_VARIABLE)
    if parsed.get_backend_name() == "sqlite" and not parsed.database:
        raise UserError("a ledger in memory would be forgotten; give sqlite:///FILE", field=_VARIABLE)
    return parsed


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by SQLAlchemy's event, at once with the write lock
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}").close()


def _values(entry: Entry) -> dict[str, Any]:
    """The entry as a row. Time and details are stored as the text that was hashed."""
    values = entry.model_dump(mode="json")
    return values | {"details": strict_json.dumps(values["details"], sort_keys=True)}


def _entry(row: Row[Any]) -> Entry:
    """The row as an entry, its hash not judged: what was altered by hand has to be readable to be found.

    Raises UserError for what cannot be read at all.
    """
    fields = row._asdict()
    try:
        read = {
            "kind": Kind(fields["kind"]),
            "at": datetime.fromisoformat(fields["at"]),
            "details": strict_json.loads(fields["details"]),
        }
    except ValueError as error:
        where = f"entry {fields['sequence']} of {fields['model']}"
        raise UserError(f"{where} on the ledger cannot be read ({error}): it was altered by hand") from error
    return Entry.model_construct(**fields | read)
