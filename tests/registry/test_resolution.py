"""From a model's reference to its bytes, and what is registered at all."""

import pytest

from engine.digests import folder_digest
from registry.models import resolve_model
from registry.package import register_bundle
from registry.status import read_status
from registry.store import MlflowStore
from registry.versions import CHAMPION, fetch_bundle
from tasks.errors import UserError
from tasks.families.classification.recipe import Gates


@pytest.fixture
def champion(tracker, bundle, evidence, judged):
    """A champion, and a newer version that failed."""
    verdict = judged(evidence)
    registration = register_bundle(tracker, name="support-intents", bundle=bundle, evidence=evidence, verdict=verdict)
    tracker.client.set_registered_model_alias("support-intents", CHAMPION, "1")
    failed = judged(evidence, gates=Gates(latency_p99_ms=0.01))
    register_bundle(tracker, name="support-intents", bundle=bundle, evidence=evidence, verdict=failed)
    return registration.version


class TestResolveModel:
    @pytest.mark.parametrize(
        ("reference", "version"),
        [("models:/support-intents@champion", 1), ("models:/support-intents/1", 1), ("models:/support-intents/2", 2)],
    )
    def test_a_registered_model_is_a_folder_with_the_registered_bytes(self, home, champion, reference, version):
        resolved = resolve_model(reference, home=home)
        assert resolved.version.version == version
        assert folder_digest(resolved.folder) == champion.bundle_digest

    def test_a_bundle_folder_is_itself(self, home, bundle):
        resolved = resolve_model(str(bundle), home=home)
        assert (resolved.folder, resolved.version) == (bundle, None)

    @pytest.mark.parametrize(
        ("reference", "said"),
        [
            ("models:/support-intents@chmpion", r"newest versions of support-intents: 2, 1@champion"),
            ("models:/support-intents/7", r"newest versions of support-intents: 2, 1@champion"),
            ("models:/sales@champion", r"registered models: support-intents"),
            ("models:/support-intents", r"models:/NAME@ALIAS"),
            ("models:/support-intents/latest", r"models:/NAME@ALIAS"),
            ("no/such/folder", r"no/such/folder: no such bundle folder"),
        ],
    )
    def test_what_does_not_exist_is_answered_with_what_does(self, home, champion, reference, said):
        with pytest.raises(UserError, match=said):
            resolve_model(reference, home=home)

    def test_a_folder_without_a_manifest_is_no_bundle(self, home, tmp_path):
        with pytest.raises(UserError, match=r"manifest\.json"):
            resolve_model(str(tmp_path), home=home)

    def test_an_altered_bundle_is_refused(self, home, tracker, champion):
        (fetch_bundle(tracker.store, champion) / "segment-1.onnx").write_bytes(b"weights of the first segmenu")
        with pytest.raises(UserError, match="altered"):
            resolve_model("models:/support-intents@champion", home=home)

    def test_one_flipped_byte_in_any_file_of_the_bundle_is_refused_with_the_files_name(self, home, tracker, champion):
        bundle = fetch_bundle(tracker.store, champion)
        for file in sorted(bundle.iterdir()):
            content = file.read_bytes()
            for place in range(0, len(content), 16):
                file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
                with pytest.raises(UserError) as caught:
                    resolve_model("models:/support-intents@champion", home=home)
                assert str(caught.value).startswith(f"{file}: "), (file.name, place)
            file.write_bytes(content)
        assert resolve_model("models:/support-intents@champion", home=home).folder == bundle

    def test_a_home_without_a_store_is_told_so_and_gets_none(self, tmp_path, monkeypatch):
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with pytest.raises(UserError, match="nothing is registered yet"):
            resolve_model("models:/x@champion", home=tmp_path / "home")
        assert not (tmp_path / "home").exists()

    def test_bytes_behind_a_server_are_fetched_once_and_verified(self, home, tracker, champion, bundle, monkeypatch):
        uri = "mlflow-artifacts:/1/models/m-1/artifacts"
        monkeypatch.setattr(type(tracker.client), "get_model_version_download_uri", lambda *_: uri)
        fetched = []

        def download_artifacts(artifact_uri, dst_path, tracking_uri, registry_uri):
            import shutil

            fetched.append(artifact_uri)
            return shutil.copytree(bundle, f"{dst_path}/bundle")

        monkeypatch.setattr("mlflow.artifacts.download_artifacts", download_artifacts)
        first = resolve_model("models:/support-intents@champion", home=home).folder
        second = resolve_model("models:/support-intents@champion", home=home).folder
        assert first == second == home / "models" / champion.bundle_digest
        assert fetched == [f"{uri}/artifacts/bundle"]
        (first / "manifest.json").write_text("damaged")
        assert (
            folder_digest(resolve_model("models:/support-intents@champion", home=home).folder) == champion.bundle_digest
        )
        assert len(fetched) == 2


class TestStatus:
    def test_it_shows_champion_challenger_and_the_last_verdicts(self, tracker, champion):
        (status,) = read_status(tracker.store, "support-intents")
        assert status.champion.version == 1
        assert status.challenger is None
        assert [(entry.version, entry.verdict.value) for entry in status.versions] == [(2, "FAIL"), (1, "PASS")]
        assert status.versions[1].aliases == ("champion",)
        assert read_status(tracker.store) == (status,)

    def test_the_number_of_versions_is_limited(self, tracker, champion):
        (status,) = read_status(tracker.store, limit=1)
        assert [entry.version for entry in status.versions] == [2]

    def test_an_unknown_name_is_answered_with_the_known_ones(self, tracker, champion):
        with pytest.raises(UserError, match="registered models: support-intents"):
            read_status(tracker.store, "sales")

    def test_nothing_was_ever_registered(self, tmp_path, monkeypatch):
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        assert read_status(MlflowStore.of_home(tmp_path / "home")) == ()
        assert not (tmp_path / "home").exists()
