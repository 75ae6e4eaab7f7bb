"""The registered model answers through MLflow's pyfunc as the engine does, in a process that has only its own code."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from engine.digests import file_digest, folder_digest
from registry import package
from registry.package import register_bundle
from tests.tiny_decoder import PROMPTS

TEXTS = ["please move 50 dollars from savings to checking", "where is my card", ""]

# What a serving host does not have: this project's other rooms, and everything that trains or orchestrates.
SERVE = """
import json, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "transformers", "optimum", "prefect", "tasks", "registry", "flows"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
import mlflow.pyfunc
model = mlflow.pyfunc.load_model(sys.argv[1])
answers = model.predict(json.loads(sys.argv[2]))
import engine
print(json.dumps({"answers": answers, "engine": engine.__file__}))
"""


@pytest.fixture
def served(tracker, judged, tmp_path, monkeypatch):
    """Registers a bundle and has a serving host answer texts with it."""

    def run(bundle, evidence, texts, **judging):
        proven = evidence.model_copy(update={"bundle_digest": folder_digest(bundle)})
        verdict = judged(proven, **judging)
        made = register_bundle(tracker, name="support-intents", bundle=bundle, evidence=proven, verdict=verdict)
        location = tracker.client.get_model_version_download_uri("support-intents", str(made.version.version))
        monkeypatch.delenv("PYTHONPATH", raising=False)
        monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
        done = subprocess.run(
            [sys.executable, "-c", SERVE, location, json.dumps(texts)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout.splitlines()[-1])
        assert Path(said["engine"]).is_relative_to(location)
        return said["answers"]

    return run


@pytest.mark.slow
def test_the_registered_model_answers_as_the_engine_does(served, tiny_bundle, evidence):
    from engine import AdaptiveModel

    answers = served(tiny_bundle, evidence, TEXTS)
    expected = AdaptiveModel.load(tiny_bundle).predict(TEXTS)
    for answer, own in zip(answers, expected, strict=True):
        assert (answer["label"], answer["path"], answer["abstained"]) == (own.label, own.path, own.abstained)
        assert answer["confidence"] == pytest.approx(own.confidence)


@pytest.mark.slow
def test_the_registered_generator_completes_as_the_engine_does(
    served, tiny_generation_bundle, completing, completing_gates
):
    from engine import AdaptiveModel

    prompts = [*PROMPTS[:4], " "]
    answers = served(tiny_generation_bundle, completing, prompts, gates=completing_gates)
    expected = AdaptiveModel.load(tiny_generation_bundle).predict(prompts)
    assert {own.path for own in expected[:-1]} == {"small", "full"}
    for answer, own in zip(answers, expected, strict=True):
        assert answer == {
            "completion": own.label,
            "confidence": pytest.approx(own.confidence),
            "path": own.path,
            "tokens": own.tokens,
            "finished": own.finished,
            "cost_ms": own.cost_ms,
            "error": own.error,
        }
    assert answers[0]["completion"]
    assert answers[-1]["completion"] is None
    assert answers[-1]["error"] == "row 4: the prompt is empty"


@pytest.fixture
def served_bundle():
    """Loads the pyfunc of a bundle as its signature has it, in this process and without a registry."""
    import mlflow.pyfunc

    def load(bundle, folder):
        tags = {"bundle_digest": folder_digest(bundle), "manifest_sha256": file_digest(bundle / "manifest.json")}
        package._save_pyfunc(folder, bundle, run_id="", model_id="", tags=tags)
        return mlflow.pyfunc.load_model(str(folder))

    return load


SCHEMA = json.dumps(
    {"type": "object", "properties": {"n": {"enum": [1, 25]}}, "required": ["n"], "additionalProperties": False}
)


def test_a_generators_params_are_declared_and_kept_to(served_bundle, tiny_generation_bundle, tmp_path):
    from mlflow.exceptions import MlflowException

    model = served_bundle(tiny_generation_bundle, tmp_path / "model")
    declared = {entry.name: entry.default for entry in model.metadata.signature.params}
    assert declared == {"max_new_tokens": 24, "schema": None}
    assert model.metadata.signature.inputs is not None

    plain = model.predict([PROMPTS[0]])[0]
    assert model.predict([PROMPTS[0]], params={"max_new_tokens": 24, "schema": None})[0] == plain
    assert model.predict([PROMPTS[0]], params={"max_new_tokens": 3})[0]["tokens"] <= 3 < plain["tokens"]
    (guided,) = model.predict([PROMPTS[0]], params={"schema": SCHEMA})
    assert json.loads(guided["completion"])["n"] in (1, 25)

    for params, said in (
        ({"max_new_tokens": 0}, "max_new_tokens: 0 is not within 1 to"),
        ({"max_new_tokens": 10**6}, "max_new_tokens: 1000000 is not within 1 to"),
        ({"max_new_tokens": "many"}, "max_new_tokens"),
        ({"max_new_tokens": 1.5}, "max_new_tokens"),
        ({"schema": "{"}, "schema: not JSON"),
        ({"schema": "[]"}, "schema: a JSON schema is an object, not list"),
        ({"schema": {"type": "object"}}, "schema"),
    ):
        with pytest.raises(MlflowException, match=re.escape(said)) as refused:
            model.predict([PROMPTS[0]], params=params)
        assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    with pytest.raises(MlflowException, match="temperature: this model takes max_new_tokens and schema"):
        model.unwrap_python_model().predict(None, [PROMPTS[0]], {"temperature": 0.5})


def test_the_requirements_of_a_generator_have_what_schemas_need(monkeypatch):
    assert set(package.serving_requirements("llguidance")) - set(package.serving_requirements()) == {
        f"llguidance=={version('llguidance')}"
    }
    monkeypatch.setattr(package, "_installed", lambda name: name != "llguidance")
    assert package.serving_requirements("llguidance") == package.serving_requirements()
