"""Addresses of MLflow's own pages, where a server shows them; none for a database that only programs read."""

from urllib.parse import quote, urlsplit

from registry.store import MlflowStore
from registry.versions import RegisteredVersion


def version_page(store: MlflowStore, version: RegisteredVersion) -> str | None:
    """The page of a registered version."""
    return _page(store.registry_uri, f"/models/{quote(version.name, safe='')}/versions/{version.version}")


def report_page(store: MlflowStore, run_id: str, file: str) -> str | None:
    """The page that shows the report `file` among a run's artifacts; None also where that run has no such file.

    Raises MlflowException where the server cannot be asked.
    """
    if _page(store.tracking_uri, "") is None:
        return None
    client = store.open()
    if file not in {entry.path for entry in client.list_artifacts(run_id)}:
        return None
    experiment = client.get_run(run_id).info.experiment_id
    return _page(store.tracking_uri, f"/experiments/{experiment}/runs/{run_id}/artifacts/{quote(file)}")


def _page(uri: str, route: str) -> str | None:
    """The address without the user's name and password, which it may hold."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}/#{route}"
