"""Writes artifacts of the flow run that is going on to its Prefect server, and never at the run's expense.

Prefect's own functions wait a minute for an answer and try five times more. Here a request is made once, given up after
seconds, and what cannot be written is said once in the run's log.
"""

import re
import time
from collections.abc import Callable
from contextvars import Context, copy_context
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar
from uuid import UUID

from flows.pages.served import served_run
from flows.run_log import warn

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

T = TypeVar("T")

ArtifactType = Literal["markdown", "table", "progress"]

_TIMEOUT_S: Final = 5.0
_PAUSE_S: Final = 120.0  # for so long a server that did not answer is not asked again


class ArtifactWriter:
    """The artifacts of one flow run."""

    def __init__(self, flow_run: UUID, clock: Callable[[], float] = time.monotonic) -> None:
        """Opens nothing yet."""
        self._flow_run = flow_run
        self._clock = clock
        self._lock = Lock()
        self._quiet_until = float("-inf")
        self._noted = False
        self._impatient: tuple[Context, SyncPrefectClient] | None = None

    @classmethod
    def of_run(cls) -> "ArtifactWriter | None":
        """The writer of the flow run that is going on; None outside of one, and where its server has no pages."""
        run = served_run()
        return cls(run) if run is not None else None

    def create(self, kind: ArtifactType, key: str, data: Any, description: str | None = None) -> UUID | None:
        """A new artifact; None where it could not be written."""
        from prefect.client.schemas.actions import ArtifactCreate

        artifact = ArtifactCreate(type=kind, key=key, data=data, description=description, flow_run_id=self._flow_run)
        return self._written(key, lambda client: client.create_artifact(artifact).id)

    def update(self, artifact: UUID, key: str, data: Any, description: str) -> None:
        """Other contents for an artifact of this run; `key` is for the log."""
        from prefect.client.schemas.actions import ArtifactUpdate

        changed = ArtifactUpdate(data=data, description=description)
        self._written(key, lambda client: client.update_artifact(artifact, changed))

    def _written(self, key: str, request: "Callable[[SyncPrefectClient], T]") -> T | None:
        import httpx
        from prefect.exceptions import PrefectException

        with self._lock:
            if self._clock() < self._quiet_until:
                return None
            try:
                if self._impatient is None:
                    self._impatient = _impatient_client()
                context, client = self._impatient
                return context.run(request, client)
            except (httpx.HTTPError, PrefectException, OSError, ValueError) as error:
                self._quiet_until = self._clock() + _PAUSE_S
                self._note(key, error)
                return None

    def _note(self, key: str, error: Exception) -> None:
        if not self._noted:
            self._noted = True
            warn(f"the artifact {key} could not be written ({type(error).__name__}); the run goes on without")


def _impatient_client() -> "tuple[Context, SyncPrefectClient]":
    """A client that gives up soon, and the context in which it does; both take a tenth of a second to make."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        return copy_context(), get_client(sync_client=True, httpx_settings={"timeout": _TIMEOUT_S})


def artifact_key(prefix: str, name: str) -> str:
    """A key for what a model's runs write: small letters, digits and dashes, another one for every name.

    A name that is not such a key is followed by a digest of itself, and so is one that looks as if it were.
    """
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if key != name or re.search(r"(^|-)[0-9a-f]{8}$", name):
        key = f"{key}-{sha256(name.encode()).hexdigest()[:8]}"
    return f"{prefix}-{key}"
