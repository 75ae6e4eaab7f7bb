"""Which process a run belongs to, and what becomes of the runs of processes that are gone.

A killed process leaves its runs RUNNING for ever. The next one of the same home marks them KILLED, but only when their
owner is certainly dead: the same host, and no process with that id that was started at that time.
"""

import os
import socket
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

HOME_TAG: Final = "miaotui.home_id"
"""The tag of every run that says whose home it belongs to."""
_HOST: Final = "miaotui.host"
_PID: Final = "miaotui.pid"
_STARTED: Final = "miaotui.process_started"
# A start time is computed from the boot time, which moves a little when the clock is set.
_SAME_START_S: Final = 10.0


def owner_tags(home: Path) -> dict[str, str]:
    """The tags that say which process of which home a run belongs to."""
    return {
        HOME_TAG: home_id(home),
        _HOST: socket.gethostname(),
        _PID: str(os.getpid()),
        _STARTED: f"{psutil.Process().create_time():.2f}",
    }


def close_killed_runs(client: "MlflowClient", home: Path) -> tuple[str, ...]:
    """Mark the runs of dead processes of this home and host KILLED, with their half-logged models FAILED."""
    closed = []
    for run in list(_running(client, home)):
        if not _owner_is_dead(run.data.tags):
            continue
        for model in client.search_logged_models(
            [run.info.experiment_id], filter_string=f"source_run_id = '{run.info.run_id}'"
        ):
            if str(model.status) == "PENDING":
                client.finalize_logged_model(model.model_id, "FAILED")
        client.set_terminated(run.info.run_id, "KILLED")
        closed.append(run.info.run_id)
    return tuple(closed)


def _running(client: "MlflowClient", home: Path) -> Iterator["Run"]:
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    condition = (
        f"attributes.status = 'RUNNING' and tags.`{HOME_TAG}` = '{home_id(home)}' "
        f"and tags.`{_HOST}` = '{socket.gethostname()}'"
    )
    token = None
    while True:
        page = client.search_runs(experiments, filter_string=condition, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _owner_is_dead(tags: Mapping[str, str]) -> bool:
    pid, started = tags.get(_PID), tags.get(_STARTED)
    if pid is None or started is None:
        return False
    try:
        process = psutil.Process(int(pid))
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return abs(process.create_time() - float(started)) > _SAME_START_S
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def home_id(home: Path) -> str:
    """What stands for a home in tags, without giving its path away."""
    return sha256(str(home.absolute()).encode()).hexdigest()[:16]
