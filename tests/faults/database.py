"""A PostgreSQL that can be killed and started again: what it has committed is on its disk files."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.postgresql import (
    MISSING,
    Cluster,
    initialise,
    programs,
    start_server,
    stop_server,
    user_identity,
)

# Commits are written before they are acknowledged; a killed server loses none, since the machine itself goes on.
_SETTINGS: Final = ("fsync=off", "listen_addresses=", "jit=off", "max_connections=200")
_START_TRIES: Final = 20


class Database:
    """One cluster with one database."""

    def __init__(self, folder: Path, binaries: Path, identity: dict[str, Any]) -> None:
        """Starts nothing yet."""
        self._folder, self._binaries, self._identity = folder, binaries, identity
        self._server: subprocess.Popen[bytes] | None = None
        self._name = ""

    @property
    def url(self) -> str:
        """For `miaotui up --database`."""
        return Cluster(self._folder).url(self._name).replace("+psycopg", "")

    def start(self) -> None:
        """Starts it, again if it was killed. The backends of a killed one may live on for a moment."""
        for tries_left in reversed(range(_START_TRIES)):
            try:
                self._server = start_server(
                    self._binaries / "postgres", self._folder, self._folder / "data", self._identity, _SETTINGS
                )
                break
            except RuntimeError:
                if not tries_left:
                    raise
                time.sleep(0.5)
        if not self._name:
            self._name = Cluster(self._folder).create_database()

    def kill(self) -> None:
        """SIGKILL to its main process, the others of which end then."""
        assert self._server is not None
        self._server.send_signal(signal.SIGKILL)
        self._server.wait()

    def stop(self) -> None:
        """Stops it."""
        if self._server is not None and self._server.poll() is None:
            stop_server(self._server)


@contextmanager
def killable_database() -> Iterator[Database]:
    """A new cluster that is running; stopped and removed at the end. Raises RuntimeError without PostgreSQL's programs."""
    binaries = programs()
    if binaries is None:
        raise RuntimeError(MISSING)
    folder, identity = Path(tempfile.mkdtemp(prefix="miaotui-pg-")), user_identity()
    database = Database(folder, binaries, identity)
    try:
        if identity:
            shutil.chown(folder, identity["user"])
        initialise(binaries / "initdb", folder / "data", identity)
        database.start()
        yield database
    finally:
        database.stop()
        shutil.rmtree(folder)
        assert not os.path.lexists(folder)
