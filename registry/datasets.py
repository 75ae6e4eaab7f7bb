"""The snapshot as MLflow's dataset inputs: the whole, and every source file it was made from, each with its digest."""

from typing import TYPE_CHECKING, Final

from engine import strict_json
from tasks.records import SnapshotResult

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

_DIGEST_LENGTH: Final = 36  # MLflow's columns hold no more; the whole SHA-256 stands beside it as a tag
_CONTEXT: Final = "mlflow.data.context"


def dataset_inputs(name: str, snapshot: SnapshotResult) -> "list[DatasetInput]":
    """What a run has read. `name` is the recipe's."""
    profile = {
        "rows": snapshot.rows,
        **(
            {"out_of_scope_rows": snapshot.out_of_scope_rows, "labels": len(snapshot.labels)} if snapshot.labels else {}
        ),
        "quarantined": snapshot.quarantined,
    }
    whole = _input(f"{name} snapshot", snapshot.content_digest, "snapshot", name, profile)
    parts = [
        _input(source.location, source.sha256, "source", source.location, {"rows": source.rows})
        for source in snapshot.sources
    ]
    return [whole, *parts]


def _input(name: str, sha256: str, context: str, uri: str, profile: dict[str, object]) -> "DatasetInput":
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=name[:500],
        digest=sha256[:_DIGEST_LENGTH],
        source_type="local",
        source=strict_json.dumps({"uri": uri}, ascii_only=True),
        profile=strict_json.dumps(profile, ascii_only=True),
    )
    return DatasetInput(dataset=dataset, tags=[InputTag(_CONTEXT, context), InputTag("sha256", sha256)])
