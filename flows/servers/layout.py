"""The servers and workers of a home: their commands, and environments in which they find each other."""

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flows.servers.databases import Databases
from flows.servers.health import mlflow_answers, prefect_answers, worker_answers
from flows.servers.ports import HOST
from flows.servers.reaper import Reaper
from flows.servers.server import Server

WORK_POOL: Final = "miaotui-local"
HEAVY_QUEUE: Final = "default"
"""For what has to be alone on the machine: trainings and measurements. Where runs go that name no queue."""
LIGHT_QUEUE: Final = "light"
"""For what must not wait for those: decisions of people, new data, what is old."""
PREFECT_PORT: Final = 4200
MLFLOW_PORT: Final = 5000

_ROOT: Final = Path(__file__).parents[2]
_LONGEST_NAME: Final = 60
# What would make a server somebody else's client, or somebody else's logs louder.
_NOT_INHERITED: Final = (
    "PREFECT_API_URL",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_BACKEND_STORE_URI",
    "MLFLOW_DEFAULT_ARTIFACT_ROOT",
    "MIAOTUI_DATABASE",
)
_PREFECT: Final = {
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    # In memory, the slots of a server that restarts would stay taken.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # How long a run that waits for another one's end sleeps before it looks again; half a minute unless told. A worker
    # takes runs up to ten seconds before they are due: with less than that it would ask at every look.
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "15",
}
_MLFLOW: Final = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    # MLflow remembers its list of webhooks for this many seconds: a new one would otherwise be idle for a minute.
    "MLFLOW_WEBHOOK_CACHE_TTL": "2",
    # The receiver of `miaotui sweep --listen` is on loopback, without TLS.
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
}
_WORKER: Final = {
    "PREFECT_LOGGING_LEVEL": "INFO",
    "PREFECT_LOGGING_TO_API_ENABLED": "true",
    # A flow that cannot reach the server fails, rather than run on a temporary one that nobody sees.
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}


@dataclass(frozen=True)
class Layout:
    """Home, ports and databases, from which everything else follows."""

    home: Path
    prefect_port: int
    mlflow_port: int
    databases: Databases
    webhook_key: str

    @property
    def prefect_url(self) -> str:
        """The page of Prefect's server."""
        return f"http://{HOST}:{self.prefect_port}"

    @property
    def mlflow_url(self) -> str:
        """The page of MLflow's server."""
        return f"http://{HOST}:{self.mlflow_port}"

    @property
    def exports(self) -> dict[str, str]:
        """The environment in which the command line works with these servers.

        The ledger is named, too: by itself it would follow the server's address, and not the registry behind it.
        """
        return {
            "MIAOTUI_HOME": str(self.home),
            "PREFECT_API_URL": f"{self.prefect_url}/api",
            "MLFLOW_TRACKING_URI": self.mlflow_url,
            "MIAOTUI_LEDGER_URI": self.databases.ledger,
        }

    @property
    def reaper(self) -> Reaper:
        """For the runs that the workers of this home leave behind."""
        return Reaper(f"{self.prefect_url}/api", WORK_POOL, WORKERS)

    def servers(self, environment: Mapping[str, str] = os.environ) -> tuple[Server, ...]:
        """In the order in which they are started; they are stopped in the opposite one."""
        own = _inherited(environment) | {"MIAOTUI_HOME": str(self.home)}
        return self._prefect(own), self._mlflow(own), self._worker(own), self._light_worker(own)

    def _prefect(self, environment: dict[str, str]) -> Server:
        database = self.databases.prefect
        named = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database} if database else {}
        command = (sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(self.prefect_port))
        return Server(
            name="prefect",
            command=command,
            # Otherwise its pages ask the usual port, wherever they come from.
            environment=environment | _PREFECT | named | {"PREFECT_SERVER_UI_API_URL": f"{self.prefect_url}/api"},
            folder=self.home,
            log=self._log("prefect"),
            answers=lambda _since: prefect_answers(f"{self.prefect_url}/api"),
            url=self.prefect_url,
        )

    def _mlflow(self, environment: dict[str, str]) -> Server:
        port = str(self.mlflow_port)
        command = (sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", port, "--workers", "1")
        hosts = ",".join(f"{host}:{port}" for host in (HOST, "localhost"))
        return Server(
            name="mlflow",
            command=(*command, "--artifacts-destination", str(self.home / "mlartifacts"), "--allowed-hosts", hosts),
            environment=environment
            | _MLFLOW
            | {
                "MLFLOW_BACKEND_STORE_URI": self.databases.mlflow,  # not among the arguments, which all users can read
                "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": self.webhook_key,
            },
            folder=self.home,
            log=self._log("mlflow"),
            answers=lambda _since: mlflow_answers(self.mlflow_url),
            url=self.mlflow_url,
        )

    def _worker(self, environment: dict[str, str]) -> Server:
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", WORK_POOL, "--type", "process"]
        # One run at a time: two would disturb each other's measurements.
        command += [
            "--work-queue",
            HEAVY_QUEUE,
            "--name",
            WORKERS["worker"],
            "--limit",
            "1",
            "--install-policy",
            "never",
        ]
        return self._worker_server("worker", command, environment)

    def _light_worker(self, environment: dict[str, str]) -> Server:
        command = [sys.executable, "-m", "flows.servers.light_worker", "--name", WORKERS["light-worker"]]
        return self._worker_server("light-worker", command, environment)

    def _worker_server(self, name: str, command: list[str], environment: dict[str, str]) -> Server:
        return Server(
            name=name,
            command=tuple(command),
            environment=environment | _WORKER | self.exports,
            folder=self.home,
            log=self._log(name),
            answers=lambda since: worker_answers(f"{self.prefect_url}/api", WORK_POOL, WORKERS[name], since=since),
            after=("prefect", "mlflow"),
        )

    def _log(self, name: str) -> Path:
        return self.home / "logs" / "servers" / f"{name}.log"


def _worker_names() -> dict[str, str]:
    heavy = f"miaotui-{socket.gethostname()}"[:_LONGEST_NAME]
    return {"worker": heavy, "light-worker": f"{heavy}-light"}


WORKERS: Final = _worker_names()
"""By the server's name, the worker's at Prefect's server."""


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, with this project importable where it runs from its sources."""
    kept = {name: value for name, value in environment.items() if name not in _NOT_INHERITED}
    known = kept.get("PYTHONPATH")
    return kept | {"PYTHONPATH": os.pathsep.join([str(_ROOT), *([known] if known else [])])}
