"""Smaller models earn their place by what they cost together with the full model, or are dropped with the reason."""

from pathlib import Path

import numpy as np
import pytest

from tasks.artifact import Artifact
from tasks.data.rows import Row
from tasks.families.generation.choose_student import choice_of, choose_student, expected_ms, judged, over_all_rows
from tasks.families.generation.decoders.building import DecoderBuild, build_decoders
from tasks.families.generation.decoders.greedy import GreedyDecoder
from tasks.families.generation.precision.kinds import FP32
from tasks.families.generation.prompt_format import PromptFormat
from tasks.families.generation.records import (
    CompletionScores,
    DecoderExport,
    GenerationFineTuneResult,
    StudentChoice,
    StudentResult,
)
from tasks.families.generation.roles import settings_of
from tasks.records import Technique
from tasks.techniques import Measured
from tasks.timing.speed import compare_speed
from tests.tasks.generation.conftest import snapshot_of, workspace_in
from tests.tiny_decoder import PREFIX, SUFFIX
from tests.tiny_generation_run import HERE, MAX_NEW_TOKENS, prompts, write_models

FULL = Measured("fp32", np.arange(1000) < 950, 80.0, 1.1)


def student(name: str, right: float, ms: float, spread: float = 0.0) -> Technique:
    """Where the full model takes 10 ms; `spread`: of its blocks, on a logarithmic scale, in turn down and up."""
    own = Measured(name, np.arange(1000) < 1000 * right, 40.0, 1.2)
    blocks = ms * np.exp(spread * np.resize([-1.0, 1.0], 64))
    speed = compare_speed({"wall": np.full(64, 10.0)}, {"wall": blocks}, disturbed=False)
    return judged(own, FULL, speed, agreement=0.9, parity=5.0, confidence=0.95)


def test_a_student_that_pays_is_kept_with_its_expected_cost() -> None:
    found = student("distilled", right=0.8, ms=5.0)
    assert found.kept
    assert expected_ms(found) == pytest.approx(5 + 0.2 * 10)
    assert found.reason == (
        "kept: 2.00x faster; 5 ms, and the full model's 10 ms for the 20.0% that it gets wrong, are 7 ms an answer"
    )


def test_what_it_may_lose_is_what_still_pays() -> None:
    found = student("distilled", right=0.8, ms=6.0)
    assert found.test.epsilon == pytest.approx(1 - 0.6 - 0.05)
    assert expected_ms(found.model_copy(update={"accuracy": 0.95 - found.test.epsilon})) == pytest.approx(10)
    dear = student("distilled", right=0.5, ms=6.0)
    assert not dear.kept
    assert "11 ms an answer" in dear.reason


def test_a_student_that_is_not_faster_is_dropped() -> None:
    found = student("pruned", right=0.95, ms=10.5)
    assert not found.kept
    assert "not measured faster than its parent (0.95x)" in found.reason
    assert choice_of([found]) == StudentChoice(chosen=None, techniques=(found,))


def test_of_two_that_pay_the_ladder_that_costs_less_is_chosen_not_the_one_that_is_more_often_right() -> None:
    right, fast = student("distilled", right=0.93, ms=8.0), student("pruned", right=0.85, ms=4.0)
    choice = choice_of([right, fast])
    assert choice.chosen == "pruned"
    assert [technique.kept for technique in choice.techniques] == [False, True]
    assert choice.techniques[0].reason.startswith("dropped: pruned costs no more; 8 ms")


def test_a_student_whose_time_is_open_stays_the_ladders_first_path_and_says_so() -> None:
    open_one = student("distilled", right=0.8, ms=5.0, spread=0.7)
    assert open_one.state == "undecided"
    assert open_one.reason.startswith("undecided: 2.51x (0.99 to 4.03) after 64 blocks; 6.28 ms")
    choice = choice_of([open_one])
    assert (choice.chosen, choice.techniques) == ("distilled", (open_one,))


def test_one_that_is_shown_to_pay_comes_before_one_that_may() -> None:
    sure, open_one = student("pruned", right=0.8, ms=7.0), student("distilled", right=0.9, ms=5.0, spread=0.7)
    choice = choice_of([open_one, sure])
    assert choice.chosen == "pruned"
    assert [technique.state for technique in choice.techniques] == ["dropped", "kept"]


def test_a_student_that_would_not_pay_even_at_the_best_of_what_time_leaves_open_is_dropped() -> None:
    assert student("distilled", right=0.1, ms=5.0, spread=0.7).state == "dropped"


def test_of_two_ladders_that_cost_as_much_the_first_is_chosen_whichever_was_timed_a_little_faster() -> None:
    for first_ms, second_ms in ((5.0, 5.05), (5.05, 5.0)):
        choice = choice_of([student("distilled", 0.8, first_ms), student("pruned", 0.8, second_ms)])
        assert choice.chosen == "distilled"


def test_rare_answers_that_run_on_count_as_often_as_they_are_not_as_they_are_timed() -> None:
    chance = np.random.default_rng(0)
    passes = np.where(np.arange(400) == 7, 96, chance.integers(3, 9, 400)).astype(float)
    numbers = np.arange(7, 400, 40)  # the one that runs on is among ten
    times = 0.2 + 0.05 * passes[numbers] * np.array([[1.0], [1.1]])
    expected = 0.2 + 0.05 * passes.mean() * np.array([1.0, 1.1])
    assert over_all_rows(times, passes, numbers) == pytest.approx(expected)
    alike = np.full(400, 5.0)
    assert over_all_rows(times, alike, numbers) == pytest.approx(times.mean(axis=1))


@pytest.mark.slow
def test_the_step_keeps_a_fast_student_that_answers_alike_and_drops_one_that_does_not(tmp_path: Path) -> None:
    """The full model has ten idle layers; one student is the same without them, the other one is another model."""
    from tests.tiny_decoder import write_tiny_llama

    folders = write_models(tmp_path) | {"other": write_tiny_llama(tmp_path / "other", layers=1, seed=9)}
    exported = {name: tmp_path / f"{name}-export" / "decoder" for name in folders}
    build_decoders([DecoderBuild(folders[name], FP32, exported[name]) for name in folders], scratch=tmp_path / "build")
    scores = CompletionScores(rows=60, exact_match=0.9, token_accuracy=0.99, perplexity=1.1)
    tuned = GenerationFineTuneResult.model_construct(
        prompt_format=PromptFormat(prefix=PREFIX, suffix=SUFFIX), tune=scores
    )
    fine_tuned = Artifact("fine-tune", folders["full"], "", tuned)
    full = GreedyDecoder.open(exported["full"], settings_of({"full": fine_tuned}, "exact", MAX_NEW_TOKENS), HERE)
    rows = [Row(prompt, full.text(full.answer(full.prompt(prompt)))) for prompt in prompts(60, 0)]
    made = Artifact("student", tmp_path, "", StudentResult.model_construct(tune=scores))
    export = DecoderExport(folder="decoder", precision=FP32, parity=(), size_mb=1.0)
    exports = {name: Artifact("export", folder.parent, "", export) for name, folder in exported.items()}
    choice = choose_student(
        snapshot_of(tmp_path / "snapshot", {"train": rows, "tune": rows}),
        fine_tuned,
        exports["full"],
        {"distilled": made, "pruned": made},
        {"distilled": exports["small"], "pruned": exports["other"]},
        confidence=0.95,
        correct="exact",
        max_new_tokens=MAX_NEW_TOKENS,
        target=HERE,
        workspace=workspace_in(tmp_path / "work"),
    )
    distilled, pruned = choice.techniques
    assert choice.chosen == "distilled"
    assert distilled.kept
    assert distilled.parent_accuracy == 1
    assert distilled.speedup.low > 1
    assert distilled.accuracy == pytest.approx(distilled.agreement)
    assert not pruned.kept
    assert pruned.accuracy < 0.5
    assert "not shown to lose less" in pruned.reason
