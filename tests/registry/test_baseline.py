"""The baseline is what serves now; for a run that is repeated, what served when it was judged first."""

import shutil
from pathlib import Path

import pytest

from engine.digests import folder_digest
from registry.baseline import find_baseline
from registry.package import register_bundle
from registry.store import MlflowStore
from registry.versions import CHAMPION
from tasks.recipe import Target
from tests.registry.fake_bundle import write_fake_bundle

NAME = "support-intents"


@pytest.fixture
def registered(tracker, evidence, judged, tmp_path):
    """Registers a bundle with these weights and returns its digest; versions are numbered in the order of the calls."""

    def run(weights):
        bundle = write_fake_bundle(tmp_path / weights / "bundle", weights)
        digest = folder_digest(bundle)
        own = evidence.model_copy(
            update={
                "bundle_digest": digest,
                "router": evidence.router.model_copy(update={"bundle_digest": digest}),
                "benchmarks": (evidence.benchmarks[0].model_copy(update={"bundle_digest": digest}),),
            }
        )
        register_bundle(tracker, name=NAME, bundle=bundle, evidence=own, verdict=judged(own))
        shutil.rmtree(bundle)
        return digest

    return run


def crown(tracker, version, replaced=None):
    if replaced is not None:
        tracker.client.set_model_version_tag(NAME, str(version), "compared_with", str(replaced))
    tracker.client.set_registered_model_alias(NAME, CHAMPION, str(version))


def version_of(baseline):
    return baseline.version.version if baseline else None


def bundle_of(tracker, version):
    location = tracker.client.get_model_version_download_uri(NAME, str(version))
    return Path(location.removeprefix("file://")) / "artifacts/bundle"


def test_nothing_was_ever_registered(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    store = MlflowStore.of_home(tmp_path)
    assert find_baseline(store, NAME, "a" * 64) is None
    assert not store.exists


def test_a_version_that_is_no_champion_is_no_baseline(tracker, registered):
    registered("first")
    assert find_baseline(tracker.store, NAME, "a" * 64) is None


def test_the_champion_is_the_baseline_with_its_verified_bytes(tracker, registered):
    digest = registered("first")
    crown(tracker, 1)
    baseline = find_baseline(tracker.store, NAME, "a" * 64)
    assert version_of(baseline) == 1
    assert folder_digest(baseline.bundle) == digest
    assert baseline.unreadable is None


def test_the_champions_own_bytes_are_compared_with_what_they_were_compared_with(tracker, registered):
    registered("first")
    crown(tracker, 1)
    second = registered("second")
    first_time = find_baseline(tracker.store, NAME, second)
    crown(tracker, 2, replaced=1)
    again = find_baseline(tracker.store, NAME, second)
    assert version_of(first_time) == version_of(again) == 1
    assert first_time.bundle == again.bundle


def test_the_champions_own_bytes_are_compared_with_nothing_where_nothing_served(tracker, registered):
    first = registered("first")
    crown(tracker, 1)
    assert find_baseline(tracker.store, NAME, first) is None


def test_versions_of_the_same_bytes_are_passed_over(tracker, registered):
    registered("first")
    digest = registered("second")
    version = tracker.client.get_model_version(NAME, "2")
    again = tracker.client.create_model_version(NAME, source=version.source, tags={"bundle_digest": digest})
    tracker.client.set_model_version_tag(NAME, "2", "compared_with", "1")
    crown(tracker, again.version, replaced=2)
    assert version_of(find_baseline(tracker.store, NAME, digest)) == 1


def test_after_a_rollback_the_next_bundle_is_compared_with_the_rolled_back_champion(tracker, registered):
    registered("first")
    crown(tracker, 1)
    second = registered("second")
    crown(tracker, 2, replaced=1)
    crown(tracker, 1)
    assert version_of(find_baseline(tracker.store, NAME, "a" * 64)) == 1
    assert version_of(find_baseline(tracker.store, NAME, second)) == 1


def test_a_circle_of_comparisons_ends_the_search(tracker, registered):
    first = registered("first")
    tracker.client.set_model_version_tag(NAME, "1", "compared_with", "1")
    crown(tracker, 1)
    assert find_baseline(tracker.store, NAME, first) is None


def test_a_champion_whose_bytes_are_gone_is_told_and_stops_nothing(tracker, registered):
    registered("first")
    crown(tracker, 1)
    shutil.rmtree(bundle_of(tracker, 1))
    baseline = find_baseline(tracker.store, NAME, "a" * 64)
    assert baseline.bundle is None
    assert baseline.unreadable.uri == f"models:/{NAME}/1"
    assert "are gone" in baseline.unreadable.problem


def test_a_champion_whose_bytes_were_altered_is_unreadable(tracker, registered):
    registered("first")
    crown(tracker, 1)
    (bundle_of(tracker, 1) / "segment-1.onnx").write_text("other weights")
    assert "altered" in find_baseline(tracker.store, NAME, "a" * 64).unreadable.problem


def test_a_champion_that_the_engine_refuses_is_unreadable(tracker, registered):
    registered("first")
    crown(tracker, 1)
    baseline = find_baseline(tracker.store, NAME, "a" * 64, [Target(name="local-cpu")])
    assert baseline.bundle is None
    assert "tokenizer.json" in baseline.unreadable.problem
