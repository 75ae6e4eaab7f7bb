"""Where MLflow keeps runs and registered models, always named by explicit URIs.

MLflow's own default depends on the working directory, so nothing here relies on its global state: every call goes
through a client that was given both URIs. MLflow is imported when a client is opened, not before.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from registry.database import check_database, is_database, shown
from registry.server import require_answer, shown_server
from tasks.errors import UserError
from tasks.machine.loopback import spare_loopback
from tasks.machine.waiting import locked, waiting_for

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SQLITE_MAGIC: Final = b"SQLite format 3\0"
_LONGEST_MIGRATION_S: Final = 600.0
# MLflow reads these when it is imported. Only telemetry and pickles are not the user's to choose.
_FORCED: Final = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
_DEFAULTS: Final = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # Otherwise MLflow copies the lock file of whatever project the command was started in into the model.
    "MLFLOW_UV_AUTO_DETECT": "false",
}


# A client costs a schema check; one per pair of URIs serves the whole process, and MLflow's are safe to share.
_CLIENTS: "dict[tuple[str, str], MlflowClient]" = {}


@dataclass(frozen=True)
class MlflowStore:
    """The tracking server and registry of one `MIAOTUI_HOME`.

    `artifact_location` is where new experiments keep their files. It is None for a server, which chooses its own; a
    database chooses none, and MLflow would take the working directory.
    """

    home: Path
    tracking_uri: str
    registry_uri: str
    artifact_location: str | None

    @classmethod
    def of_home(cls, home: Path) -> "MlflowStore":
        """`MLFLOW_TRACKING_URI` and `MLFLOW_REGISTRY_URI` where set, else SQLite in `home`. Opens nothing.

        With a database, the files lie where `MLFLOW_DEFAULT_ARTIFACT_ROOT` says, as with `mlflow server`, else in the
        home.
        """
        home = home.absolute()
        named = os.environ.get("MLFLOW_TRACKING_URI")
        tracking_uri = named or f"sqlite:///{home / 'mlflow.db'}"
        artifacts: str | None = str(home / "mlartifacts")
        if named:
            root = os.environ.get("MLFLOW_DEFAULT_ARTIFACT_ROOT")
            artifacts = (_absolute(root) if root else artifacts) if is_database(named) else None
        return cls(home, tracking_uri, os.environ.get("MLFLOW_REGISTRY_URI") or tracking_uri, artifacts)

    @property
    def embedded(self) -> bool:
        """Whether the runs are in a SQLite file of this home."""
        return self.tracking_uri == f"sqlite:///{self.database}"

    @property
    def serverless(self) -> bool:
        """Whether this process writes the database and the files itself, with no MLflow server in between."""
        return self.artifact_location is not None

    @property
    def shown(self) -> str:
        """The tracking server or database, without a password."""
        uri = self.tracking_uri
        if is_database(uri):
            return shown(uri)
        return shown_server(uri, "MLFLOW_TRACKING_URI") if uri.startswith("http") else uri

    @property
    def exists(self) -> bool:
        """Whether something may have been logged: false only for an embedded store whose file is not there yet."""
        return not self.embedded or self.database.is_file()

    @property
    def database(self) -> Path:
        """The SQLite file of the embedded store."""
        return self.home / "mlflow.db"

    def open(self) -> "MlflowClient":
        """A client of both stores; makes the embedded one if need be (3 to 5 seconds, once).

        Raises UserError when the home cannot be written, the file is no database, or the server does not answer.
        """
        key = (self.tracking_uri, self.registry_uri)
        if key not in _CLIENTS:
            _prepare_environment()
            if self.embedded:
                with self._locked_home(), waiting_for(f"MLflow's database {self.database}"):
                    self._check_database()
                    _CLIENTS[key] = self._connect()
            else:
                _check(self.tracking_uri, "MLFLOW_TRACKING_URI")
                if self.registry_uri != self.tracking_uri:
                    _check(self.registry_uri, "MLFLOW_REGISTRY_URI")
                with waiting_for(f"MLflow at {self.shown}"):
                    _CLIENTS[key] = self._connect()
        return _CLIENTS[key]

    def _connect(self) -> "MlflowClient":
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            client = MlflowClient(tracking_uri=self.tracking_uri, registry_uri=self.registry_uri)
            client.search_registered_models(max_results=1)
        except MlflowException as error:
            if error.error_code == "UNAUTHENTICATED":
                way_out = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
                raise UserError(f"the MLflow server does not let this user in; {way_out}") from error
            if "schema" not in str(error):
                raise
            # A URI of the user's may hold a password.
            uri, file = (self.tracking_uri, self.database) if self.embedded else ('"$MLFLOW_TRACKING_URI"', None)
            message = f"was written by another version of MLflow; run: mlflow db upgrade {uri}"
            raise UserError(message, file=file, field=None if file else "MLFLOW_TRACKING_URI") from error
        return client

    @contextmanager
    def _locked_home(self) -> Iterator[None]:
        """Two processes that make the tables at once would break each other."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            with ExitStack() as held:
                what = "another process to make MLflow's database"
                held.enter_context(locked(self.home / "mlflow.lock", what, longest_s=_LONGEST_MIGRATION_S))
                unlock = held.pop_all()
        except OSError as error:
            raise UserError(f"cannot be written ({error.strerror}); set MIAOTUI_HOME", file=self.home) from error
        with unlock:
            yield

    def _check_database(self) -> None:
        """MLflow retries for minutes on a file that it cannot open; say it at once instead."""
        if any(character in str(self.home) for character in "?#%"):
            raise UserError("a home must not have ?, # or % in its path; set MIAOTUI_HOME", file=self.home)
        if not self.database.exists():
            return
        try:
            with self.database.open("rb+") as stream:
                head = stream.read(len(_SQLITE_MAGIC))
        except OSError as error:
            raise UserError(f"cannot be written ({error.strerror})", file=self.database) from error
        if head and head != _SQLITE_MAGIC:
            raise UserError("is no SQLite database; move it away, or set MLFLOW_TRACKING_URI", file=self.database)


def _prepare_environment() -> None:
    spare_loopback()
    os.environ.update(_FORCED)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def _absolute(location: str) -> str:
    """A folder's full path; another kind of location is what it is."""
    return location if urlsplit(location).scheme else str(Path(location).absolute())


def _check(uri: str, field: str) -> None:
    """Raises UserError where nothing that MLflow can use is there. `field`: the variable that gave the URI."""
    scheme = uri.partition(":")[0].lower() if "://" in uri else ""
    if scheme in ("http", "https"):
        require_answer(uri, field)
    elif is_database(uri):
        check_database(uri, field=field)
    else:
        # Folders, which MLflow does not take any more, names of services, other kinds of storage.
        raise UserError(
            f"must be an MLflow server (http://HOST:PORT) or a database (sqlite:////FILE, postgresql+psycopg://…), not "
            f"{uri.rpartition('@')[2][:100]!r}",
            field=field,
        )
