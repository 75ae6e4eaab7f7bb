"""What one home has in MLflow: its pipeline runs with their steps, their logged models, and all registered versions.

Runs and models of other homes, and whatever else the tracking server holds, are never candidates; versions are read from
all registered models, because a copy under another name rests on the same files.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from registry.owners import HOME_TAG, home_id
from registry.store import MlflowStore
from registry.versions import RegisteredVersion, model_names, versions_with_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

_PARENT: Final = "mlflow.parentRunId"


@dataclass(frozen=True)
class Inventory:
    """`versions`: of every registered model, newest first. `runs`: of this home, by id, those in MLflow's bin too.

    `steps`: the runs of a run's steps. `models`: of this home, each with the run that logged it.
    """

    versions: dict[str, tuple[RegisteredVersion, ...]]
    runs: "dict[str, Run]"
    steps: "dict[str, tuple[Run, ...]]"
    models: "tuple[tuple[Run, LoggedModel], ...]"

    @classmethod
    def read(cls, store: MlflowStore) -> "Inventory":
        """Everything at once; a few requests per page of MLflow's."""
        from mlflow.entities import ViewType

        client = store.open()
        experiments = [entry.experiment_id for entry in _pages(client.search_experiments)]
        condition = f"tags.`{HOME_TAG}` = '{home_id(store.home)}'"
        runs: dict[str, Run] = {}
        steps: dict[str, list[Run]] = defaultdict(list)
        for run in _pages(client.search_runs, experiments, condition, ViewType.ALL):
            parent = run.data.tags.get(_PARENT)
            if parent is None:
                runs[run.info.run_id] = run
            elif run.info.lifecycle_stage == "active":
                steps[parent].append(run)
        ours = sorted({run.info.experiment_id for run in runs.values()})
        models = _pages(client.search_logged_models, ours) if ours else ()
        return cls(
            versions=all_versions(client),
            runs=runs,
            steps={parent: tuple(found) for parent, found in steps.items()},
            models=tuple((runs[model.source_run_id], model) for model in models if model.source_run_id in runs),
        )


def all_versions(client: "MlflowClient") -> dict[str, tuple[RegisteredVersion, ...]]:
    """The versions of every registered model, newest first."""
    return {name: versions_with_tags(client, name, {}) for name in model_names(client)}


def steps_of_run(client: "MlflowClient", run: "Run") -> "tuple[Run, ...]":
    """The runs of a pipeline run's steps."""
    return tuple(_pages(client.search_runs, [run.info.experiment_id], f"tags.`{_PARENT}` = '{run.info.run_id}'"))


def running_since(store: MlflowStore) -> datetime | None:
    """When the oldest of this home's runs that are still RUNNING began; None where none is."""
    if not store.exists:
        return None
    client = store.open()
    experiments = [entry.experiment_id for entry in _pages(client.search_experiments)]
    condition = f"attributes.status = 'RUNNING' and tags.`{HOME_TAG}` = '{home_id(store.home)}'"
    started = [run.info.start_time for run in _pages(client.search_runs, experiments, condition)]
    return datetime.fromtimestamp(min(started) / 1000, UTC) if started else None


def versions_of_run(client: "MlflowClient", run_id: str) -> tuple[str, ...]:
    """The registered versions, under any name, whose files a run made; a copied version keeps the run of the original."""
    found = client.search_model_versions(f"run_id = '{run_id}'")
    return tuple(f"{entry.name}/{entry.version}" for entry in found)


def artifact_repository(store: MlflowStore, uri: str) -> "ArtifactRepository":
    """What lists and deletes the files at an artifact URI, through the server where there is one."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(uri, tracking_uri=store.tracking_uri, registry_uri=store.registry_uri)


def artifact_bytes(store: MlflowStore, uri: str) -> int:
    """The size of all files at an artifact URI; 0 where there are none."""
    parts = urlsplit(uri)
    if parts.scheme in ("", "file"):
        return folder_bytes(Path(unquote(parts.path) if parts.scheme else uri))
    return _listed_bytes(artifact_repository(store, uri), None)


def folder_bytes(folder: Path) -> int:
    """The size of all files in a folder; 0 where there is none."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def _listed_bytes(repository: "ArtifactRepository", path: str | None) -> int:
    return sum(
        _listed_bytes(repository, entry.path) if entry.is_dir else int(entry.file_size or 0)
        for entry in repository.list_artifacts(path)
    )


def _pages(search: Callable[..., Any], *arguments: Any) -> Iterator[Any]:
    token = None
    while True:
        page = search(*arguments, page_token=token)
        yield from page
        token = page.token
        if not token:
            return
