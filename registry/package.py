"""Logs a bundle as a pyfunc model and registers it, with what was proven about it.

The bytes that were measured are the bytes that are registered: the digest is compared before logging, and again with
what lies in the artifact store afterwards. A version appears only when it is complete, so a killed run leaves none
behind, and the same bytes with the same evidence and verdict are never registered twice.
"""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import engine
from engine import strict_json
from engine.digests import file_digest
from registry.checks import Verdict
from registry.evidence import Evidence, chosen_certificate
from registry.headline import adaptive_contender, headline_metrics
from registry.model_card import model_card, model_description
from registry.model_files import require_bundle, require_model, write_file_list
from registry.serving_signature import with_parameters
from registry.tracking import RunTracker
from registry.versions import RegisteredVersion, find_version, logged_model, verify_model, versions_with_tags
from tasks.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SERVING_MODEL: Final = Path(__file__).with_name("serving_model.py")
_PICKLES: Final = frozenset({".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".dill"})

_DESCRIPTION: Final = """\
Certified adaptive bundles of the recipe {name}. Every run registers its bundle as a version, whatever the verdict.

How a version is promoted:

1. Only a version whose tag `verdict` is PASS may bear an alias.
2. With `promotion: {{mode: review}}` it becomes `challenger` with the tag `review` = `requested`. A person answers by \
setting that tag to `approved` or `rejected`, here or by `miaotui review {name} VERSION approve`.
3. Before it becomes `champion` its registered bytes are downloaded, compared with the tags `model_digest`, \
`bundle_digest` and `manifest_sha256`, and loaded in a fresh process that has nothing but the declared requirements, \
where they must give the answers that were certified.

`champion` is what serves. Aliases are moved by miaotui alone; `miaotui history {name}` lists every move, and \
`miaotui rollback {name}` goes back to the champion before.
"""


@dataclass(frozen=True)
class Registration:
    """A registered version; `reused` when it had been registered before with the same bytes, evidence and verdict."""

    version: RegisteredVersion
    model_id: str | None
    reused: bool


def register_bundle(
    tracker: RunTracker,
    *,
    name: str,
    bundle: Path,
    evidence: Evidence,
    verdict: Verdict,
    report: Path | None = None,
) -> Registration:
    """Log and register `bundle` under `name`, from the tracker's run, whatever the verdict is.

    The model card lies in the model as `model_card.md` and is the version's description; the run's `report`, where there
    is one, lies beside it as `report.html`. Raises UserError when the bundle's bytes are not those of the evidence.
    """
    require_bundle(bundle, evidence.bundle_digest, "this run")
    tags = version_tags(bundle, evidence, verdict)
    known = _known_version(tracker, name, tags)
    if known is not None:
        return known
    card = model_card(name, evidence, verdict)
    logged = _log_model(tracker, bundle, evidence, card=card, report=report, tags=tags)
    client, description = tracker.client, model_description(name, evidence, verdict)
    _make_sure_of_model(client, name)
    created = client.create_model_version(
        name,
        source=logged.location if tracker.store.serverless else f"models:/{logged.model_id}",
        run_id=tracker.run_id,
        tags=logged.tags,
        description=description,
        model_id=logged.model_id,
    )
    # By these tags MLflow's own pages find the version of a logged model, and its description.
    link = strict_json.dumps([{"name": name, "version": str(created.version)}], ascii_only=True)
    client.set_logged_model_tags(logged.model_id, {"mlflow.modelVersions": link, "mlflow.note.content": description})
    registered = find_version(client, name, int(created.version))
    if registered is None:
        raise RuntimeError(f"version {created.version} of {name} vanished while it was registered")
    return Registration(registered, logged.model_id, reused=False)


def version_tags(bundle: Path, evidence: Evidence, verdict: Verdict) -> dict[str, str]:
    """What a version says about itself: verdict, digests, promise, speed-up and the margin of every gate."""
    tags = {
        "verdict": verdict.outcome.value,
        "verdict_digest": verdict.digest,
        "bundle_digest": evidence.bundle_digest,
        "evidence_digest": evidence.digest,
        "snapshot_digest": evidence.snapshot.content_digest,
        "manifest_sha256": file_digest(bundle / "manifest.json"),
        "targets": ",".join(benchmark.target for benchmark in evidence.benchmarks),
        "operating_point": evidence.router.operating_point,
        "compared_with": _compared_with(evidence),
    }
    if certificate := chosen_certificate(evidence.router):
        tags["epsilon"] = f"{certificate.epsilon:g}"
        tags["delta"] = f"{1 - certificate.confidence:.4g}"
        tags["certified"] = str(certificate.certified).lower()
    for benchmark in evidence.benchmarks:
        if benchmark.operating_point not in (None, evidence.router.operating_point):
            tags[f"operating_point.{benchmark.target}"] = benchmark.operating_point
        if contender := adaptive_contender(benchmark):
            key = "speedup" if len(evidence.benchmarks) == 1 else f"speedup.{benchmark.target}"
            tags[key] = f"{contender.speedup.value:.2f}"
    return tags | {f"margin.{gate}": f"{margin:+.4f}" for gate, margin in verdict.margins.items()}


def _compared_with(evidence: Evidence) -> str:
    """The version that served when this one was judged, as a number; `none` where none did."""
    champion = evidence.champion or evidence.unreadable_champion
    return str(champion.version) if champion else "none"


def serving_requirements(*used: str) -> list[str]:
    """The packages that serving needs, at the versions that measured: the engine's, and MLflow's small core.

    Of those that the model can do without, which are `used` where there are any, the installed ones.
    """
    runtime = next((name for name in ("onnxruntime-gpu", "onnxruntime") if _installed(name)), None)
    if runtime is None:
        raise UserError("ONNX Runtime is not installed; run: pip install onnxruntime-gpu")
    names = ["mlflow-skinny", "numba", "numpy", "pandas", runtime, "tokenizers"]
    names += filter(_installed, used)
    return [f"{name}=={version(name)}" for name in sorted(names)]


def _known_version(tracker: RunTracker, name: str, tags: dict[str, str]) -> Registration | None:
    """The version that says the same of the same bytes, if its bytes are still there."""
    from mlflow.entities import LoggedModelInput

    client = tracker.client
    same = {key: tags[key] for key in ("bundle_digest", "evidence_digest", "verdict_digest")}
    for candidate in versions_with_tags(client, name, same):
        try:
            verify_model(tracker.store, candidate)
        except UserError:
            continue
        model_id = candidate.tags.get("model_id")
        if model_id is not None:
            client.log_inputs(tracker.run_id, models=[LoggedModelInput(model_id)])
        return Registration(candidate, model_id, reused=True)
    return None


@dataclass(frozen=True)
class _LoggedModel:
    """A model in the tracking store: its id, where it lies, and all that its version's tags will say."""

    model_id: str
    location: str
    tags: dict[str, str]


def _log_model(
    tracker: RunTracker, bundle: Path, evidence: Evidence, *, card: str, report: Path | None, tags: dict[str, str]
) -> _LoggedModel:
    """Log the pyfunc model. On any failure MLflow shows it as FAILED."""
    from mlflow.entities import LoggedModelOutput

    client, ready = tracker.client, False
    logged = client.create_logged_model(
        tracker.experiment_id,
        name="bundle",
        source_run_id=tracker.run_id,
        tags={key: tags[key] for key in ("verdict", "bundle_digest", "evidence_digest")},
        params={"base_model": evidence.fine_tuned.base_model, "precision": evidence.compression.precision},
        model_type="miaotui-bundle",
    )
    model_id, location = str(logged.model_id), str(logged.artifact_location)
    try:
        with _scratch() as scratch:
            folder = scratch / "model"
            _save_pyfunc(folder, bundle, run_id=tracker.run_id, model_id=model_id, tags=tags)
            (folder / "model_card.md").write_text(card, encoding="utf-8")
            if report is not None:
                shutil.copyfile(report, folder / "report.html")
            _require_no_pickle(folder)
            tags = tags | {"model_id": model_id, "model_digest": write_file_list(folder)}
            client.log_model_artifacts(model_id, str(folder))
        with _scratch() as scratch:
            require_model(logged_model(tracker.store, location, scratch), tags, "the logged model")
        client.log_outputs(tracker.run_id, [LoggedModelOutput(model_id, 0)])
        tracker.log_metrics(headline_metrics(evidence), model_id=model_id)
        client.finalize_logged_model(model_id, "READY")
        ready = True
    finally:
        if not ready:
            client.finalize_logged_model(model_id, "FAILED")
    return _LoggedModel(model_id, location, tags)


def _save_pyfunc(folder: Path, bundle: Path, *, run_id: str, model_id: str, tags: dict[str, str]) -> None:
    import mlflow.pyfunc
    from mlflow.models import Model

    from engine import AdaptiveModel

    served = AdaptiveModel.type_in(bundle)
    # MLflow says that it cannot check answers of mixed types, and sets its own filters; recording keeps it to itself.
    with warnings.catch_warnings(record=True):
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(_SERVING_MODEL),
            artifacts={"bundle": str(bundle.absolute())},
            code_paths=[str(Path(engine.__file__).parent)],
            pip_requirements=serving_requirements(*served.uses),
            metadata={key: tags[key] for key in ("bundle_digest", "manifest_sha256")},
            model_config={"manifest_sha256": tags["manifest_sha256"]},
            mlflow_model=Model(run_id=run_id, model_id=model_id),
        )
    # MLflow writes down where the files came from on this machine; loading needs only their names.
    description = Model.load(str(folder))
    flavor = description.flavors[mlflow.pyfunc.FLAVOR_NAME]
    flavor["model_code_path"] = _SERVING_MODEL.name
    flavor["artifacts"]["bundle"]["uri"] = flavor["artifacts"]["bundle"]["path"]
    if wishes := served.wishes_in(bundle):
        description.signature = with_parameters(description.signature, wishes)
    description.save(str(folder / "MLmodel"))


def _require_no_pickle(folder: Path) -> None:
    found = sorted(path.name for path in folder.rglob("*") if path.suffix in _PICKLES)
    if found:
        raise UserError(f"a bundle must not hold pickles or the like: {', '.join(found)}", file=folder)


def _make_sure_of_model(client: "MlflowClient", name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, description=_DESCRIPTION.format(name=name))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="miaotui-register-") as folder:
        yield Path(folder)


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
