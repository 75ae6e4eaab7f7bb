"""Carries out a plan, item by item, and asks of each once more whether it may go.

Every step leaves a state from which the next plan goes on: a version before its model, an item's files before its entry
in MLflow, a folder of the home first moved out of the way. MLflow keeps a deleted run's or model's numbers in its bin;
`mlflow gc --older-than 30d --backend-store-uri URI --tracking-uri URI` empties that, and copes with files gone already.
"""

import shutil
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from registry.retention.inventory import artifact_repository, steps_of_run, versions_of_run
from registry.retention.planning import TRASH, standing_digests, why_run_stays, why_version_stays
from registry.retention.records import Item, Kept, Protected, RetentionOutcome, RetentionPlan
from registry.store import MlflowStore
from registry.versions import find_version

if TYPE_CHECKING:
    from mlflow import MlflowClient


def carry_out(
    plan: RetentionPlan,
    protected: Callable[[], Protected],
    delete: Callable[[Item, Protected], str | None],
    *,
    on_decided: Callable[[Item | Kept], None] = lambda _entry: None,
) -> RetentionOutcome:
    """Delete what the plan dooms, except what has come under protection since.

    `protected` is asked anew before every deletion; `delete` deletes an item and returns None, or says why it stays
    (`delete_item`, or what does more kinds). MLflow cannot delete a version on condition that it bears no alias: call
    this while nothing is promoted or rolled back. It may be killed at any moment and called again, with this plan or a
    new one; what is gone already counts as deleted. `on_decided` hears of every item as it is settled.
    """
    decided: list[Item | Kept] = []
    for item in plan.doomed:
        reason = delete(item, protected())
        decided.append(item if reason is None else Kept(kind=item.kind, id=item.id, reason=reason))
        on_decided(decided[-1])
    return RetentionOutcome(
        deleted=tuple(entry for entry in decided if isinstance(entry, Item)),
        spared=tuple(entry for entry in decided if isinstance(entry, Kept)),
    )


def delete_item(store: MlflowStore, item: Item, protected: Protected, now: datetime) -> str | None:
    """Delete one item of MLflow's or of the cache of bundles and return None, or say why it stays."""
    match item.kind:
        case "version":
            return _delete_version(store, item.id, protected)
        case "logged model":
            return _delete_model(store, item.id, protected, now)
        case "run":
            return _delete_run(store, item.id, protected, now)
        case "cached bundle":
            if item.id in standing_digests(store, protected):
                return "it serves, or may serve again"
            remove_folder(store.home / "models" / item.id, store.home)
        case "leftover":
            parent, _, name = item.id.partition("/")
            if (store.home / parent / name).exists():
                shutil.rmtree(store.home / parent / name)
        case _:
            raise ValueError(f"a {item.kind} is not kept in the registry")
    return None


def remove_folder(folder: Path, home: Path) -> None:
    """Remove a folder of the home so that it is there as a whole or not at all, whenever this process is killed."""
    trash = home / TRASH
    trash.mkdir(exist_ok=True)
    grave = trash / f"{folder.name}-{uuid.uuid4().hex[:8]}"
    try:
        folder.rename(grave)
    except FileNotFoundError:
        return
    shutil.rmtree(grave)


def _delete_version(store: MlflowStore, identity: str, protected: Protected) -> str | None:
    name, _, number = identity.rpartition("/")
    client = store.open()
    version = find_version(client, name, int(number))
    if version is None:
        return None
    if reason := why_version_stays(version, protected):
        return reason
    client.delete_model_version(name, number)
    return None


def _delete_model(store: MlflowStore, model_id: str, protected: Protected, now: datetime) -> str | None:
    from mlflow.exceptions import MlflowException

    client = store.open()
    try:
        model = client.get_logged_model(model_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    if model.source_run_id is None:
        return "no run says where it came from"
    if model.tags.get("bundle_digest") in protected.bundle_digests:
        return "its bundle is protected"
    if reason := _why_run_needed(client, model.source_run_id, protected, now):
        return reason
    artifact_repository(store, model.artifact_location).delete_artifacts()
    client.delete_logged_model(model_id)
    return None


def _delete_run(store: MlflowStore, run_id: str, protected: Protected, now: datetime) -> str | None:
    client = store.open()
    run = client.get_run(run_id)
    if run.info.lifecycle_stage != "active":
        return None
    if reason := _why_run_needed(client, run_id, protected, now):
        return reason
    if client.search_logged_models([run.info.experiment_id], filter_string=f"source_run_id = '{run_id}'"):
        return "a logged model of it stays"
    for entry in (*steps_of_run(client, run), run):  # the run last: while it is there, the next plan finds its steps
        artifact_repository(store, entry.info.artifact_uri).delete_artifacts()
        client.delete_run(entry.info.run_id)
    return None


def _why_run_needed(client: "MlflowClient", run_id: str, protected: Protected, now: datetime) -> str | None:
    """What keeps a run and the model that it logged, as things stand now."""
    run = client.get_run(run_id)
    if reason := why_run_stays(run, steps_of_run(client, run), protected, now):
        return reason
    resting = versions_of_run(client, run_id)
    return f"{', '.join(resting)} rests on it" if resting else None
