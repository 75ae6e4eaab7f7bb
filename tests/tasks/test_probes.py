"""Every bundle meets the probes: what a person may send and no data file has is answered, or refused by an error of its own."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine import AdaptiveModel
from engine.classification.ladder import EncoderPath
from engine.classification.model import ClassificationModel
from engine.errors import InputError
from tasks.artifact import Artifact, Workspace
from tasks.errors import UserError
from tasks.probes import step as probe_step
from tasks.probes.run import BATCH, model_probes, probe_model
from tasks.probes.texts import LONGEST, MOST_TOKENS, probes_for, text_of_tokens
from tasks.recipe.target import Target
from tests.handmade_bundle import MAX_LENGTH, write_handmade_bundle

HERE = Target(name="here")


def workspace_in(folder: Path, **given: object) -> Workspace:
    folder.mkdir()
    (folder / "out").mkdir()
    (folder / "scratch").mkdir()
    return Workspace(folder / "out", folder / "scratch", **given)  # type: ignore[arg-type]


def problems(model: AdaptiveModel, golden: tuple[str, ...] = ("red", "green")) -> dict[str, str]:
    return {each.name: each.problem for each in probe_model(model, golden) if each.problem is not None}


@pytest.mark.parametrize("batches", [True, False], ids=["in groups", "one by one"])
def test_a_bundle_without_a_fault_meets_them_all(tmp_path: Path, batches: bool) -> None:
    model = AdaptiveModel.load(write_handmade_bundle(tmp_path / "bundle", batches=batches, added=("iban",)))
    outcomes = {each.name: each for each in probe_model(model, ("red", "green"))}
    assert not problems(model)
    assert outcomes[LONGEST].error is None
    assert outcomes[BATCH].error is None
    assert "'iban'" in str(outcomes["the added token 'iban'"].error)


def test_the_longest_probe_is_as_long_as_an_input_may_be(tmp_path: Path) -> None:
    model = AdaptiveModel.load(write_handmade_bundle(tmp_path / "bundle"))
    longest = next(probe for probe in model_probes(model) if probe.name == LONGEST)
    assert model.count_tokens(longest.text) == longest.tokens == MAX_LENGTH
    assert model.count_tokens(longest.text.rpartition(" ")[0]) == MAX_LENGTH - 1


def test_a_longest_input_that_is_not_answered_is_a_problem(tmp_path: Path) -> None:
    model = AdaptiveModel.load(write_handmade_bundle(tmp_path / "bundle", positions=MAX_LENGTH - 1))
    assert "must be answered" in problems(model)[LONGEST]


def test_a_golden_row_that_is_not_answered_is_a_problem(tmp_path: Path) -> None:
    model = AdaptiveModel.load(write_handmade_bundle(tmp_path / "bundle"))
    assert "must be answered" in problems(model, ("red", "broken"))["a golden row"]


def test_what_escapes_predict_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = EncoderPath.run

    def escaping(path: EncoderPath, request):  # type: ignore[no-untyped-def]
        if len(request.ids) == MAX_LENGTH:
            raise IndexError("beyond")
        return run(path, request)

    monkeypatch.setattr(EncoderPath, "run", escaping)
    found = problems(AdaptiveModel.load(write_handmade_bundle(tmp_path / "bundle", batches=False)))
    assert found[LONGEST] == "ends the request (IndexError: beyond)"
    assert found[BATCH] == "ends the request (IndexError: beyond)"


def test_a_batch_that_changes_an_answer_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = AdaptiveModel.load(write_handmade_bundle(tmp_path / "bundle"))
    predict = ClassificationModel.predict

    def touching(model: ClassificationModel, texts):  # type: ignore[no-untyped-def]
        first, *others = predict(model, texts)
        return [replace(first, confidence=first.confidence / 2) if others else first, *others]

    monkeypatch.setattr(ClassificationModel, "predict", touching)
    assert problems(model) == {BATCH: f"changes the answer to {LONGEST}"}


def test_a_generator_meets_them(tiny_generation_bundle: Path) -> None:
    model = AdaptiveModel.load(tiny_generation_bundle)
    outcomes = {each.name: each for each in probe_model(model, ("order 1 coffee for Ada",))}
    assert not [each for each in outcomes.values() if each.problem]
    assert outcomes[LONGEST].error is None
    assert "at most" in str(outcomes["an input longer than any admissible one"].error)
    assert "empty" in str(outcomes["an empty text"].error)
    longest = next(probe for probe in model_probes(model) if probe.name == LONGEST)
    assert longest.tokens == model.input_limit


def test_the_step_asks_in_a_process_of_its_own(tmp_path: Path) -> None:
    write_handmade_bundle(tmp_path / "router" / "bundle", added=("iban",))
    said: list[str] = []
    router = Artifact("calibrate-router", tmp_path / "router", "0" * 64, None)  # type: ignore[type-var]
    result = probe_step.probe(router, target=HERE, workspace=workspace_in(tmp_path / "work", remark=said.append))
    assert not result.problems
    assert (result.longest, result.admissible, result.golden_rows) == (MAX_LENGTH, MAX_LENGTH, 0)
    assert result.outcomes[-1].name == BATCH
    assert "iban" in said[0]
    assert probe_step.probe(router, target=HERE, workspace=workspace_in(tmp_path / "again")) == result


@pytest.mark.parametrize(("then", "said"), [("time.sleep(60)", "silent"), ("os.kill(os.getpid(), 9)", "SIGKILL")])
def test_a_probe_that_hangs_or_ends_the_process_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str, said: str
) -> None:
    child = tmp_path / "child.py"
    child.write_text(
        "import os, sys, time\nfrom tasks.probes import child, run\n"
        "asked = run._asked\n"
        "def spoilt(model, texts):\n"
        f"    if len(texts) == 1 and len(texts[0]) == 10_000:\n        {then}\n"
        "    return asked(model, texts)\n"
        "run._asked = spoilt\nchild.main(sys.argv[1:])\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(probe_step, "_CHILD", child)
    bundle = write_handmade_bundle(tmp_path / "bundle")
    result = probe_step.probe_bundle(bundle, HERE, workspace_in(tmp_path / "work"), limit_s=4.0)
    (problem,) = result.problems
    assert problem.name == "one word of ten thousand letters"
    assert said in str(problem.problem)


def test_a_bundle_that_does_not_load_is_one_line(tmp_path: Path) -> None:
    bundle = write_handmade_bundle(tmp_path / "bundle")
    (bundle / "first.onnx").write_bytes(b"")
    with pytest.raises(UserError, match="altered"):
        probe_step.probe_bundle(bundle, HERE, workspace_in(tmp_path / "work"))


@pytest.mark.parametrize("wanted", [1, 2, 3, 17, 64])
@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_texts_of_so_many_tokens(wanted: int, at_once: int) -> None:
    """Whatever a unit comes to: exact for one token each, else the most that fit."""

    def count(text: str) -> int:
        return at_once * len(text.split())

    text = text_of_tokens(count, wanted)
    assert (text is None) == (at_once > wanted)
    assert text is None or count(text) == wanted // at_once * at_once


def test_a_tokenizer_that_reads_none_of_the_units_has_no_longest_text() -> None:
    def count(_text: str) -> int:
        raise InputError("unknown")

    assert text_of_tokens(count, 10) is None


def test_very_long_inputs_and_very_many_added_tokens_are_sampled() -> None:
    probes = probes_for(lambda text: len(text.split()), 10**6, [f"<{number}>" for number in range(10_000)])
    assert max(probe.tokens for probe in probes) == MOST_TOKENS
    assert len(probes) < 2000
