"""The bytes that were measured are the bytes that are registered, once, with all that was proven about them."""

import shutil
from pathlib import Path

import pytest

from engine.digests import file_digest, folder_digest, folder_files
from registry.checks import Outcome
from registry.evidence import Evidence
from registry.package import register_bundle, serving_requirements
from registry.tracking import RunTracker
from registry.versions import fetch_bundle, model_names
from tasks.errors import UserError
from tasks.families.classification.recipe import Gates


@pytest.fixture
def registered(tracker, bundle, evidence, judged):
    return register_bundle(tracker, name="support-intents", bundle=bundle, evidence=evidence, verdict=judged(evidence))


def model_folder(tracker, registration) -> Path:
    return Path(tracker.client.get_logged_model(registration.model_id).artifact_location)


def test_the_registered_bytes_are_the_measured_bytes(tracker, registered, bundle, evidence):
    logged = fetch_bundle(tracker.store, registered.version)
    assert logged != bundle
    assert folder_digest(logged) == folder_digest(bundle) == evidence.bundle_digest
    assert registered.version.bundle_digest == evidence.bundle_digest


def test_a_version_says_what_was_proven_about_it(tracker, registered, evidence, judged):
    tags = registered.version.tags
    assert registered.version.verdict is Outcome.PASS
    assert tags["evidence_digest"] == evidence.digest
    assert tags["verdict_digest"] == judged(evidence).digest
    assert tags["snapshot_digest"] == "c" * 64
    assert tags["targets"] == "local-cpu"
    assert (tags["epsilon"], tags["delta"], tags["certified"]) == ("0.01", "0.05", "true")
    assert tags["speedup"] == "3.00"
    assert tags["margin.latency_p99_ms"] == "+0.6400"
    assert registered.version.aliases == ()
    entry = tracker.client.get_model_version("support-intents", "1")
    assert entry.description.startswith("# support-intents: PASS")
    assert entry.run_id == tracker.run_id


def test_the_model_is_code_and_needs_neither_pickle_nor_torch(tracker, registered):
    folder = model_folder(tracker, registered)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"MLmodel", "serving_model.py", "model_card.md", "artifacts/bundle/manifest.json"} <= names
    assert "code/engine/digests.py" in names
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".pyc", ".bin"))]
    requirements = (folder / "requirements.txt").read_text().split()
    assert requirements == serving_requirements()
    assert not [line for line in requirements if line.startswith(("torch", "transformers", "prefect"))]
    assert all("==" in line for line in requirements)


def test_the_model_names_no_path_of_this_machine(tracker, registered, bundle):
    text = (model_folder(tracker, registered) / "MLmodel").read_text()
    assert str(bundle.parent) not in text
    assert "model_code_path: serving_model.py" in text
    assert registered.version.bundle_digest in text


def test_run_model_and_version_know_one_another(tracker, registered):
    model = tracker.client.get_logged_model(registered.model_id)
    assert str(model.status) == "READY"
    assert model.source_run_id == tracker.run_id
    assert '"version": "1"' in model.tags["mlflow.modelVersions"]
    assert {metric.key for metric in model.metrics} >= {"accuracy", "local-cpu/speedup", "local-cpu/server_p99_ms"}
    run = tracker.client.get_run(tracker.run_id)
    assert [output.model_id for output in run.outputs.model_outputs] == [registered.model_id]
    assert run.data.metrics["accuracy"] == pytest.approx(0.95)


def test_registering_the_same_again_gives_the_same_version(home, tracker, registered, bundle, evidence, judged):
    tracker.finish(Outcome.PASS)
    second = RunTracker(home, "support-intents")
    second.start("next night", {}, {})
    again = register_bundle(second, name="support-intents", bundle=bundle, evidence=evidence, verdict=judged(evidence))
    assert again.reused
    assert again.version.uri == registered.version.uri
    assert len(second.client.search_logged_models([second.experiment_id])) == 1


def test_another_verdict_on_the_same_bytes_is_another_version(tracker, registered, bundle, evidence, judged):
    failed = judged(evidence, gates=Gates(latency_p99_ms=0.01))
    other = register_bundle(tracker, name="support-intents", bundle=bundle, evidence=evidence, verdict=failed)
    assert not other.reused
    assert other.version.version == 2
    assert other.version.verdict is Outcome.FAIL


def test_a_registered_version_whose_bytes_are_gone_is_not_reused(tracker, registered, bundle, evidence, judged):
    shutil.rmtree(model_folder(tracker, registered))
    again = register_bundle(tracker, name="support-intents", bundle=bundle, evidence=evidence, verdict=judged(evidence))
    assert again.version.version == 2
    assert fetch_bundle(tracker.store, again.version).is_dir()


def test_a_registered_version_of_which_any_file_was_altered_is_not_reused(
    tracker, registered, bundle, evidence, judged
):
    (model_folder(tracker, registered) / "requirements.txt").write_text("numpy\n")
    again = register_bundle(tracker, name="support-intents", bundle=bundle, evidence=evidence, verdict=judged(evidence))
    assert again.version.version == 2


def test_every_file_of_the_model_is_listed_with_its_digest(tracker, registered):
    folder = model_folder(tracker, registered)
    listed = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert listed == {name: digest for name, digest in folder_files(folder).items() if name != "SHA256SUMS"}
    assert registered.version.tags["model_digest"] == file_digest(folder / "SHA256SUMS")


def test_the_report_lies_in_the_model(tracker, tmp_path, bundle, evidence, judged):
    report = tmp_path / "support-intents-1a2b3c.html"
    report.write_text("<h1>PASS</h1>")
    made = register_bundle(
        tracker, name="support-intents", bundle=bundle, evidence=evidence, verdict=judged(evidence), report=report
    )
    assert (model_folder(tracker, made) / "report.html").read_text() == "<h1>PASS</h1>"


def test_bytes_that_were_not_measured_are_not_registered(tracker, tmp_path, bundle, evidence, judged):
    altered = tmp_path / "bundle"
    shutil.copytree(bundle, altered)
    (altered / "segment-1.onnx").write_bytes(b"weights of the first segmenu")
    with pytest.raises(UserError, match="altered"):
        register_bundle(tracker, name="support-intents", bundle=altered, evidence=evidence, verdict=judged(evidence))
    assert model_names(tracker.client) == ()


def test_bytes_that_change_on_their_way_are_not_registered(tracker, bundle, evidence, judged, monkeypatch):
    log = type(tracker.client).log_model_artifacts

    def flip_a_byte(client, model_id, folder):
        log(client, model_id, folder)
        location = Path(client.get_logged_model(model_id).artifact_location)
        (location / "artifacts/bundle/segment-1.onnx").write_bytes(b"weights of the first segmenu")

    monkeypatch.setattr(type(tracker.client), "log_model_artifacts", flip_a_byte)
    with pytest.raises(UserError, match="altered"):
        register_bundle(tracker, name="support-intents", bundle=bundle, evidence=evidence, verdict=judged(evidence))
    assert model_names(tracker.client) == ()
    models = tracker.client.search_logged_models([tracker.experiment_id])
    assert [str(model.status) for model in models] == ["FAILED"]


def test_a_bundle_with_a_pickle_is_refused(tracker, tmp_path, bundle, evidence: Evidence, judged):
    pickled = tmp_path / "bundle"
    shutil.copytree(bundle, pickled)
    (pickled / "head.pkl").write_bytes(b"\x80\x04.")
    digest = folder_digest(pickled)
    spoilt = evidence.model_copy(update={"bundle_digest": digest})
    with pytest.raises(UserError, match=r"head\.pkl"):
        register_bundle(tracker, name="support-intents", bundle=pickled, evidence=spoilt, verdict=judged(spoilt))
    assert model_names(tracker.client) == ()
