"""Before a version serves: its registered bytes, in a fresh process, with what it declares and nothing else."""

import json
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version as installed_version
from pathlib import Path

import pytest

from engine.bundle import GOLDEN_FILE, MANIFEST_FILE, read_manifest, write_manifest
from engine.digests import file_digest, folder_digest
from registry.blessing import bless
from registry.model_files import BUNDLE_PATH, FILE_LIST, write_file_list
from registry.package import register_bundle, serving_requirements
from registry.store import MlflowStore
from registry.tracking import RunTracker
from registry.versions import RegisteredVersion, find_version
from tasks.errors import UserError
from tests.mlflow_server import mlflow_server
from tests.tiny_decoder import write_tiny_generation_bundle

NAME = "support-intents"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Registered:
    """A registered version and the folder in which MLflow keeps it."""

    store: MlflowStore
    folder: Path

    @property
    def version(self) -> RegisteredVersion:
        found = find_version(self.store.open(), NAME, 1)
        assert found is not None
        return found

    def proven_as_it_is(self) -> RegisteredVersion:
        """The version with digests of the bytes that lie there now, as if they had been registered."""
        bundle = self.folder / BUNDLE_PATH
        tags = {
            "bundle_digest": folder_digest(bundle),
            "manifest_sha256": file_digest(bundle / MANIFEST_FILE),
            "model_digest": write_file_list(self.folder),
        }
        for key, value in tags.items():
            self.store.open().set_model_version_tag(NAME, "1", key, value)
        return self.version


def register(tracker, bundle, evidence, judged) -> Registered:
    proven = evidence.model_copy(update={"bundle_digest": folder_digest(bundle)})
    made = register_bundle(tracker, name=NAME, bundle=bundle, evidence=proven, verdict=judged(proven))
    return Registered(tracker.store, Path(tracker.client.get_logged_model(made.model_id).artifact_location))


@pytest.fixture
def registered(tracker, bundle, evidence, judged) -> Registered:
    """The version of a bundle that only looks like one: enough for what is refused before anything is loaded."""
    return register(tracker, bundle, evidence, judged)


@pytest.fixture
def real(tracker, tiny_bundle, evidence, judged) -> Registered:
    """The version of a bundle that answers."""
    return register(tracker, tiny_bundle, evidence, judged)


def refused(registered: Registered, version: RegisteredVersion | None = None, *, limit_s: float = 120) -> str:
    with pytest.raises(UserError) as caught:
        bless(registered.store, version or registered.version, limit_s=limit_s)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def append(file: Path, code: str) -> None:
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"\n{code}\n")


class TestAlteredBytes:
    def test_one_flipped_byte_in_any_file_of_the_model_is_refused_with_the_files_name(self, registered):
        version = registered.version
        names = files(registered.folder)
        assert {"MLmodel", "SHA256SUMS", "requirements.txt", "code/engine/session.py"} < set(names)
        for name in names:
            file = registered.folder / name
            content = file.read_bytes()
            if not content:
                continue
            middle = len(content) // 2
            file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
            assert refused(registered, version).startswith(f"{version.uri}: {name}: "), name
            file.write_bytes(content)

    def test_a_missing_file_and_one_too_many_are_named(self, registered):
        version = registered.version
        (registered.folder / "code/engine/extra.py").write_text("")
        assert "code/engine/extra.py: not listed" in refused(registered, version)
        (registered.folder / "code/engine/extra.py").unlink()
        (registered.folder / "python_env.yaml").unlink()
        assert "python_env.yaml: missing" in refused(registered, version)

    def test_a_list_that_was_altered_along_with_a_file_is_refused(self, registered):
        version = registered.version
        append(registered.folder / "serving_model.py", "# harmless")
        write_file_list(registered.folder)
        assert f"{FILE_LIST}: altered" in refused(registered, version)

    def test_a_version_without_a_digest_of_its_files_is_refused(self, registered):
        registered.store.open().delete_model_version_tag(NAME, "1", "model_digest")
        assert "no tag model_digest" in refused(registered)

    def test_bytes_that_are_gone_are_refused(self, registered):
        shutil.rmtree(registered.folder)
        assert "cannot be fetched" in refused(registered)


class TestRequirements:
    def test_a_requirement_at_another_version_is_refused_before_anything_is_loaded(self, registered):
        file = registered.folder / "requirements.txt"
        numpy = f"numpy=={installed_version('numpy')}"
        file.write_text(file.read_text().replace(numpy, "numpy==1.0.0"))
        said = refused(registered, registered.proven_as_it_is())
        assert f"needs numpy==1.0.0, and {installed_version('numpy')} is installed here" in said

    def test_a_requirement_that_is_not_installed_is_refused(self, registered):
        append(registered.folder / "requirements.txt", "no-such-package==1.2.3")
        assert "needs no-such-package==1.2.3, which is not installed" in refused(
            registered, registered.proven_as_it_is()
        )

    def test_a_requirement_of_another_system_is_left_out(self, registered):
        append(registered.folder / "requirements.txt", "no-such-package==1.2.3 ; sys_platform == 'plan9'")
        assert "no-such-package" not in refused(registered, registered.proven_as_it_is())


@pytest.mark.slow
class TestGenerator:
    @pytest.fixture
    def generator(self, tracker, tiny_generation_bundle, completing, completing_gates, judged) -> Registered:
        """The version of a bundle that completes prompts."""
        return register(
            tracker,
            tiny_generation_bundle,
            completing,
            lambda proven: judged(proven, gates=completing_gates),
        )

    def test_a_good_version_is_blessed_by_its_completions(self, generator, tiny_generation_bundle):
        blessing = bless(generator.store, generator.version)
        golden = json.loads((tiny_generation_bundle / GOLDEN_FILE).read_text())
        assert blessing.answers == len(golden) > 0
        assert {row["answer"]["path"] for row in golden} == {"small", "full"}
        assert list(blessing.requirements) == serving_requirements("llguidance")

    @pytest.fixture
    def unsure(self, tracker, tiny_decoders, tmp_path, completing, completing_gates, judged) -> Registered:
        """The version of a bundle of which no answer is the only one that another machine may give."""
        bundle = write_tiny_generation_bundle(tiny_decoders, tmp_path / "unsure" / "bundle", unsure=True)
        return register(tracker, bundle, completing, lambda proven: judged(proven, gates=completing_gates))

    def test_a_version_of_an_unsure_model_is_blessed_by_how_likely_its_answers_are(self, unsure):
        assert bless(unsure.store, unsure.version).answers > 0

    def test_an_unsure_answer_that_pyfunc_alone_gives_is_refused(self, unsure):
        file = unsure.folder / "serving_model.py"
        file.write_text(
            file.read_text().replace("answer.served()", '{**answer.served(), "completion": "another call"}')
        )
        said = refused(unsure, unsure.proven_as_it_is())
        assert "through pyfunc" in said
        assert "through the engine" in said

    def test_a_completion_that_pyfunc_alters_is_refused_with_both(self, generator):
        file = generator.folder / "serving_model.py"
        file.write_text(
            file.read_text().replace("answer.served()", '{**answer.served(), "completion": "another call"}')
        )
        said = refused(generator, generator.proven_as_it_is())
        assert "through pyfunc" in said
        assert "is answered another call by" in said


@pytest.mark.slow
class TestFreshProcess:
    def test_a_good_version_is_blessed_with_the_evidence(self, real, tiny_bundle):
        version = real.version
        before = {name: file_digest(real.folder / name) for name in files(real.folder)}
        blessing = bless(real.store, version)
        golden = json.loads((tiny_bundle / GOLDEN_FILE).read_text())
        assert blessing.answers == len(golden) > 0
        assert (blessing.version, blessing.bundle_digest) == (version.uri, folder_digest(tiny_bundle))
        assert blessing.manifest_sha256 == file_digest(tiny_bundle / MANIFEST_FILE)
        assert blessing.model_digest == file_digest(real.folder / FILE_LIST)
        assert list(blessing.requirements) == serving_requirements()
        assert blessing.python == ".".join(map(str, sys.version_info[:3]))
        assert timedelta(0) <= datetime.now(UTC) - blessing.blessed_at < timedelta(hours=1)
        # Nothing was loaded where the registry keeps it: no compiled code, no note of a download.
        assert {name: file_digest(real.folder / name) for name in files(real.folder)} == before

    def test_a_version_behind_a_server_is_downloaded_through_it(
        self, home, tiny_bundle, evidence, judged, tmp_path, monkeypatch
    ):
        with mlflow_server(f"sqlite:///{home / 'mlflow.db'}", tmp_path) as url:
            monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
            tracker = RunTracker(tmp_path / "elsewhere", NAME)
            tracker.start("night", {}, {})
            proven = evidence.model_copy(update={"bundle_digest": folder_digest(tiny_bundle)})
            made = register_bundle(tracker, name=NAME, bundle=tiny_bundle, evidence=proven, verdict=judged(proven))
            assert bless(tracker.store, made.version).answers > 0
            (card,) = (tmp_path / "artifacts").rglob("model_card.md")
            append(card, "and twice as fast")
            with pytest.raises(UserError, match=f"{made.version.uri}: model_card.md: altered"):
                bless(tracker.store, made.version)

    def test_what_loading_in_place_left_behind_neither_refuses_a_version_nor_runs(self, real):
        cache = real.folder / "code/engine/__pycache__"
        cache.mkdir()
        (cache / f"session.{sys.implementation.cache_tag}.pyc").write_bytes(b"not what was compiled")
        (real.folder / "registered_model_meta").write_text("model_name: x\nmodel_version: '1'\n")
        assert bless(real.store, real.version).answers > 0

    def test_an_import_that_the_requirements_do_not_bring_along_is_refused_by_name(self, real):
        append(real.folder / "code/engine/adaptive_model.py", "import torch")
        said = refused(real, real.proven_as_it_is())
        assert said.startswith(f"{real.version.uri} may not serve: it imports torch,")

    def test_modules_and_settings_beside_the_declared_ones_do_not_exist(self, real, monkeypatch):
        monkeypatch.chdir(ROOT)
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("MIAOTUI_HOME", "/somewhere")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        append(
            real.folder / "code/engine/adaptive_model.py",
            "import importlib.util, os\n"
            "for name in ('tasks', 'registry', 'flows', 'sklearn', 'matplotlib', 'flask', 'torch', 'prefect'):\n"
            "    assert importlib.util.find_spec(name) is None, name\n"
            "assert 'MIAOTUI_HOME' not in os.environ and 'MLFLOW_TRACKING_URI' not in os.environ\n"
            "assert os.environ['MLFLOW_ALLOW_PICKLE_DESERIALIZATION'] == 'false'",
        )
        assert bless(real.store, real.proven_as_it_is()).answers > 0

    def test_code_that_is_loaded_past_the_import_system_is_refused(self, real):
        append(
            real.folder / "code/engine/adaptive_model.py",
            "import importlib.util, sys\n"
            f"spec = importlib.util.spec_from_file_location('smuggled', {str(ROOT / 'tasks/errors.py')!r})\n"
            "sys.modules['smuggled'] = importlib.util.module_from_spec(spec)\n"
            "spec.loader.exec_module(sys.modules['smuggled'])",
        )
        assert "smuggled was loaded from" in refused(real, real.proven_as_it_is())

    def test_an_answer_that_differs_from_the_recorded_one_is_refused_with_both(self, real):
        bundle = real.folder / BUNDLE_PATH
        rows = json.loads((bundle / GOLDEN_FILE).read_text())
        rows[0]["answer"]["label"] = "weather" if rows[0]["answer"]["label"] != "weather" else "card_lost"
        (bundle / GOLDEN_FILE).write_text(json.dumps(rows))
        write_manifest(bundle, read_manifest(bundle))
        said = refused(real, self._with_manifest_in_its_settings(real))
        assert repr(rows[0]["text"][:60]) in said
        assert rows[0]["answer"]["label"] in said

    def test_an_answer_that_only_pyfunc_gives_is_refused(self, real):
        file = real.folder / "serving_model.py"
        code = file.read_text()
        assert "answer.served()" in code
        file.write_text(code.replace("answer.served()", '{**answer.served(), "path": "elsewhere"}'))
        said = refused(real, real.proven_as_it_is())
        assert "through pyfunc" in said
        assert "elsewhere" in said

    def test_an_engine_that_does_not_replay_its_golden_set_is_found_out(self, real):
        append(
            real.folder / "code/engine/classification/model.py",
            "from dataclasses import replace\n"
            "ClassificationModel.replay = lambda self, file: None\n"
            "_predict = ClassificationModel.predict\n"
            "ClassificationModel.predict = lambda self, texts, **options: [\n"
            "    replace(answer, confidence=answer.confidence - 0.01) for answer in _predict(self, texts, **options)]",
        )
        assert "was certified as" in refused(real, real.proven_as_it_is())

    def test_a_process_that_hangs_is_ended_at_the_limit(self, real):
        append(real.folder / "code/engine/__init__.py", "import time\ntime.sleep(600)")
        assert "did not answer within 5 s" in refused(real, real.proven_as_it_is(), limit_s=5)

    @pytest.mark.parametrize(
        ("code", "said"),
        [
            ("import os, sys; print('out of order', file=sys.stderr, flush=True); os._exit(0)", "out of order"),
            ("raise RuntimeError('this machine is too old')", "RuntimeError: this machine is too old"),
        ],
        ids=["gone without a word", "an error"],
    )
    def test_a_process_that_fails_is_quoted(self, real, code, said):
        append(real.folder / "code/engine/adaptive_model.py", code)
        assert said in refused(real, real.proven_as_it_is())

    @staticmethod
    def _with_manifest_in_its_settings(real: Registered) -> RegisteredVersion:
        """Re-registers a bundle whose manifest changed: the model's own settings name the manifest too."""
        description = real.folder / "MLmodel"
        before = real.version.tags["manifest_sha256"]
        after = file_digest(real.folder / BUNDLE_PATH / MANIFEST_FILE)
        description.write_text(description.read_text().replace(before, after))
        return real.proven_as_it_is()
