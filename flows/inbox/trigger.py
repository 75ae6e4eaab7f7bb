"""Tells Prefect's server that data has landed: a run of the model's `look` deployment, at most one for each content.

The inbox is the outbox: a file counts as announced only once the server has taken the run, whose idempotency key is the
file's content. What is not announced, because no server runs or nothing is deployed, waits for the deployment's own sweep.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from tasks.errors import UserError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from registry.inbox import LandedFile

LOOK: Final = "look"
TAKE_IN: Final = "take-in"
LANDED_EVENT: Final = "miaotui.data.landed"


class NotAnnouncedError(Exception):
    """Why nobody was told: one sentence."""


def name_server(home: Path) -> bool:
    """Lets Prefect find the server of this home unless the environment names one; False for none at all."""
    from flows.servers.bring_up import running

    if os.environ.get("PREFECT_API_URL"):
        return True
    recorded = running(home)
    if recorded is None or not recorded.ready:
        return False
    os.environ["PREFECT_API_URL"] = recorded.exports["PREFECT_API_URL"]
    return True


def announce(file: "LandedFile") -> None:
    """Have the file looked at. Raises NotAnnouncedError where the server does not answer or nothing is deployed."""
    from prefect.events import emit_event

    _request_run(file.model, key=f"{LOOK}:{file.model}:{file.sha256}")
    # For automations of the user's own; the run above does not depend on it.
    emit_event(
        LANDED_EVENT,
        resource={"prefect.resource.id": f"miaotui.model.{file.model}", "prefect.resource.name": file.model},
        payload={"sha256": file.sha256, "rows": file.rows, "quarantined": file.quarantined},
        id=uuid5(NAMESPACE_URL, f"{LANDED_EVENT}/{file.model}/{file.sha256}"),
    )


def ask_again(name: str, at: datetime | None) -> None:
    """Schedules another look at that time, from within a run of a deployment; a run by hand is followed by none.

    Where that cannot be, the deployment's own schedule looks, a little later.
    """
    from prefect.runtime import deployment

    from flows.run_log import warn

    if at is None or not deployment.id:
        return
    try:
        _request_run(name, key=f"{LOOK}:{name}:{at.isoformat(timespec='seconds')}", at=at)
    except NotAnnouncedError as error:
        warn(f"no look was scheduled for {at:%Y-%m-%d %H:%M:%S} UTC: {error}")


def hand_on(name: str) -> str:
    """A run of `take-in/NAME`, unless one is under way or waits for its turn; what came of it, in words.

    Raises NotAnnouncedError.
    """
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
    from prefect.client.schemas.objects import StateType

    active = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING]
    with _asking(TAKE_IN, name) as client:
        held = client.read_deployment_by_name(f"{TAKE_IN}/{name}")
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": active}}}),
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[held.id])),
            limit=1,
        )
        if runs:
            return f"{TAKE_IN}/{name} is at it or waits for its turn"
        client.create_flow_run_from_deployment(held.id)
    return f"{TAKE_IN}/{name} takes them in"


def _request_run(name: str, *, key: str, at: datetime | None = None) -> None:
    """A run of `look/NAME`, now or `at` a time; the same `key` gives one run. Raises NotAnnouncedError."""
    from prefect.states import Scheduled

    with _asking(LOOK, name) as client:
        deployment = client.read_deployment_by_name(f"{LOOK}/{name}")
        client.create_flow_run_from_deployment(
            deployment.id, state=Scheduled(scheduled_time=at or datetime.now(UTC)), idempotency_key=key
        )


@contextmanager
def _asking(flow: str, name: str) -> "Iterator[SyncPrefectClient]":
    """A client of Prefect's server; what goes wrong within is a NotAnnouncedError."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound, PrefectException

    try:
        with get_client(sync_client=True) as client:
            yield client
    except ObjectNotFound as error:
        raise NotAnnouncedError(f"no deployment {flow}/{name}; run: miaotui deploy RECIPE") from error
    except (httpx.HTTPError, PrefectException, OSError) as error:
        raise NotAnnouncedError(f"Prefect's server does not answer ({type(error).__name__})") from error


def require_server(home: Path) -> None:
    """`name_server`, or a UserError that says how to start one."""
    if not name_server(home):
        raise UserError("no Prefect server runs; start one: miaotui up --detach, or name one in PREFECT_API_URL")
