"""Real servers for tests: on loopback and a free port, awaited until they answer, stopped by their own process group."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_START_LIMIT_S = 180.0
_STOP_LIMIT_S = 20.0


@contextmanager
def mlflow_server(
    backend_uri: str, artifacts_folder: Path, *, environment: Mapping[str, str] | None = None, **options: str
) -> Iterator[str]:
    """An `mlflow server` over `backend_uri`, with its artifacts under `artifacts_folder`; gives its URL.

    `options` are further options of `mlflow server`, as `app_name="basic-auth"`; `environment` is added to this process's.
    """
    port = free_port()
    given = {
        "backend-store-uri": backend_uri,
        "artifacts-destination": str(artifacts_folder),
        "host": "127.0.0.1",
        "port": str(port),
        "workers": "1",
    } | {name.replace("_", "-"): value for name, value in options.items()}
    command = [sys.executable, "-m", "mlflow", "server", *(f"--{name}={value}" for name, value in given.items())]
    settings = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    inherited = {key: value for key, value in os.environ.items() if not key.endswith("_TRACKING_URI")}
    artifacts_folder.mkdir(parents=True, exist_ok=True)
    with (artifacts_folder.parent / f"mlflow-server-{port}.log").open("w+", encoding="utf-8") as log:
        server = subprocess.Popen(
            command,
            env=inherited | settings | dict(environment or {}),
            cwd=artifacts_folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _await(f"{url}/health", server, log)
            yield url
        finally:
            _stop(server)


def free_port() -> int:
    """A port of loopback that nothing listened on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(url: str, server: "subprocess.Popen[bytes]", log: IO[str]) -> None:
    give_up = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < give_up:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    log.seek(0)
    raise RuntimeError(f"the server does not answer at {url}: {log.read()[-2000:]}")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """End the server and all that it started: it is the leader of its own process group."""
    for wanted in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, wanted)
            server.wait(_STOP_LIMIT_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
