"""The task family text-generation: its steps, in order, and what each is given."""

from typing import Any, Final, cast

from flows.certify_rows import certify_rows, counted_attempt
from flows.family import PROBE, JudgedBundle, MadeBundle, benchmark_labels, judged, snapshot_labels, snapshots
from flows.feasibility import feasibility, require_certifiable
from flows.home import Home
from flows.preparation import PreparedRun, built_for
from flows.steps.runner import StepRunner
from registry.baseline import Baseline
from tasks.artifact import Artifact
from tasks.families.generation.records import (
    DecoderExport,
    GenerationFineTuneResult,
    RowLengths,
    StudentChoice,
    StudentResult,
)
from tasks.families.generation.rows.row_lengths import require_room
from tasks.recipe import TextGenerationRecipe
from tasks.recipe.bundled import BundledRecipe
from tasks.records import (
    ChampionComparison,
    CompressionResult,
    EvaluationResult,
    RouterResult,
    SnapshotResult,
)
from tasks.step import Step, StepCall, labelled

CHECK_ROWS: Final = Step("check-rows", "tasks.families.generation.check_rows:check_rows", RowLengths)
FINE_TUNE: Final = Step("fine-tune", "tasks.families.generation.fine_tune:fine_tune", GenerationFineTuneResult)
DISTIL: Final = Step("distil", "tasks.families.generation.distil:distil", StudentResult)
PRUNE: Final = Step("prune", "tasks.families.generation.prune:prune", StudentResult)
EXPORT: Final = Step("export", "tasks.families.generation.export:export_decoder", DecoderExport)
CHOOSE_STUDENT: Final = Step(
    "choose-student", "tasks.families.generation.choose_student:choose_student", StudentChoice, measures=True
)
QUANTIZE: Final = Step(
    "quantize", "tasks.families.generation.quantize:select_decoder", CompressionResult, measures=True
)
CALIBRATE: Final = Step(
    "calibrate-router", "tasks.families.generation.calibrate:calibrate_generation", RouterResult, measures=True
)
EVALUATE: Final = Step("evaluate", "tasks.families.generation.evaluate:evaluate_generation", EvaluationResult)
COMPARE: Final = Step(
    "compare-champion", "tasks.families.generation.compare:compare_generation_with_champion", ChampionComparison
)

# The names under which the models reach the quantize step.
_FULL: Final = "full"
_SMALL: Final = "small"
# What the students are called, by the method that made them.
_DISTILLED: Final = "distilled"
_PRUNED: Final = "pruned"


def step_labels(prepared: PreparedRun, *, compared: bool = False) -> list[str]:
    """What the steps of this recipe are called, in order; `compared`: there is a champion to compare with."""
    recipe = _recipe(prepared)
    students = _methods(recipe)
    labels = [*snapshot_labels(prepared), CHECK_ROWS.name, FINE_TUNE.name, *(step.name for step in students.values())]
    labels += [labelled(EXPORT, name) for name in (_FULL, *students)]
    labels += [CHOOSE_STUDENT.name] if students else []
    labels += [QUANTIZE.name, CALIBRATE.name, EVALUATE.name, PROBE.name]
    labels += [COMPARE.name] if compared else []
    return [*labels, *benchmark_labels(prepared.targets)]


def make_bundle(prepared: PreparedRun, steps: StepRunner, home: Home) -> MadeBundle:
    """From the data to the certified bundle.

    Raises UserError before any training where no certificate can come of the data.
    """
    recipe, target = _recipe(prepared), built_for(prepared.targets)
    trained_on, judged_by = snapshots(prepared, steps)
    certify = certify_rows(prepared, trained_on, judged_by, steps, home)
    require_certifiable(recipe, certify, prepared)
    steps.note(feasibility(recipe, certify))
    start = prepared.base or recipe.init
    lengths = steps.run(CHECK_ROWS, {"snapshot": certify.snapshot, "start": start})
    for sentence in require_room(lengths.result, recipe, file=prepared.loaded.file):
        steps.remark(sentence)
    fine_tuned = steps.run(
        FINE_TUNE,
        {"snapshot": trained_on, "start": start, "config": recipe.fine_tune, "seed": recipe.seed},
        files=("trainer_log.json",),
    )
    students = _students(recipe, trained_on, fine_tuned, steps)
    made: dict[str, Artifact[Any]] = {_FULL: fine_tuned, **students}
    calls = [
        StepCall(EXPORT, {"snapshot": trained_on, "model": model}, label=labelled(EXPORT, name))
        for name, model in made.items()
    ]
    exports = dict(zip(made, steps.run_all(calls), strict=True))
    answers = {"correct": recipe.data.correct, "max_new_tokens": recipe.generation.max_new_tokens}
    tried = {"snapshot": trained_on, "confidence": recipe.router.confidence, "target": target, **answers}
    choice: Artifact[StudentChoice] | None = None
    if students:
        own = {name: exports[name] for name in students}
        given = {"fine_tuned": fine_tuned, "full": exports[_FULL], "students": students, "exports": own}
        choice = steps.run(CHOOSE_STUDENT, tried | given)
    small = choice.result.chosen if choice else None
    names = {_FULL: _FULL} | ({_SMALL: small} if small else {})
    models = {role: made[name] for role, name in names.items()}
    compression = steps.run(
        QUANTIZE,
        tried
        | {
            "models": models,
            "exports": {role: exports[name] for role, name in names.items()},
            "students": choice,
            "config": recipe.quantize,
        },
    )
    calibration = {
        "snapshot": certify.snapshot,
        "models": models,
        "compression": compression,
        "name": recipe.name,
        "recipe": BundledRecipe.of(recipe.router, recipe.data, recipe.gates.size_mb),
        "target": target,
        "schema": prepared.answer_schema,
        **answers,
    }
    router = counted_attempt(CALIBRATE, calibration, certify, recipe, steps, home)
    parts = {"student": students[small]} if small else {}
    return MadeBundle(trained_on, certify.snapshot, fine_tuned, compression, router, parts)


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


def _students(
    recipe: TextGenerationRecipe,
    snapshot: Artifact[SnapshotResult],
    fine_tuned: Artifact[GenerationFineTuneResult],
    steps: StepRunner,
) -> dict[str, Artifact[StudentResult]]:
    """The smaller models, by method."""
    common = {"snapshot": snapshot, "fine_tuned": fine_tuned, "seed": recipe.seed}
    configs = {_DISTILLED: recipe.distil, _PRUNED: recipe.prune}
    return {name: steps.run(step, common | {"config": configs[name]}) for name, step in _methods(recipe).items()}


def _methods(recipe: TextGenerationRecipe) -> dict[str, Step[StudentResult]]:
    """How the recipe makes smaller models of the full one."""
    methods = {_DISTILLED: DISTIL} if recipe.distil.enabled else {}
    return methods | ({_PRUNED: PRUNE} if recipe.prune.enabled else {})


def _recipe(prepared: PreparedRun) -> TextGenerationRecipe:
    return cast(TextGenerationRecipe, prepared.recipe)
