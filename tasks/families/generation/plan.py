"""The plan of text generation: its steps, in order, and what each is given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tasks.artifact import Artifact
from tasks.base_models.base_model import BaseModelFiles
from tasks.families.family import BundleReading, Family, FamilyRun, MadePaths, Results
from tasks.families.generation.account import account_of
from tasks.families.generation.recipe import TextGenerationRecipe
from tasks.families.generation.records import (
    DecoderExport,
    GenerationFineTuneResult,
    RowLengths,
    StudentChoice,
    StudentResult,
)
from tasks.families.generation.roles import FULL, SMALL
from tasks.families.generation.rows.row_lengths import require_room
from tasks.families.proposal import Propose
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.data import PromptDataConfig
from tasks.records import ChampionComparison, CompressionResult, EvaluationResult, RouterResult, SnapshotResult
from tasks.records.sections import Account
from tasks.step import Step, StepCall, Steps, labelled

_HERE: Final = "tasks.families.generation"

CHECK_ROWS: Final = Step("check-rows", f"{_HERE}.check_rows:check_rows", RowLengths)
FINE_TUNE: Final = Step("fine-tune", f"{_HERE}.fine_tune:fine_tune", GenerationFineTuneResult)
DISTIL: Final = Step("distil", f"{_HERE}.distil:distil", StudentResult)
PRUNE: Final = Step("prune", f"{_HERE}.prune:prune", StudentResult)
EXPORT: Final = Step("export", f"{_HERE}.export:export_decoder", DecoderExport)
CHOOSE_STUDENT: Final = Step("choose-student", f"{_HERE}.choose_student:choose_student", StudentChoice, measures=True)
QUANTIZE: Final = Step("quantize", f"{_HERE}.quantize:select_decoder", CompressionResult, measures=True)
CALIBRATE: Final = Step("calibrate-router", f"{_HERE}.calibrate:calibrate_generation", RouterResult, measures=True)
EVALUATE: Final = Step("evaluate", f"{_HERE}.evaluate:evaluate_generation", EvaluationResult)
COMPARE: Final = Step("compare-champion", f"{_HERE}.compare:compare_generation_with_champion", ChampionComparison)

# What the students are called, by the method that made them.
_DISTILLED: Final = "distilled"
_PRUNED: Final = "pruned"


def labels(recipe: TextGenerationRecipe) -> list[str]:
    """What the plan's steps are called for a recipe, in order."""
    students = _methods(recipe)
    found = [CHECK_ROWS.name, FINE_TUNE.name, *(step.name for step in students.values())]
    found += [labelled(EXPORT, name) for name in (FULL, *students)]
    found += [CHOOSE_STUDENT.name] if students else []
    return [*found, QUANTIZE.name, CALIBRATE.name]


def make_paths(run: FamilyRun[TextGenerationRecipe], steps: Steps) -> MadePaths:
    """From the rows to the full decoder and the small one that earned its place."""
    recipe, trained_on = run.recipe, run.trained_on
    start = run.base or recipe.init
    lengths = steps.run(CHECK_ROWS, {"snapshot": run.judged_by, "start": start})
    for sentence in require_room(lengths.result, recipe, file=run.recipe_file):
        steps.remark(sentence)
    fine_tuned = steps.run(
        FINE_TUNE,
        {"snapshot": trained_on, "start": start, "config": recipe.fine_tune, "seed": recipe.seed},
        files=("trainer_log.json",),
    )
    students = _students(recipe, trained_on, fine_tuned, steps)
    made: dict[str, Artifact[Any]] = {FULL: fine_tuned, **students}
    calls = [
        StepCall(EXPORT, {"snapshot": trained_on, "model": model}, label=labelled(EXPORT, name))
        for name, model in made.items()
    ]
    exports = dict(zip(made, steps.run_all(calls), strict=True))
    answers = {"correct": recipe.data.correct, "max_new_tokens": recipe.generation.max_new_tokens}
    tried = {"snapshot": trained_on, "confidence": recipe.router.confidence, "target": run.target, **answers}
    choice: Artifact[StudentChoice] | None = None
    if students:
        own = {name: exports[name] for name in students}
        given = {"fine_tuned": fine_tuned, "full": exports[FULL], "students": students, "exports": own}
        choice = steps.run(CHOOSE_STUDENT, tried | given)
    small = choice.result.chosen if choice else None
    names = {FULL: FULL} | ({SMALL: small} if small else {})
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
        "snapshot": run.judged_by,
        "models": models,
        "compression": compression,
        "name": recipe.name,
        "recipe": BundledRecipe.of(recipe.router, recipe.data, recipe.gates.size_mb),
        "target": run.target,
        **answers,
        **run.extras,
    }
    parts = {"student": students[small]} if small else {}
    return MadePaths(fine_tuned, compression, StepCall(CALIBRATE, calibration), parts)


def judged_with(recipe: TextGenerationRecipe) -> Mapping[str, object]:
    """When a completion is right."""
    return {"correct": recipe.data.correct}


def special_tokens(base: BaseModelFiles | None) -> tuple[str, ...]:
    """Those of the tokenizer that prompts and completions are written in."""
    if base is None:
        from tasks.families.generation.rows.train_tokenizer import SPECIAL

        return SPECIAL
    from tasks.families.generation.rows.special_tokens import special_tokens_of

    return special_tokens_of(base.folder)


def extras(recipe: TextGenerationRecipe, recipe_folder: Path) -> Mapping[str, object]:
    """The schema that valid answers keep to, where the recipe names one. Raises UserError for one that cannot be used."""
    if recipe.generation.schema_file is None:
        return {"schema": None}
    from tasks.families.generation.rows.answer_schema import read_answer_schema

    return {"schema": read_answer_schema(recipe.generation.schema_file, recipe_folder=recipe_folder)}


def bundles() -> BundleReading:
    """How finished bundles are read again."""
    from tasks.families.generation.opened_bundle import OpenedGenerator
    from tasks.families.generation.routing.bundling import decoder_digest

    data = PromptDataConfig(train=("fresh rows",))
    return BundleReading(data, "quantize/*/out/reference", decoder_digest, OpenedGenerator.open)


def account(results: Results) -> Account:
    """How card and report word a run's results."""
    return account_of(results.fine_tuned, results.compression, results.parts.get("student"))


def proposing() -> Propose:
    """What a first recipe proposes."""
    from tasks.families.generation.first_recipe import propose

    return propose


FAMILY: Final = Family(
    task="text-generation",
    recipe=TextGenerationRecipe,
    labels=labels,
    make_paths=make_paths,
    evaluate=EVALUATE,
    compare=COMPARE,
    bundles=bundles,
    account=account,
    propose=proposing,
    judged_with=judged_with,
    special_tokens=special_tokens,
    extras=extras,
)


def _students(
    recipe: TextGenerationRecipe,
    snapshot: Artifact[SnapshotResult],
    fine_tuned: Artifact[GenerationFineTuneResult],
    steps: Steps,
) -> dict[str, Artifact[StudentResult]]:
    """The smaller models, by method."""
    common = {"snapshot": snapshot, "fine_tuned": fine_tuned, "seed": recipe.seed}
    configs = {_DISTILLED: recipe.distil, _PRUNED: recipe.prune}
    return {name: steps.run(step, common | {"config": configs[name]}) for name, step in _methods(recipe).items()}


def _methods(recipe: TextGenerationRecipe) -> dict[str, Step[StudentResult]]:
    """How the recipe makes smaller models of the full one."""
    methods = {_DISTILLED: DISTIL} if recipe.distil.enabled else {}
    return methods | ({_PRUNED: PRUNE} if recipe.prune.enabled else {})
