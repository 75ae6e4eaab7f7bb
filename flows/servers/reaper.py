"""Ends on the record the flow runs that a killed worker left behind, so that their place is free for the next run.

Prefect holds a run for Running until somebody says otherwise; when worker and run are killed together, nobody does. A run
is matched with its process by the run's id in the process's environment: neither a reused process id nor a process that
Prefect's server has not heard of yet can be mistaken. Runs that a worker of another host took are left alone.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psutil

from flows.servers.health import ask
from flows.servers.processes import kill_marked

RUN_ID: Final = "PREFECT__FLOW_RUN_ID"

_ACTIVE: Final = ("RUNNING", "PENDING", "CANCELLING")
_MOST: Final = 200
# A worker that lives and was not heard of by the server meanwhile forgets a run that it was about to start.
_SUBMISSION_S: Final = 180.0

Run = Mapping[str, Any]


@dataclass(frozen=True)
class Reaper:
    """For the runs of `pool` at the server with the address `api` that were taken by the workers of this host.

    `workers`: their names at Prefect's server, by the names that they have here.
    """

    api: str
    pool: str
    workers: Mapping[str, str]

    def reap(self, started: Mapping[str, float]) -> Iterator[str]:
        """Sets what has no process any more to Crashed, and what never had one back to Scheduled; a sentence for each.

        `started`: when each worker that runs now was started, in seconds since the epoch, by its name here.
        Nothing happens where the server does not answer: the next call finds the same runs.
        """
        active = self._runs({"state": {"type": {"any_": _ACTIVE}}})
        for run in active:
            if run.get("work_pool_name") == self.pool:
                yield from self._see_to(run, started)
            elif run.get("parent_task_run_id") and not run.get("deployment_id"):
                yield from self._see_to_subflow(run)

    def _see_to(self, run: Run, started: Mapping[str, float]) -> Iterator[str]:
        if not self._is_of_this_host(run) or has_process(run["id"], run.get("infrastructure_pid")):
            return
        if run["state_type"] == "PENDING" and not _is_forgotten(run, self._taker_started(run, started)):
            return
        # Its process may have ended well since the server was asked. Now that it is gone, no other word can come.
        now = self._runs({"id": {"any_": [run["id"]]}, "state": {"type": {"any_": [run["state_type"]]}}})
        if not now or now[0]["state_id"] != run["state_id"]:
            return
        left = kill_marked(run["id"], variable=RUN_ID)
        name = f"the run {run['name']}"
        if run["state_type"] == "PENDING":
            if self._set(run, "SCHEDULED", "Scheduled", "the worker that took it was gone before it started"):
                yield f"{name} was not started by the worker that took it; it is scheduled again"
            return
        was_cancelling = run["state_type"] == "CANCELLING"
        state = ("CANCELLED", "Cancelled") if was_cancelling else ("CRASHED", "Crashed")
        what = f"; what it left behind was killed ({left})" if left else ""
        if self._set(run, *state, f"its process is gone{what}"):
            yield f"{name} has no process any more; it is {state[1]} now{what}"

    def _see_to_subflow(self, run: Run) -> Iterator[str]:
        """A subflow runs in its parent's process, and nobody ends it on the record when that is killed."""
        task_run = ask(f"{self.api}/task_runs/{run['parent_task_run_id']}")
        parent = ask(f"{self.api}/flow_runs/{task_run['flow_run_id']}") if isinstance(task_run, dict) else None
        if not isinstance(parent, dict) or parent.get("work_pool_name") != self.pool:
            return
        if parent.get("state_type") not in ("CRASHED", "CANCELLED") or not self._is_of_this_host(parent):
            return
        if not has_process(parent["id"], parent.get("infrastructure_pid")):
            state = str(parent["state_type"])
            if self._set(run, state, state.capitalize(), f"it was part of the run {parent['name']}"):
                yield f"the run {run['name']} was part of {parent['name']}; it is {state.capitalize()} now"

    def _is_of_this_host(self, run: Run) -> bool:
        """By the label of the worker that took it; one killed before it could leave its label may be anybody's."""
        taken_by = (run.get("labels") or {}).get("prefect.worker.name")
        return taken_by in self.workers.values() or (taken_by is None and self._is_alone())

    def _taker_started(self, run: Run, started: Mapping[str, float]) -> float | None:
        """When the worker that took the run was started; of one that left no label, the last that was. None for none."""
        taken_by = (run.get("labels") or {}).get("prefect.worker.name")
        times = [started[name] for name, known in self.workers.items() if name in started and taken_by in (known, None)]
        return max(times, default=None)

    def _is_alone(self) -> bool:
        workers = ask(f"{self.api}/work_pools/{self.pool}/workers/filter", {})
        if not isinstance(workers, list):
            return False
        return all(worker["name"] in self.workers.values() or worker.get("status") != "ONLINE" for worker in workers)

    def _runs(self, chosen: Mapping[str, Any]) -> list[Run]:
        runs = ask(f"{self.api}/flow_runs/filter", {"flow_runs": chosen, "limit": _MOST})
        return runs if isinstance(runs, list) else []

    def _set(self, run: Run, kind: str, name: str, message: str) -> bool:
        """Whether the server took it; by its rules, which give the run's place free."""
        state = {"type": kind, "name": name, "message": message}
        answer = ask(f"{self.api}/flow_runs/{run['id']}/set_state", {"state": state, "force": False})
        return isinstance(answer, dict) and answer.get("status") == "ACCEPT"


def has_process(run_id: str, recorded: str | None) -> bool:
    """Whether the process of a run lives on this host.

    `recorded`: its id as the worker told the server, with or without a host before it. Its children inherit the run's id,
    so that of several processes only the one with this id counts; where none is recorded yet, any does.
    """
    number = (recorded or "").rpartition(":")[2]
    if number.isdecimal():
        try:
            return _carries(psutil.Process(int(number)), run_id)
        except psutil.NoSuchProcess:
            return False
    return any(_carries(process, run_id) for process in psutil.process_iter())


def _carries(process: psutil.Process, run_id: str) -> bool:
    try:
        return process.environ().get(RUN_ID) == run_id and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):  # it has ended, or is another user's
        return False


def _is_forgotten(run: Run, worker_started: float | None) -> bool:
    """Whether no worker is about to start a run that one has taken."""
    state = run.get("state") or {}
    taken = datetime.fromisoformat(state["timestamp"]).timestamp()
    return worker_started is None or taken < worker_started or time.time() - taken > _SUBMISSION_S
