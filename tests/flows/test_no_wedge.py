"""With real servers: whoever is killed in the middle of a run that alone may run, the next run starts and completes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.servers.health import ask
from flows.servers.reaper import RUN_ID
from flows.servers.records import ServerRecord, ServersRecord, read_servers

pytestmark = [pytest.mark.slow, pytest.mark.prefect]

PROJECT = Path(__file__).parents[2]
FLOWS = """
import time
from pathlib import Path
from prefect import flow

@flow(name="hold", persist_result=False)
def hold(until: str) -> None:
    inner(until)

@flow(name="inner", persist_result=False)
def inner(until: str) -> None:
    while not Path(until).exists():
        print("still waiting", flush=True)
        time.sleep(0.1)
"""
DEPLOY = """
from prefect.client.orchestration import get_client
from flows.deployments.apply import apply
from flows.deployments.lost_runs import apply_lost_runs
from flows.deployments.plan import DeploymentSpec

spec = DeploymentSpec(flow="hold", name="one", entrypoint="holding.hold", parameters={}, description="", if_running="ENQUEUE")
with get_client(sync_client=True) as client:
    print([applied.change for _ in range(2) for applied in [*apply(client, [spec]), apply_lost_runs(client)]])
"""
LONGEST_S = 120.0


class Servers:
    """A home with `miaotui up` and the deployment `hold/one`, of which one run at a time goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "holding.py").write_text(FLOWS, encoding="utf-8")
        self.environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"} | {
            "PYTHONPATH": os.pathsep.join([str(PROJECT), str(folder)]),
            "MIAOTUI_HOME": str(folder / "home"),
            "PREFECT_WORKER_QUERY_SECONDS": "2",
        }
        self.run("-m", "flows.command_line", *UP)
        self.environment |= self.record.exports
        self.deployed = self.python(DEPLOY)

    def python(self, code: str, *arguments: str) -> str:
        return self.run("-c", code, *arguments)

    def run(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def record(self) -> ServersRecord:
        recorded = read_servers(self.folder / "home")
        assert recorded is not None
        return recorded

    def server(self, name: str) -> ServerRecord:
        return next(each for each in self.record.servers if each.name == name)

    def ask(self, path: str, question: dict[str, Any] | None = None) -> Any:
        return ask(f"{self.environment['PREFECT_API_URL']}{path}", question)

    def request(self, name: str) -> str:
        """A run that goes on until the file of that name is there."""
        question = {"parameters": {"until": str(self.folder / name)}, "idempotency_key": name}
        deadline = time.monotonic() + LONGEST_S
        while time.monotonic() < deadline:  # a server on a busy machine may take its time
            deployment = self.ask("/deployments/name/hold/one")
            run = deployment and self.ask(f"/deployments/{deployment['id']}/create_flow_run", question)
            if run:
                return run["id"]
        raise TimeoutError("Prefect's server takes no run")

    def let_end(self, name: str) -> None:
        (self.folder / name).touch()

    def state(self, run: str) -> str:
        found = self.ask(f"/flow_runs/{run}")
        return found["state_type"] if found else "the server does not answer"

    def wait_for(self, run: str, state: str) -> float:
        begin = time.monotonic()
        while self.state(run) != state:
            assert time.monotonic() - begin < LONGEST_S, f"{self.state(run)}, not {state}"
            time.sleep(0.2)
        return time.monotonic() - begin

    def wait_for_flow(self, run: str) -> psutil.Process:
        """The process of a run that has begun, and whose subflow has, too."""
        self.wait_for(run, "RUNNING")
        deadline = time.monotonic() + LONGEST_S
        while len(self.active()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        (process,) = [each for each in psutil.process_iter() if _run_of(each) == run]
        return process

    def active(self) -> list[str]:
        states = {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}
        return [run["id"] for run in self.ask("/flow_runs/filter", {"flow_runs": {"state": states}}) or []]

    def wait_for_rest(self) -> None:
        """Nothing is held for running any more, and no place is taken."""
        deadline = time.monotonic() + LONGEST_S
        while self.active() or self.places_taken():
            assert time.monotonic() < deadline, (self.active(), self.places_taken())
            time.sleep(0.5)

    def places_taken(self) -> int:
        return sum(limit["active_slots"] for limit in self.ask("/v2/concurrency_limits/filter", {}))


UP = ("up", "--detach", "--prefect-port", "0", "--mlflow-port", "0")


def _run_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(RUN_ID)
    except (psutil.Error, OSError):
        return None


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("no-wedge")
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "MIAOTUI_HOME": str(folder / "home")}
    try:
        yield Servers(folder)
    finally:
        command = [sys.executable, "-m", "flows.command_line", "down"]
        subprocess.run(command, env=environment, capture_output=True, timeout=120, check=True)


def test_the_deployment_and_the_automation_are_created_once(servers: Servers) -> None:
    assert servers.deployed == "['unchanged', 'created', 'created', 'unchanged', 'unchanged', 'unchanged']\n"


def test_worker_and_flow_killed_together(servers: Servers) -> None:
    killed = servers.request("killed")
    flow, worker = servers.wait_for_flow(killed), servers.server("worker").process
    waiting = servers.request("waiting")
    os.kill(worker.pid, signal.SIGKILL)
    flow.kill()
    servers.let_end("waiting")
    seconds = servers.wait_for(waiting, "COMPLETED")
    print(f"the next run completed {seconds:.1f} s after worker and flow were killed")
    assert servers.state(killed) == "CRASHED"
    assert "its process is gone" in servers.ask(f"/flow_runs/{killed}")["state"]["message"]
    servers.wait_for_rest()


def test_a_run_goes_on_when_its_worker_dies_and_keeps_its_place(servers: Servers) -> None:
    run = servers.request("orphan")
    flow, worker = servers.wait_for_flow(run), servers.server("worker").process
    os.kill(worker.pid, signal.SIGKILL)
    second = servers.request("second")
    servers.let_end("second")
    time.sleep(25)  # the reaper has looked more than once, and the new worker has asked for work
    assert flow.is_running()
    assert servers.state(run) == "RUNNING"
    assert servers.state(second) == "SCHEDULED"
    servers.let_end("orphan")
    servers.wait_for(run, "COMPLETED")
    servers.wait_for(second, "COMPLETED")
    servers.wait_for_rest()


def test_a_place_stays_taken_when_the_server_is_started_again(servers: Servers) -> None:
    run = servers.request("through")
    servers.wait_for_flow(run)
    os.kill(servers.server("prefect").process.pid, signal.SIGKILL)
    time.sleep(2)
    servers.wait_for(run, "RUNNING")
    assert servers.places_taken() == 1
    leases = list((servers.folder / "home" / "prefect" / "concurrency_leases").glob("*-*.json"))
    assert len(leases) == 1
    second = servers.request("second-through")
    servers.let_end("second-through")
    servers.let_end("through")
    servers.wait_for(run, "COMPLETED")
    servers.wait_for(second, "COMPLETED")
    servers.wait_for_rest()
