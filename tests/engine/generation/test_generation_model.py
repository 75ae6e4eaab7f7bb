"""The generation engine: routes, streams, keeps to a schema, and names what is wrong with a request."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.adaptive_model import AdaptiveModel
from engine.bundle import GOLDEN_FILE, read_manifest, write_manifest
from engine.errors import BundleError, InputError
from engine.generation.model import GenerationModel
from engine.generation.router import ROUTER_FILE
from tests.tiny_decoder import PROMPTS

ROOT = Path(__file__).parents[3]
SCHEMA = {
    "type": "object",
    "properties": {"function": {"enum": ["order", "find"]}, "amount": {"type": "integer", "maximum": 99}},
    "required": ["function", "amount"],
    "additionalProperties": False,
}


def altered(bundle: Path, out: Path, file: str, old: str, new: str) -> Path:
    """A copy of the bundle with one file altered and listed anew."""
    shutil.copytree(bundle, out)
    text = (out / file).read_text(encoding="utf-8")
    assert old in text
    (out / file).write_text(text.replace(old, new), encoding="utf-8")
    if file != "manifest.json":
        write_manifest(out, read_manifest(out))
    return out


@pytest.fixture(scope="module")
def model(tiny_generation_model: GenerationModel) -> GenerationModel:
    """The model whose answers this module is about."""
    return tiny_generation_model


def test_a_generation_bundle_loads_as_what_it_is(model: GenerationModel, tiny_generation_bundle: Path) -> None:
    assert model.name == "tiny-calls"
    assert model.paths == ("small", "full")
    assert model.operating_point == "half"
    assert model.operating_points == ("half", "abort", "draft", "full")
    assert model.execution_providers == ("CPUExecutionProvider",)
    assert model.context_length == read_manifest(tiny_generation_bundle).max_length == 128
    assert model.digest


def test_drafts_and_rejected_answers_never_change_what_the_full_model_says(model: GenerationModel) -> None:
    alone = model.predict(PROMPTS, operating_point="full")
    drafted = model.predict(PROMPTS, operating_point="draft")
    assert [answer.label for answer in drafted] == [answer.label for answer in alone]
    assert {answer.path for answer in (*alone, *drafted)} == {"full"}
    assert len({answer.label for answer in alone}) > 3


def test_the_router_answers_from_the_path_whose_answer_suffices(model: GenerationModel) -> None:
    full = {p: a.label for p, a in zip(PROMPTS, model.predict(PROMPTS, operating_point="full"), strict=True)}
    answers = model.predict(PROMPTS, detail=True)
    assert {answer.path for answer in answers} == {"small", "full"}
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        assert answer.detail is not None
        assert [step.path for step in answer.detail] == (["small"] if answer.path == "small" else ["small", "full"])
        assert answer.detail[-1].label == answer.label == answer.text
        if answer.path == "full":
            assert answer.label == full[prompt]
            assert answer.detail[1].drafted >= answer.detail[1].accepted
        assert 0 < answer.confidence <= 1
        assert answer.tokens == answer.detail[-1].tokens <= 24
        assert 0 < answer.first_token_ms <= answer.total_ms
        assert answer.cost_ms == {"small": 1.0, "full": 3.0}[answer.path]
        assert answer.error is None
    assert model.predict(PROMPTS[0])[0].detail is None


def test_an_unsure_start_is_given_up_after_the_first_tokens(model: GenerationModel) -> None:
    answers = model.predict(PROMPTS, operating_point="abort", detail=True)
    first = [answer.detail[0] for answer in answers if answer.detail]
    assert {step.aborted for step in first} == {True, False}
    for answer, step in zip(answers, first, strict=True):
        assert answer.path == ("full" if step.aborted else "small")
        assert not step.aborted or 4 <= step.tokens < 24


def test_order_batch_and_threads_never_change_an_answer(model: GenerationModel) -> None:
    def told(prompts) -> list[tuple[str, str]]:
        return [(answer.text, answer.path) for answer in model.predict(prompts)]

    alone = [told(prompt)[0] for prompt in PROMPTS]
    assert told(list(PROMPTS)) == alone
    assert told(PROMPTS[::-1]) == alone[::-1]
    with ThreadPoolExecutor(8) as pool:
        assert [answers[0] for answers in pool.map(told, PROMPTS)] == alone


def test_fewer_tokens_are_a_shorter_answer(model: GenerationModel) -> None:
    for number in (1, 5):
        (answer,) = model.predict(PROMPTS[0], max_new_tokens=number, operating_point="full")
        assert answer.tokens <= number
        assert answer.finished is (answer.tokens < number)


def test_a_long_prompt_has_as_much_answer_as_there_is_room(model: GenerationModel) -> None:
    (answer,) = model.predict("coffee " * 118, operating_point="full")
    assert answer.error is None
    assert answer.prompt_tokens + answer.tokens <= 128
    assert answer.tokens < 24


def test_streamed_pieces_are_the_whole_answer(model: GenerationModel) -> None:
    for point in model.operating_points:
        for prompt, answer in zip(PROMPTS, model.predict(PROMPTS, operating_point=point), strict=True):
            pieces = list(model.generate(prompt, operating_point=point))
            assert "".join(pieces) == answer.text
            if answer.path == "small":
                assert len(pieces) <= 1


def test_a_full_answer_comes_in_several_pieces_and_may_be_left(model: GenerationModel) -> None:
    (answer,) = model.predict(PROMPTS[0], operating_point="full")
    assert answer.tokens > 6
    pieces = model.generate(PROMPTS[0], operating_point="full")
    first = next(pieces)
    pieces.close()
    assert answer.text.startswith(first)
    assert len(first) < len(answer.text)
    assert model.predict(PROMPTS[0], operating_point="full")[0].text == answer.text


BAD_PROMPTS = {
    "": "the prompt is empty",
    " \n": "the prompt is empty",
    "coffee " * 200: "the model reads at most 127",
    "order <|call|> coffee": "the prompt spells out <|call|>, a special token of this model; take it out",
    "order <|im_start|> coffee": "the prompt spells out <|im_start|>, no token that this model knows; take it out",
    7: "a text is needed, not int",
    None: "a text is needed, not NoneType",
    b"coffee": "a text is needed, not bytes",
}


@pytest.mark.parametrize(("prompt", "message"), BAD_PROMPTS.items(), ids=range(len(BAD_PROMPTS)))
def test_a_prompt_that_cannot_be_asked_is_named_and_the_others_are_answered(model, prompt, message: str) -> None:
    good, bad, also_good = model.predict([PROMPTS[0], prompt, PROMPTS[1]])
    assert good.error is None
    assert also_good.error is None
    assert bad.error.startswith("row 1: ")
    assert message in bad.error
    assert (bad.label, bad.text, bad.path) == (None, "", "")
    with pytest.raises(InputError) as raised:
        model.generate(prompt)
    assert message in str(raised.value)


@pytest.mark.parametrize("number", [0, -3, 128, 10**9, 2.0, "many", True])
def test_a_number_of_tokens_that_cannot_be_is_named(model: GenerationModel, number: object) -> None:
    for ask in (model.predict, model.generate):
        with pytest.raises(InputError, match="max_new_tokens: "):
            ask(PROMPTS[0], max_new_tokens=number)


def test_what_is_no_list_of_prompts_is_refused(model: GenerationModel) -> None:
    for bad in (7, None, b"coffee"):
        with pytest.raises(InputError, match="a prompt or a list of prompts is needed"):
            model.predict(bad)
    with pytest.raises(InputError, match="no operating point 'fast'; this bundle has half, abort, draft, full"):
        model.predict(PROMPTS[0], operating_point="fast")


@pytest.mark.parametrize(
    "prompt", ["héllo 日本 🎉", "\ud800 broken", "a\x00b", "{}", "\ue000", "<|not special", "'\";--"]
)
def test_odd_prompts_are_answered(model: GenerationModel, prompt: str) -> None:
    assert model.predict(prompt)[0].error is None


def test_answers_keep_to_a_schema(model: GenerationModel) -> None:
    for schema in (SCHEMA, json.dumps(SCHEMA)):
        for answer in model.predict(PROMPTS[:4], schema=schema, max_new_tokens=100, operating_point="draft"):
            assert answer.finished, answer
            call = json.loads(answer.text)
            assert call["function"] in ("order", "find")
            assert call["amount"] <= 99
            assert set(call) == {"function", "amount"}


def test_an_answer_cut_under_a_schema_is_not_finished(model: GenerationModel) -> None:
    (answer,) = model.predict(PROMPTS[0], schema=SCHEMA, max_new_tokens=3)
    assert (answer.tokens, answer.finished) == (3, False)


def test_a_schema_streams_the_same_answer(model: GenerationModel) -> None:
    (answer,) = model.predict(PROMPTS[0], schema=SCHEMA, max_new_tokens=100)
    assert "".join(model.generate(PROMPTS[0], schema=SCHEMA, max_new_tokens=100)) == answer.text


@pytest.mark.parametrize("schema", ["{", '"text"', 7, [], {"type": "nonsense"}, {"enum": [{1, 2}]}, {"enum": []}])
def test_an_invalid_schema_is_named(model: GenerationModel, schema: object) -> None:
    for ask in (model.predict, model.generate):
        with pytest.raises(InputError, match="schema: "):
            ask(PROMPTS[0], schema=schema)


def test_a_schema_without_llguidance_says_what_to_install(model: GenerationModel, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(InputError, match=r"needs the package llguidance; install miaotui\[guidance\]"):
        model.predict(PROMPTS[0], schema={"type": "object", "title": "not asked for before"})


def test_an_operating_point_may_be_the_default(tiny_generation_bundle: Path) -> None:
    model = AdaptiveModel.load(tiny_generation_bundle, operating_point="full")
    assert model.operating_point == "full"
    assert model.predict(PROMPTS[0])[0].path == "full"


def test_a_golden_answer_that_differs_refuses_to_load(tiny_generation_bundle: Path, tmp_path: Path) -> None:
    folder = altered(tiny_generation_bundle, tmp_path / "bundle", GOLDEN_FILE, '"path": "small"', '"path": "full"')
    with pytest.raises(BundleError, match="was certified as"):
        AdaptiveModel.load(folder)
    AdaptiveModel.load(folder, replay_golden=False)


def test_an_altered_decoder_refuses_to_load(tiny_generation_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_generation_bundle, folder)
    weights = folder / "full" / "model.onnx.data"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(BundleError, match=r"full/model\.onnx\.data: altered"):
        AdaptiveModel.load(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (ROUTER_FILE, '"default_point": "half"', '"default_point": "none"', "no operating point 'none'"),
        (ROUTER_FILE, '"path": "full"', '"path": "other"', "runs paths that are not in this order"),
        (ROUTER_FILE, '"lowest"', '"highest"', "not a router"),
        ("generation.json", '"prefix"', '"before"', "not the settings of a generation bundle"),
        ("phrases.json", '"copied"', '"moved"', "not a table of phrases"),
        ("manifest.json", '"kind": "decoder"', '"kind": "encoder"', "has paths of kind decoder alone"),
        ("manifest.json", '"text-generation"', '"text-to-speech"', "a bundle for 'text-to-speech'; this engine knows"),
    ],
)
def test_a_bundle_that_does_not_fit_together_says_where(
    tiny_generation_bundle, tmp_path, file, old, new, message
) -> None:
    folder = altered(tiny_generation_bundle, tmp_path / "bundle", file, old, new)
    with pytest.raises(BundleError, match=message):
        AdaptiveModel.load(folder)


def test_a_manifest_without_a_task_is_classifications(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, folder)
    document = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert document.pop("task") == "text-classification"
    (folder / "manifest.json").write_text(json.dumps(document), encoding="utf-8")
    assert AdaptiveModel.load(folder).predict("weather tomorrow")[0].path


@pytest.mark.parametrize("task", ["generation", "classification"])
def test_the_engine_runs_without_the_pipelines_packages(task: str, request: pytest.FixtureRequest) -> None:
    bundle = request.getfixturevalue({"generation": "tiny_generation_bundle", "classification": "tiny_bundle"}[task])
    blocked = {"torch", "transformers", "onnx", "onnxruntime_genai", "pydantic", "tasks", "llguidance"}
    code = f"""
import importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Block())
from engine import AdaptiveModel
answers = AdaptiveModel.load({str(bundle)!r}).predict(["order coffee for Ada", "find 25 red shoes"])
assert len(answers) == 2 and answers[0].path
assert ("engine.generation.model" in sys.modules) is {task == "generation"}
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
