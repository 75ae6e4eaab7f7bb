"""A real MLflow server on loopback for tests, stopped by its own process group and never by name."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_START_TIMEOUT_S: Final = 180.0
_STOP_TIMEOUT_S: Final = 20.0
_ATTEMPTS: Final = 3
_ENVIRONMENT: Final = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}
# What would make the server somebody else's client.
_NOT_INHERITED: Final = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_DEFAULT_ARTIFACT_ROOT")


@contextmanager
def mlflow_server(
    backend_uri: str, folder: Path, *, environment: Mapping[str, str] | None = None, arguments: Sequence[str] = ()
) -> Iterator[str]:
    """Serve `backend_uri` with its files under `folder`; gives the server's URL, once it answers.

    `environment` and `arguments` are added to the server's. Raises RuntimeError, with its log, where it does not start.
    """
    log = folder / "mlflow-server.log"
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"]
    command += ["--backend-store-uri", backend_uri, "--artifacts-destination", str(folder / "artifacts"), *arguments]
    for attempt in range(_ATTEMPTS):
        port = _free_port()
        with log.open("wb") as stream:
            server = subprocess.Popen(
                [*command, "--port", str(port)],
                cwd=folder,
                env={**inherited, **_ENVIRONMENT, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the server's workers are in its group, and nothing else is
            )
        url = f"http://127.0.0.1:{port}"
        try:
            if _answers(server, url):
                yield url
                return
        finally:
            _stop(server)
        text = log.read_text(encoding="utf-8", errors="replace")
        if "address already in use" not in text or attempt == _ATTEMPTS - 1:
            raise RuntimeError(f"the MLflow server did not start:\n{text[-4000:]}")


def _answers(server: "subprocess.Popen[bytes]", url: str) -> bool:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
                return answer.read() == b"OK"
        except urllib.error.HTTPError:
            return False
        except OSError:
            time.sleep(0.1)
    return False


def _stop(server: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, number)
        except ProcessLookupError:
            break
        try:
            server.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            continue
    server.wait()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
