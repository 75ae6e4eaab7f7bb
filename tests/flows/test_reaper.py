"""What a killed worker leaves behind is ended on the record, and nothing that lives or is somebody else's is touched."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from flows.servers import supervisor
from flows.servers.periodic import Periodic
from flows.servers.reaper import RUN_ID, Reaper, has_process
from flows.servers.records import ServersRecord
from flows.servers.supervisor import Supervisor

POOL, WORKER, OTHER = "miaotui-local", "miaotui-here", "miaotui-there"
SLEEP = (sys.executable, "-c", "import time; time.sleep(300)")
MINUTE = 60.0

Start = Callable[[str], "subprocess.Popen[bytes]"]


@dataclass
class FakePrefect:
    """The four questions of the reaper, answered from a list of runs; `finishing` end well as soon as they were listed."""

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    workers: list[dict[str, str]] = field(default_factory=lambda: [{"name": WORKER, "status": "ONLINE"}])
    finishing: set[str] = field(default_factory=set)
    url: str = ""

    def add(self, state: str, *, pid: int | None = None, worker: str | None = WORKER, taken: float = 0.0) -> str:
        """`taken`: when a worker took it, in seconds from now."""
        run = str(uuid4())
        self.runs[run] = {
            "id": run,
            "name": f"run-{len(self.runs)}",
            "state_type": state,
            "state_id": str(uuid4()),
            "state": {"timestamp": datetime.fromtimestamp(time.time() + taken, UTC).isoformat()},
            "infrastructure_pid": None if pid is None else str(pid),
            "labels": {"prefect.worker.name": worker} if worker else {},
            "work_pool_name": POOL,
            "deployment_id": str(uuid4()),
        }
        return run

    def add_subflow(self, parent: str) -> str:
        run = self.add("RUNNING")
        self.runs[run] |= {"work_pool_name": None, "deployment_id": None, "parent_task_run_id": parent, "labels": {}}
        return run

    def state(self, run: str) -> str:
        return self.runs[run]["state_type"]

    def answer(self, path: str, question: dict[str, Any]) -> Any:
        if path.endswith("/workers/filter"):
            return self.workers
        if path == "/flow_runs/filter":
            chosen = question["flow_runs"]
            ids, states = chosen.get("id", {}).get("any_"), chosen["state"]["type"]["any_"]
            found = [
                dict(run)
                for run in self.runs.values()
                if run["state_type"] in states and (ids is None or run["id"] in ids)
            ]
            for run in self.finishing:
                self.runs[run] |= {"state_type": "COMPLETED", "state_id": str(uuid4())}
            return found
        kind, run = path.split("/")[1:3]
        if kind == "task_runs":  # the task run of a subflow bears its parent's id here
            return {"flow_run_id": run}
        if path.endswith("/set_state"):
            self.runs[run] |= {"state_type": question["state"]["type"], "message": question["state"]["message"]}
            return {"status": "ACCEPT"}
        return self.runs[run]


@pytest.fixture
def prefect() -> Iterator[FakePrefect]:
    fake = FakePrefect()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = json.dumps(fake.answer(self.path, json.loads(body or b"{}"))).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that belongs to a run."""
    started = []

    def start_for(run: str) -> "subprocess.Popen[bytes]":
        started.append(subprocess.Popen(SLEEP, env=os.environ | {RUN_ID: run}))
        return started[-1]

    yield start_for
    for process in started:
        process.kill()
        process.wait()


def reap(fake: FakePrefect, worker_started: float | None = -MINUTE) -> list[str]:
    """`worker_started`: in seconds from now."""
    started = {} if worker_started is None else {"worker": time.time() + worker_started}
    return list(Reaper(fake.url, POOL, {"worker": WORKER, "light-worker": f"{WORKER}-light"}).reap(started))


def test_a_run_whose_process_is_gone_is_crashed_and_one_that_was_being_cancelled_is_cancelled(
    prefect: FakePrefect, start: Start
) -> None:
    gone = start("nobody")
    gone.kill()
    gone.wait()
    running, cancelling = prefect.add("RUNNING", pid=gone.pid), prefect.add("CANCELLING", pid=gone.pid)
    assert reap(prefect) == [
        "the run run-0 has no process any more; it is Crashed now",
        "the run run-1 has no process any more; it is Cancelled now",
    ]
    assert (prefect.state(running), prefect.state(cancelling)) == ("CRASHED", "CANCELLED")
    assert prefect.runs[running]["message"] == "its process is gone"
    assert reap(prefect) == []


def test_a_run_whose_process_lives_is_left_alone_even_if_its_worker_is_gone(prefect: FakePrefect, start: Start) -> None:
    run = prefect.add("RUNNING")
    process = start(run)
    assert reap(prefect, None) == []  # its process id is not recorded yet
    prefect.runs[run]["infrastructure_pid"] = f"{WORKER}:{process.pid}"
    assert reap(prefect, None) == []
    assert prefect.state(run) == "RUNNING"


def test_a_reused_process_id_is_not_the_runs_process(prefect: FakePrefect, start: Start) -> None:
    run = prefect.add("RUNNING", pid=os.getpid())
    somebody_elses = start(str(uuid4()))
    other = prefect.add("RUNNING", pid=somebody_elses.pid)
    assert len(reap(prefect)) == 2
    assert (prefect.state(run), prefect.state(other)) == ("CRASHED", "CRASHED")
    assert somebody_elses.poll() is None


def test_what_a_dead_run_left_behind_is_killed(prefect: FakePrefect, start: Start) -> None:
    run = prefect.add("RUNNING", pid=2**22 + 1)
    child = start(run)
    assert not has_process(run, str(2**22 + 1))
    assert reap(prefect) == [
        "the run run-0 has no process any more; it is Crashed now; what it left behind was killed (1)"
    ]
    assert not psutil.pid_exists(child.pid)


def test_runs_of_workers_on_other_hosts_are_left_alone(prefect: FakePrefect) -> None:
    theirs, anybodys = prefect.add("RUNNING", worker=OTHER), prefect.add("RUNNING", worker=None)
    elsewhere = prefect.add("RUNNING")
    prefect.runs[elsewhere]["work_pool_name"] = "gpu"
    prefect.workers.append({"name": OTHER, "status": "ONLINE"})
    assert reap(prefect) == []
    prefect.workers[-1]["status"] = "OFFLINE"
    assert len(reap(prefect)) == 1
    assert [prefect.state(run) for run in (theirs, anybodys, elsewhere)] == ["RUNNING", "CRASHED", "RUNNING"]


def test_a_run_that_a_dead_worker_had_taken_and_not_started_is_scheduled_again(prefect: FakePrefect) -> None:
    lost, being_started = prefect.add("PENDING", taken=-MINUTE), prefect.add("PENDING", taken=MINUTE)
    assert len(reap(prefect, 0.0)) == 1
    assert (prefect.state(lost), prefect.state(being_started)) == ("SCHEDULED", "PENDING")
    assert len(reap(prefect, None)) == 1
    assert prefect.state(being_started) == "SCHEDULED"


def test_a_living_worker_that_forgot_a_run_for_minutes_does_not_hold_it(prefect: FakePrefect) -> None:
    run = prefect.add("PENDING", taken=-10 * MINUTE)
    assert len(reap(prefect, -100 * MINUTE)) == 1
    assert prefect.state(run) == "SCHEDULED"


def test_a_run_that_ends_well_while_it_is_looked_at_keeps_its_end(prefect: FakePrefect) -> None:
    run = prefect.add("RUNNING", pid=2**22 + 1)
    prefect.finishing.add(run)
    assert reap(prefect) == []
    assert prefect.state(run) == "COMPLETED"


def test_a_subflow_ends_with_its_parent(prefect: FakePrefect, start: Start) -> None:
    parent = prefect.add("CRASHED", pid=2**22 + 1)
    living = prefect.add("RUNNING")
    prefect.runs[living]["infrastructure_pid"] = str(start(living).pid)
    orphan, child = prefect.add_subflow(parent), prefect.add_subflow(living)
    assert len(reap(prefect)) == 1
    assert (prefect.state(orphan), prefect.state(child)) == ("CRASHED", "RUNNING")


def test_a_server_that_does_not_answer_is_asked_again_later() -> None:
    assert list(Reaper("http://127.0.0.1:1/api", POOL, {"worker": WORKER}).reap({})) == []


def test_a_chore_is_done_again_and_again_and_its_failure_is_not_lost() -> None:
    done = threading.Event()
    calls: list[int] = []

    def chore() -> None:
        calls.append(1)
        if len(calls) == 3:
            done.set()
            raise ValueError("out of order")

    with Periodic(chore, 0.01) as periodic:
        assert done.wait(20)
    assert len(calls) == 3
    with pytest.raises(ValueError, match="out of order"):
        periodic.check()


def test_the_supervisor_tends_to_the_runs_and_says_what_was_done(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(supervisor, "_TEND_EVERY_S", 0.05)
    said: list[str] = []
    stop, seen = threading.Event(), []

    def tend(record: ServersRecord) -> list[str]:
        seen.append(record)
        stop.set()
        return ["a run was ended"]

    Supervisor(tmp_path, [], {}, say=said.append, tend=tend).run(stop, lambda: None)
    assert said[0] == "a run was ended"
    assert psutil.Process().pid == seen[0].supervisor.pid
