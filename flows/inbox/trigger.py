"""Tells Prefect's server that data has landed: a run of the model's `take-in` deployment, at most one for each content.

The inbox is the outbox: a file counts as announced only once the server has taken the run, whose idempotency key is the
file's content. What is not announced, because no server runs or nothing is deployed, waits for the deployment's own sweep.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from tasks.errors import UserError

if TYPE_CHECKING:
    from registry.inbox import LandedFile

FLOW: Final = "take-in"
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

    request_run(file.model, key=f"{FLOW}:{file.model}:{file.sha256}")
    # For automations of the user's own; the run above does not depend on it.
    emit_event(
        LANDED_EVENT,
        resource={"prefect.resource.id": f"miaotui.model.{file.model}", "prefect.resource.name": file.model},
        payload={"sha256": file.sha256, "rows": file.rows, "quarantined": file.quarantined},
        id=uuid5(NAMESPACE_URL, f"{LANDED_EVENT}/{file.model}/{file.sha256}"),
    )


def ask_again(name: str, at: datetime | None) -> None:
    """Schedules another look at that time, from within a run of a deployment; a run by hand is followed by none."""
    from prefect.runtime import deployment

    if at is not None and deployment.id:
        request_run(name, key=f"{FLOW}:{name}:{at.isoformat(timespec='seconds')}", at=at)


def request_run(name: str, *, key: str, at: datetime | None = None) -> None:
    """A run of `take-in/NAME`, now or `at` a time; the same `key` gives one run. Raises NotAnnouncedError."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound, PrefectException
    from prefect.states import Scheduled

    try:
        with get_client(sync_client=True) as client:
            deployment = client.read_deployment_by_name(f"{FLOW}/{name}")
            client.create_flow_run_from_deployment(
                deployment.id, state=Scheduled(scheduled_time=at or datetime.now(UTC)), idempotency_key=key
            )
    except ObjectNotFound as error:
        raise NotAnnouncedError(f"no deployment {FLOW}/{name}; run: miaotui deploy RECIPE") from error
    except (httpx.HTTPError, PrefectException, OSError) as error:
        raise NotAnnouncedError(f"Prefect's server does not answer ({type(error).__name__})") from error


def require_server(home: Path) -> None:
    """`name_server`, or a UserError that says how to start one."""
    if not name_server(home):
        raise UserError("no Prefect server runs; start one: miaotui up --detach, or name one in PREFECT_API_URL")
