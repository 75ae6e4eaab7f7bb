"""The contender that keeps to a JSON schema is the same bundle, and stands beside the others in one comparison."""

import json
from pathlib import Path

import pytest

from engine.classification.model import ClassificationModel
from engine.errors import InputError
from engine.generation.model import GenerationModel
from tasks.benchmark import bench_bundle
from tasks.benchmark.guided import GUIDED, guided
from tasks.data.rows import Row
from tasks.errors import UserError
from tasks.recipe import Target
from tasks.recipe.schema import BenchmarkConfig
from tasks.records import BenchmarkResult
from tests.benchmarks.generation import ANY_OBJECT, GENAI, TRANSFORMERS, measure, own_contenders
from tests.benchmarks.generation_table import print_table
from tests.tiny_decoder import PROMPTS, TEXTS

ORDER = json.dumps(
    {"type": "object", "properties": {"n": {"enum": [1, 25]}}, "required": ["n"], "additionalProperties": False}
)


def test_its_answers_keep_to_the_schema_and_are_the_bundles_own(tiny_generation_model: GenerationModel) -> None:
    answers = guided(tiny_generation_model, ORDER).predict(list(PROMPTS))
    finished = [json.loads(answer.text)["n"] in (1, 25) for answer in answers if answer.finished]
    assert len(finished) > len(PROMPTS) / 4  # the others wrote blanks until they were cut
    assert all(finished)
    own = tiny_generation_model.predict(PROMPTS, schema=ORDER)
    assert [(answer.text, answer.path) for answer in answers] == [(answer.text, answer.path) for answer in own]


def test_a_schema_that_asks_for_any_object_is_kept_to(tiny_generation_model: GenerationModel) -> None:
    for answer in guided(tiny_generation_model, ANY_OBJECT).predict(list(PROMPTS[:4])):
        assert answer.text.lstrip().startswith("{")
        assert not answer.finished or isinstance(json.loads(answer.text), dict)


def test_a_classifier_and_a_bad_schema_are_refused(tiny_generation_model: GenerationModel) -> None:
    with pytest.raises(UserError, match="classifier makes no text"):
        guided(object.__new__(ClassificationModel), ORDER)
    with pytest.raises(InputError, match="schema: "):
        guided(tiny_generation_model, "[]")


def test_bench_refuses_a_schema_for_a_classifier_before_it_measures(
    tiny_generation_bundle: Path, tmp_path: Path
) -> None:
    manifest = json.loads((tiny_generation_bundle / "manifest.json").read_text(encoding="utf-8"))
    classifier = tmp_path / "classifier"
    classifier.mkdir()
    (classifier / "manifest.json").write_text(json.dumps(manifest | {"task": "text-classification"}), encoding="utf-8")
    with pytest.raises(UserError, match="classifier, which makes no text"):
        bench(classifier, tmp_path)
    assert not (tmp_path / "work").exists()


def test_the_benchmark_against_others_has_it_at_the_default_point_and_prices_it(
    tiny_generation_model: GenerationModel, capsys: pytest.CaptureFixture[str]
) -> None:
    contenders = own_contenders(tiny_generation_model, ORDER)
    assert list(contenders) == ["ours half", "ours abort", "ours draft", "ours full", "guided half"]
    text, tokens = contenders["guided half"](PROMPTS[0])
    assert json.loads(text)["n"] in (1, 25)
    assert tokens > 0
    assert contenders["ours half"](PROMPTS[0])[0] == tiny_generation_model.predict(PROMPTS[0])[0].text

    plain = contenders["ours full"]
    asked = {TRANSFORMERS: plain, GENAI: plain, "ours half": contenders["ours half"]}
    rows = [Row(text.split(" {")[0], "{" + text.split(" {", 1)[1]) for text in TEXTS[:6]]
    measured = measure({**asked, "guided half": contenders["guided half"]}, rows, "exact", 3, 2)
    assert [entry.price is not None for entry in measured] == [False, False, False, True]
    value, low, high = measured[-1].price
    assert 0 < low <= value <= high
    print_table(measured)
    assert "times the time without a schema" in capsys.readouterr().out


def bench(bundle: Path, folder: Path) -> BenchmarkResult:
    return bench_bundle(
        bundle,
        PROMPTS[:8],
        against=None,
        config=BenchmarkConfig(queries=8, interleaved_repeats=3, retries=0),
        target=Target(name="here"),
        workspace_folder=folder / "work",
        schema=ORDER,
    )


@pytest.mark.slow
def test_bench_measures_it_interleaved_with_the_bundle(tiny_generation_bundle: Path, tmp_path: Path) -> None:
    result = bench(tiny_generation_bundle, tmp_path)
    assert [contender.name for contender in result.contenders] == ["adaptive", GUIDED]
    assert result.contenders[1].speedup.value > 0
