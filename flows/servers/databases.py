"""Where the servers keep their tables: SQLite files in the home, or two databases of one PostgreSQL.

Prefect and MLflow each number their migrations in a table of the same name, so they cannot share a database.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from registry.database import check_database
from tasks.errors import UserError

_FIELD = "--database"


@dataclass(frozen=True)
class Databases:
    """SQLAlchemy's URLs; `prefect` is None where Prefect's own SQLite file serves. They may hold a password."""

    mlflow: str = field(repr=False)
    prefect: str | None = field(repr=False)
    ledger: str


def embedded(home: Path) -> Databases:
    """The files that a run without servers uses, too: what was registered before is there, and on the same ledger."""
    return Databases(f"sqlite:///{home / 'mlflow.db'}", None, f"sqlite:///{home / 'ledger.db'}")


def postgresql(url: str, home: Path) -> Databases:
    """MLflow's tables in the database of `url`, Prefect's in NAME_prefect beside it, the ledger in the home.

    Raises UserError for another kind of URL.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    form = "postgresql://USER:PASSWORD@HOST/NAME"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise UserError(f"is no database URI; write {form}", field=_FIELD) from error
    if parsed.get_backend_name() != "postgresql" or not parsed.database:
        raise UserError(f"must be a PostgreSQL database of the form {form}", field=_FIELD)
    place = f"{parsed.host}:{parsed.port or 5432}/{parsed.database}?{sorted(parsed.query.items())}"
    ledger = home / f"ledger-{hashlib.sha256(place.encode()).hexdigest()[:12]}.db"
    beside = parsed.set(drivername="postgresql+asyncpg", database=f"{parsed.database}_prefect")
    return Databases(
        mlflow=parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False),
        prefect=beside.render_as_string(hide_password=False),
        ledger=f"sqlite:///{ledger}",
    )


def prepare_postgresql(databases: Databases) -> None:
    """Makes Prefect's database where there is none. Raises UserError where the server cannot be used for that."""
    from sqlalchemy import create_engine, make_url, text
    from sqlalchemy.exc import ProgrammingError
    from sqlalchemy.pool import NullPool

    check_database(databases.mlflow, field=_FIELD)
    assert databases.prefect is not None
    name = make_url(databases.prefect).database
    engine = create_engine(databases.mlflow, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}):
            return
        quoted = engine.dialect.identifier_preparer.quote(str(name))
        try:
            connection.execute(text(f"CREATE DATABASE {quoted}"))
        except ProgrammingError as error:
            reason = str(error.orig).strip().splitlines()[0]
            message = f"the database {name} for Prefect cannot be made ({reason}); make it, and run this again"
            raise UserError(message, field=_FIELD) from error
