"""A prompt's fault is its own answer's error, whatever the runtime raises for it; the other prompts are answered."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

from engine import AdaptiveModel, InputError
from engine.bundle import read_manifest, write_manifest
from engine.generation.model import GenerationModel
from engine.generation.state import State
from engine.session import Bindings
from tests.tiny_decoder import PROMPTS

BAD = "find <<gift>> for Ada"


@pytest.fixture
def with_added_token(tiny_generation_bundle: Path, tmp_path: Path) -> GenerationModel:
    """The bundle, whose tokenizer has a token that its models have no embedding for."""
    folder = Path(shutil.copytree(tiny_generation_bundle, tmp_path / "bundle"))
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    taken = {entry["id"] for entry in content["added_tokens"]} | set(content["model"]["vocab"].values())
    plain = dict(content["added_tokens"][0], id=max(taken) + 1, content="<<gift>>", special=False)
    content["added_tokens"].append(plain)
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    write_manifest(folder, read_manifest(folder))
    model = AdaptiveModel.load(folder)
    assert isinstance(model, GenerationModel)
    return model


def assert_own_error(model: GenerationModel, bad: str, said: str) -> None:
    expected = [answer.text for answer in model.predict(PROMPTS[:5])]
    found = model.predict([*PROMPTS[:3], bad, *PROMPTS[3:5]])
    assert said in str(found[3].error)
    assert str(found[3].error).startswith("row 3: ")
    assert (found[3].label, found[3].path, found[3].confidence) == (None, "", 0.0)
    assert [answer.text for answer in (*found[:3], *found[4:])] == expected
    with pytest.raises(InputError, match=said):
        list(model.generate(bad))
    assert "".join(model.generate(PROMPTS[0])) == expected[0]


def test_a_token_without_an_embedding_is_named(with_added_token: GenerationModel) -> None:
    assert_own_error(with_added_token, BAD, "<<gift>>")


def test_what_onnx_runtime_raises_is_the_prompts_error(
    with_added_token: GenerationModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a decoder's configuration says more than its embeddings have."""
    monkeypatch.setattr(with_added_token, "_embeddings", 10**6)
    assert_own_error(with_added_token, BAD, "cannot be run")


def test_numbers_that_are_not_finite_are_an_error_and_never_a_text(
    tiny_generation_model: GenerationModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = State.read
    marked = tiny_generation_model._prompts.encode("cancel 300 coffee for Zoë")

    def with_a_fault(state: State, ids, past, rows=1):  # type: ignore[no-untyped-def]
        found = read(state, ids, past, rows)
        return np.full_like(found, np.nan) if list(ids)[: len(marked)] == marked else found

    monkeypatch.setattr(State, "read", with_a_fault)
    assert_own_error(tiny_generation_model, "cancel 300 coffee for Zoë", "not finite")


def test_no_memory_for_one_prompt_is_that_prompts_error(
    tiny_generation_model: GenerationModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise RuntimeException("no memory")

    run = Bindings.run

    def at_times(bindings: Bindings) -> None:
        if failing:
            bindings._session.within(fails)
        run(bindings)

    failing = False
    monkeypatch.setattr(Bindings, "run", at_times)
    assert tiny_generation_model.predict(PROMPTS[0])[0].error is None
    failing = True
    assert "no memory" in str(tiny_generation_model.predict(PROMPTS[0])[0].error)
    failing = False
    assert tiny_generation_model.predict(PROMPTS[0])[0].error is None


def test_a_fault_of_the_engine_itself_is_no_prompts_error(
    tiny_generation_model: GenerationModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(State, "read", lambda *_: {}["missing"])
    with pytest.raises(KeyError):
        tiny_generation_model.predict(PROMPTS[0])
