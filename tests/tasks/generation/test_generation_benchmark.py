"""The benchmark of generators: what it promises, and that every contender of it answers the tiny models' prompts."""

from dataclasses import replace
from pathlib import Path

import pytest

from flows.make_bundle import MadeBundle
from tasks.artifact import Artifact
from tasks.data.rows import read_rows
from tasks.families.generation.recipe import TextGenerationRecipe
from tasks.families.generation.recipe_sections import GenerationConfig
from tests.benchmarks.generation import ANY_OBJECT, certified_losses, contenders_of, measure, missed_promises
from tests.benchmarks.generation_table import Measured, print_table
from tests.tiny_generation_run import MAX_NEW_TOKENS, TinyGenerationRun

GOOD = Measured(
    name="ours 1%",
    mean_ms=1.0,
    p50_ms=0.8,
    p99_ms=3.0,
    tokens_per_second=1000.0,
    exact_match=0.95,
    agreement=0.97,
    over_transformers=(8.0, 7.5, 8.5),
    over_genai=(2.0, 1.9, 2.1),
    p99_over_genai=1.15,
    certified_loss=0.01,
    price=None,
)


@pytest.mark.parametrize(
    ("changed", "exact_match", "missed"),
    [
        ({}, 0.95, None),
        ({"over_transformers": (7.99, 7.0, 9.0)}, 0.95, "7.99x over transformers fp32; at least 8x"),
        ({"over_genai": (1.99, 1.0, 3.0)}, 0.95, "1.99x over genai int4; at least 2x"),
        ({"p99_over_genai": 1.2}, 0.95, "1.20x that of genai int4; at most 1.15x"),
        ({"p99_over_genai": float("nan")}, 0.95, "nanx that of genai int4"),
        ({}, 0.9499, "94.99% of all gate rows right; 95% are promised"),
    ],
)
def test_a_promise_that_is_missed_is_told(changed: dict[str, object], exact_match: float, missed: str | None) -> None:
    other = replace(GOOD, name="ours 2%", over_genai=(0.1, 0.1, 0.1))

    told = missed_promises([other, replace(GOOD, **changed)], "ours 1%", exact_match)

    assert len(told) == (missed is not None)
    assert missed is None or missed in told[0]


@pytest.mark.slow
def test_all_contenders_answer_the_same_prompts(
    tiny_generation_run: TinyGenerationRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tiny_generation_run
    made = MadeBundle(
        trained_on=run.snapshot,
        snapshot=run.snapshot,
        fine_tuned=Artifact("fine-tune", run.models["full"].folder, "", run.models["full"].result),
        compression=run.compression,
        router=run.router,
    )
    recipe = TextGenerationRecipe.model_construct(generation=GenerationConfig(max_new_tokens=MAX_NEW_TOKENS))
    rows = read_rows(run.snapshot, "gate")
    losses = {f"ours {name}": loss for name, loss in certified_losses(made).items()}

    contenders = contenders_of(made, recipe, ANY_OBJECT, tmp_path)
    measured = measure(contenders, rows, "exact", 2, 4, losses)

    by_name = {row.name: row for row in measured}
    assert list(by_name) == [*contenders]
    assert {"transformers fp32", "optimum int4", "genai int4", "genai fp32", "ours 4%", "guided 4%"} <= by_name.keys()
    assert by_name["transformers fp32"].exact_match == by_name["genai fp32"].exact_match == pytest.approx(1, abs=0.2)
    assert by_name["genai fp32"].agreement == 1
    assert by_name["genai int4"].p99_over_genai == pytest.approx(1)
    assert {row.name: row.certified_loss for row in measured if row.certified_loss} == losses
    assert losses["ours 4%"] == 0.04
    print_table(measured)
    assert "4.00%" in capsys.readouterr().out
