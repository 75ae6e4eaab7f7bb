"""The registered model answers through MLflow's pyfunc as the engine does, in a process that has only its own code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.digests import folder_digest
from registry.package import register_bundle

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


@pytest.mark.slow
def test_the_registered_model_answers_as_the_engine_does(tracker, tiny_bundle, evidence, judged, tmp_path, monkeypatch):
    from engine import AdaptiveModel

    proven = evidence.model_copy(update={"bundle_digest": folder_digest(tiny_bundle)})
    registration = register_bundle(
        tracker, name="support-intents", bundle=tiny_bundle, evidence=proven, verdict=judged(proven)
    )
    location = tracker.client.get_model_version_download_uri("support-intents", str(registration.version.version))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    done = subprocess.run(
        [sys.executable, "-c", SERVE, location, json.dumps(TEXTS)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    served = json.loads(done.stdout.splitlines()[-1])
    assert Path(served["engine"]).is_relative_to(location)
    expected = AdaptiveModel.load(tiny_bundle).predict(TEXTS)
    for answer, own in zip(served["answers"], expected, strict=True):
        assert (answer["label"], answer["path"], answer["abstained"]) == (own.label, own.path, own.abstained)
        assert answer["confidence"] == pytest.approx(own.confidence)
