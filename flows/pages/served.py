"""Whether a run is on a Prefect server that people can look at, and where its page is."""

import os
from uuid import UUID

from flows.servers.embedded import EMBEDDED


def served_run() -> UUID | None:
    """The flow run that is going on; None outside of one, and on the embedded server, which goes with its process."""
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    if not _served() or context is None or context.flow_run is None:
        return None
    return context.flow_run.id


def run_page() -> str | None:
    """The page of the flow run that is going on, where there is one."""
    run = served_run()
    return ui_page(f"runs/flow-run/{run}") if run is not None else None


def ui_page(route: str) -> str | None:
    """A page of the Prefect server that the environment names; None for none and for the embedded one."""
    from prefect.settings import PREFECT_UI_URL

    base = PREFECT_UI_URL.value()
    return f"{base.rstrip('/')}/{route}" if base and _served() else None


def _served() -> bool:
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    return bool(url) and url != os.environ.get(EMBEDDED)
