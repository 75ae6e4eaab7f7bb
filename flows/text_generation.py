"""The task family text-generation: its steps, in order, and what each is given."""

from typing import Any, Final, cast

from flows.family import (
    JudgedBundle,
    MadeBundle,
    benchmark_labels,
    calibrate,
    judged,
    labelled,
    snapshot_labels,
    snapshots,
)
from flows.feasibility import feasibility, require_certifiable
from flows.home import Home
from flows.preparation import PreparedRun, built_for
from flows.steps.key import Step
from flows.steps.runner import StepCall, StepRunner
from registry.baseline import Baseline
from tasks.artifact import Artifact
from tasks.generation.records import DecoderExport, GenerationFineTuneResult, StudentResult
from tasks.recipe import TextGenerationRecipe
from tasks.records import (
    ChampionComparison,
    CompressionResult,
    EvaluationResult,
    RouterResult,
    SnapshotResult,
)

FINE_TUNE: Final = Step("fine-tune", "tasks.generation.fine_tune:fine_tune", GenerationFineTuneResult)
DISTIL: Final = Step("distil", "tasks.generation.distil:distil", StudentResult)
PRUNE: Final = Step("prune", "tasks.generation.prune:prune", StudentResult)
EXPORT: Final = Step("export", "tasks.generation.export:export_decoder", DecoderExport)
QUANTIZE: Final = Step("quantize", "tasks.generation.quantize:select_decoder", CompressionResult, measures=True)
CALIBRATE: Final = Step(
    "calibrate-router", "tasks.generation.calibrate:calibrate_generation", RouterResult, measures=True
)
EVALUATE: Final = Step("evaluate", "tasks.generation.evaluate:evaluate_generation", EvaluationResult)
COMPARE: Final = Step(
    "compare-champion", "tasks.generation.compare:compare_generation_with_champion", ChampionComparison
)

# The names under which the models reach the quantize step.
_FULL: Final = "full"
_SMALL: Final = "small"


def step_labels(prepared: PreparedRun, *, compared: bool = False) -> list[str]:
    """What the steps of this recipe are called, in order; `compared`: there is a champion to compare with."""
    recipe = _recipe(prepared)
    labels = [*snapshot_labels(prepared), FINE_TUNE.name]
    labels += [DISTIL.name] if recipe.distil.enabled else []
    labels += [PRUNE.name] if recipe.prune.enabled else []
    labels += [labelled(EXPORT, _FULL)]
    labels += [labelled(EXPORT, _SMALL)] if recipe.distil.enabled or recipe.prune.enabled else []
    labels += [QUANTIZE.name, CALIBRATE.name, EVALUATE.name]
    labels += [COMPARE.name] if compared else []
    return [*labels, *benchmark_labels(prepared.targets)]


def make_bundle(prepared: PreparedRun, steps: StepRunner, home: Home) -> MadeBundle:
    """From the data to the certified bundle.

    Raises UserError before any training where no certificate can come of the data.
    """
    recipe, target = _recipe(prepared), built_for(prepared.targets)
    trained_on, judged_by = snapshots(prepared, steps)
    require_certifiable(recipe, judged_by.result, prepared)
    steps.note(feasibility(recipe, judged_by.result))
    start = prepared.base or recipe.init
    fine_tuned = steps.run(
        FINE_TUNE,
        {"snapshot": trained_on, "start": start, "config": recipe.fine_tune, "seed": recipe.seed},
        files=("trainer_log.json",),
    )
    small = _small(recipe, trained_on, fine_tuned, steps)
    models: dict[str, Artifact[Any]] = {_FULL: fine_tuned} | ({_SMALL: small} if small else {})
    calls = [
        StepCall(EXPORT, {"snapshot": trained_on, "model": model}, label=labelled(EXPORT, name))
        for name, model in models.items()
    ]
    exports = dict(zip(models, steps.run_all(calls), strict=True))
    answers = {
        "correct": recipe.data.correct,
        "max_new_tokens": recipe.generation.max_new_tokens,
        "schema": prepared.answer_schema,
    }
    compression = steps.run(
        QUANTIZE,
        {
            "snapshot": trained_on,
            "models": models,
            "exports": exports,
            "config": recipe.quantize,
            "confidence": recipe.router.confidence,
            "target": target,
            **answers,
        },
    )
    calibration = {
        "snapshot": judged_by,
        "models": models,
        "compression": compression,
        "name": recipe.name,
        "config": recipe.router,
        "target": target,
        "size_limit_mb": recipe.gates.size_mb,
        **answers,
    }
    router = calibrate(CALIBRATE, calibration, prepared, judged_by, steps, home)
    parts = {"student": small} if small else {}
    return MadeBundle(trained_on, judged_by, fine_tuned, compression, router, parts)


def gather_evidence(
    prepared: PreparedRun, made: MadeBundle, baseline: Baseline | None, steps: StepRunner
) -> JudgedBundle:
    """From the bundle to the evidence; `baseline` is what the bundle is compared with."""
    recipe = _recipe(prepared)
    evaluation = steps.run(
        EVALUATE,
        {
            "snapshot": made.snapshot,
            "router": made.router,
            "compression": made.compression,
            "correct": recipe.data.correct,
            "epsilon": recipe.router.max_accuracy_loss,
            "confidence": recipe.router.confidence,
            "target": built_for(prepared.targets),
        },
    )
    given = {"correct": recipe.data.correct}
    return judged(prepared, made, baseline, steps, evaluation=evaluation, compare=COMPARE, compare_with=given)


def _small(
    recipe: TextGenerationRecipe,
    snapshot: Artifact[SnapshotResult],
    fine_tuned: Artifact[GenerationFineTuneResult],
    steps: StepRunner,
) -> Artifact[StudentResult] | None:
    """The smaller model of the ladder; of two, the one with more right answers on tune, else the smaller one."""
    common = {"snapshot": snapshot, "fine_tuned": fine_tuned, "seed": recipe.seed}
    made = []
    if recipe.distil.enabled:
        made.append(steps.run(DISTIL, common | {"config": recipe.distil}))
    if recipe.prune.enabled:
        made.append(steps.run(PRUNE, common | {"config": recipe.prune}))
    if not made:
        return None
    best = max(made, key=lambda each: (each.result.tune.exact_match, -each.result.shape.parameters))
    if len(made) > 1:
        found = ", ".join(f"{each.step} {each.result.tune.exact_match:.1%}" for each in made)
        steps.note(f"small model: {best.step} goes on ({found} right on tune)")
    return best


def _recipe(prepared: PreparedRun) -> TextGenerationRecipe:
    return cast(TextGenerationRecipe, prepared.recipe)
