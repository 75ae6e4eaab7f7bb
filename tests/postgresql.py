"""A throwaway PostgreSQL for tests, from the programs that Debian's package `postgresql` installs.

One cluster serves a whole session. It listens on a Unix socket in its own folder, so no port has to be free, and is
stopped by its own process id. A migrated database is made once and copied as a template: a fresh one takes milliseconds.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

MISSING: Final = "PostgreSQL's initdb and postgres are not installed (apt-get install postgresql)"
_SUPERUSER: Final = "postgres"
_SETTINGS: Final = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "listen_addresses=", "jit=off")
_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 30.0
_NUMBERS: Final = count(1)


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL that trusts whoever can reach its socket."""

    folder: Path

    def url(self, database: str, driver: str = "psycopg") -> str:
        """SQLAlchemy's URL of a database of this cluster."""
        return f"postgresql+{driver}://{_SUPERUSER}@/{database}?host={self.folder}"

    def create_database(self, template: str | None = None) -> str:
        """A new database and its name: empty, or a copy of `template`, whose connections are closed for that."""
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        if template:
            self.disconnect(template)
        self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def disconnect(self, name: str) -> None:
        """Close every connection to a database."""
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside of any transaction."""
        import psycopg

        conninfo = f"host={self.folder} user={_SUPERUSER} dbname={database}"
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]  # psycopg wants literals, these are ours


def programs() -> Path | None:
    """The folder with `initdb` and `postgres`: the newest that Debian's packages installed, else the one on the PATH."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = packaged[-1] if packaged else shutil.which("initdb")
    if found is None:
        return None
    folder = Path(found).parent
    return folder if (folder / "postgres").is_file() else None


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start a new cluster, stop it at the end and remove all it wrote. Raises RuntimeError where it does not start."""
    binaries = programs()
    if binaries is None:
        raise RuntimeError(MISSING)
    # Not pytest's own folder: that one is closed to the other user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="miaotui-pg-"))
    try:
        data, identity = folder / "data", user_identity()
        if identity:
            os.chown(folder, pwd.getpwnam(identity["user"]).pw_uid, -1)
        initialise(binaries / "initdb", data, identity)
        with _running(binaries / "postgres", folder, data, identity):
            yield Cluster(folder)
    finally:
        shutil.rmtree(folder)


def user_identity() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: the arguments that start a process as somebody else."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": name, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("PostgreSQL does not run as root, and there is no user postgres or nobody")


def initialise(program: Path, data: Path, identity: dict[str, Any]) -> None:
    """Make a new cluster in the folder `data`."""
    command = [program, "-D", data, "-U", _SUPERUSER, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **identity)
    if done.returncode:
        raise RuntimeError(f"initdb ended with code {done.returncode}: {done.stderr.strip()}")


@contextmanager
def _running(program: Path, folder: Path, data: Path, identity: dict[str, Any]) -> Iterator[None]:
    server = start_server(program, folder, data, identity, _SETTINGS)
    try:
        yield
    finally:
        stop_server(server)


def start_server(
    program: Path, folder: Path, data: Path, identity: dict[str, Any], settings: Sequence[str]
) -> "subprocess.Popen[bytes]":
    """A server on a socket in `folder` that answers. Raises RuntimeError with its log where it does not."""
    log = folder / "server.log"
    with log.open("ab") as stream:
        server = subprocess.Popen(
            [program, "-D", data, "-k", folder, *(argument for setting in settings for argument in ("-c", setting))],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            **identity,
        )
    try:
        _wait_until_it_answers(server, Cluster(folder), log)
    except BaseException:
        stop_server(server)
        raise
    return server


def stop_server(server: "subprocess.Popen[bytes]") -> None:
    """Close the connections of a server and stop it."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _wait_until_it_answers(server: "subprocess.Popen[bytes]", cluster: Cluster, log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            return cluster.execute("SELECT 1")
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text(encoding='utf-8')}") from None
            time.sleep(0.02)
