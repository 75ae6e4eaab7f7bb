"""A database that `MLFLOW_TRACKING_URI` or `MLFLOW_REGISTRY_URI` names directly, with no MLflow server before it.

MLflow retries for minutes on a database that it cannot reach, and shows SQLAlchemy's tracebacks with the password in
them; here one connection is tried first, and what is wrong is said in a line.
"""

from typing import Final
from urllib.parse import urlsplit

from tasks.errors import UserError

# The databases that MLflow keeps its tables in, and the driver whose name belongs into the URI.
_DRIVERS: Final = {"postgresql": "psycopg", "mysql": "pymysql", "mssql": "pyodbc", "sqlite": "pysqlite"}
_CONNECT_TIMEOUT_S: Final = 5


def is_database(uri: str) -> bool:
    """Whether the URI is SQLAlchemy's and not that of a server or a folder."""
    return uri.partition(":")[0].partition("+")[0].lower() in _DRIVERS


def shown(uri: str) -> str:
    """The URI without its password."""
    from sqlalchemy import make_url

    return make_url(uri).render_as_string(hide_password=True)


def check_database(uri: str, *, field: str = "MLFLOW_TRACKING_URI") -> None:
    """Connect once. Raises UserError for a URI that is none, a driver that is not installed, or no answer.

    `field`: the environment variable that gave the URI.
    """
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
    from sqlalchemy.pool import NullPool

    kind = urlsplit(uri).scheme.partition("+")[0]
    form = f"{kind}+{_DRIVERS[kind]}://USER:PASSWORD@HOST/DATABASE"
    try:
        database = make_url(uri).database
    except (ArgumentError, ValueError) as error:
        raise UserError(f"is no database URI; write {form}", field=field) from error
    if kind == "sqlite" and database in (None, "", ":memory:"):
        raise UserError("a database in memory would be forgotten; write sqlite:////FILE", field=field)
    arguments = {"connect_timeout": _CONNECT_TIMEOUT_S} if kind in ("postgresql", "mysql") else {}
    try:
        engine = create_engine(uri, poolclass=NullPool, connect_args=arguments)
    except (ImportError, NoSuchModuleError, ArgumentError) as error:
        way_out = "pip install 'miaotui[postgresql]'" if kind == "postgresql" else f"pip install {_DRIVERS[kind]}"
        raise UserError(
            f"{shown(uri)} needs a driver that is not installed ({error}); write {form} and run: {way_out}", field=field
        ) from error
    try:
        engine.connect().close()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise UserError(
            f"the database {shown(uri)} cannot be used ({reason}); start it or unset {field}", field=field
        ) from error
