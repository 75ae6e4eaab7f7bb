"""The task family text-classification: its steps, in order, and what each is given."""

from collections.abc import Mapping
from typing import Final, cast

from flows.certify_rows import certify_rows, counted_attempt
from flows.family import PROBE, JudgedBundle, MadeBundle, benchmark_labels, judged, snapshot_labels, snapshots
from flows.feasibility import feasibility, require_certifiable
from flows.home import Home
from flows.preparation import PreparedRun, built_for
from flows.steps.runner import StepRunner
from registry.baseline import Baseline
from tasks.artifact import Artifact
from tasks.recipe import Target, TextClassificationRecipe
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.schema import FineTuneConfig
from tasks.records import (
    ChampionComparison,
    CompressionResult,
    CutRows,
    EvaluationResult,
    ExportResult,
    FineTuneResult,
    LatencyTable,
    LexicalResult,
    PruneResult,
    RouterResult,
    SeedChoice,
    SnapshotResult,
)
from tasks.step import Keyed, Step, StepCall, labelled

CHECK_ROWS: Final = Step("check-rows", "tasks.families.classification.check_rows:check_rows", CutRows)
FINE_TUNE: Final = Step("fine-tune", "tasks.families.classification.fine_tune:fine_tune", FineTuneResult)
CHOOSE_SEED: Final = Step("choose-seed", "tasks.families.classification.choose_seed:choose_seed", SeedChoice)
LATENCY_TABLE: Final = Step(
    "latency-table", "tasks.families.classification.pruning.latency:measure_layers", LatencyTable, measures=True
)
PRUNE: Final = Step("prune", "tasks.families.classification.prune:prune", PruneResult)
EXPORT: Final = Step("export", "tasks.families.classification.export:export_graphs", ExportResult)
QUANTIZE: Final = Step(
    "quantize", "tasks.families.classification.quantize:select_compression", CompressionResult, measures=True
)
LEXICAL: Final = Step("lexical-path", "tasks.families.classification.lexical:train_lexical", LexicalResult)
CALIBRATE: Final = Step(
    "calibrate-router", "tasks.families.classification.calibrate:calibrate_router", RouterResult, measures=True
)
EVALUATE: Final = Step("evaluate", "tasks.families.classification.evaluate:evaluate", EvaluationResult)
COMPARE: Final = Step(
    "compare-champion", "tasks.families.classification.compare:compare_with_champion", ChampionComparison
)

# The names under which the exported models reach the quantize step.
_FINE_TUNED: Final = "fine-tuned"
_PRUNED: Final = "pruned"


def step_labels(prepared: PreparedRun, *, compared: bool = False) -> list[str]:
    """What the steps of this recipe are called, in order; `compared`: there is a champion to compare with."""
    recipe = _recipe(prepared)
    labels = [*snapshot_labels(prepared), CHECK_ROWS.name, *_fine_tune_labels(recipe)]
    labels += [CHOOSE_SEED.name] if recipe.fine_tune.seeds else []
    labels += [LATENCY_TABLE.name, PRUNE.name] if recipe.prune.enabled else []
    labels += [labelled(EXPORT, _FINE_TUNED)]
    labels += [labelled(EXPORT, _PRUNED)] if recipe.prune.enabled else []
    labels += [QUANTIZE.name]
    labels += [LEXICAL.name] if recipe.lexical.enabled else []
    labels += [CALIBRATE.name, EVALUATE.name, PROBE.name]
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
    checked = {"snapshot": certify.snapshot, "base": prepared.base, "max_length": recipe.fine_tune.max_length}
    steps.run(CHECK_ROWS, checked)
    fine_tuned, seeds = _fine_tune(prepared, trained_on, steps)
    pruned = _prune(recipe, target, trained_on, fine_tuned, steps)
    exports = _export(trained_on, {_FINE_TUNED: fine_tuned} | ({_PRUNED: pruned} if pruned else {}), steps)
    compression = steps.run(
        QUANTIZE,
        {
            "snapshot": trained_on,
            "exports": exports,
            "config": recipe.quantize,
            "prune_budget": recipe.prune.max_accuracy_loss,
            "confidence": recipe.router.confidence,
            "target": target,
        },
    )
    lexical = None
    if recipe.lexical.enabled:
        inputs = {"snapshot": trained_on, "fine_tuned": fine_tuned, "config": recipe.lexical, "seed": recipe.seed}
        lexical = steps.run(LEXICAL, inputs)
    export = exports[_FINE_TUNED]
    calibration = {
        "snapshot": certify.snapshot,
        "compression": compression,
        "export": export,
        "lexical": lexical,
        "name": recipe.name,
        "recipe": BundledRecipe.of(recipe.router, recipe.data, recipe.gates.size_mb),
        "target": target,
    }
    router = counted_attempt(CALIBRATE, calibration, certify, recipe, steps, home)
    optional = {"export": export, "seeds": seeds, "prune": pruned, "lexical": lexical}
    parts = {name: part for name, part in optional.items() if part is not None}
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
            "epsilon": recipe.router.max_accuracy_loss,
            "confidence": recipe.router.confidence,
            "target": built_for(prepared.targets),
        },
    )
    return judged(prepared, made, baseline, steps, evaluation=evaluation, compare=COMPARE)


def _recipe(prepared: PreparedRun) -> TextClassificationRecipe:
    return cast(TextClassificationRecipe, prepared.recipe)


def _fine_tune(
    prepared: PreparedRun, snapshot: Artifact[SnapshotResult], steps: StepRunner
) -> tuple[Artifact[FineTuneResult], Artifact[SeedChoice] | None]:
    """The fine-tuned model and, where the recipe names several seeds, how it was chosen."""
    recipe = _recipe(prepared)
    seeds = recipe.fine_tune.seeds or (recipe.seed,)
    common = {"snapshot": snapshot, "base": prepared.base, "config": _for_one_seed(recipe)}
    calls = [
        StepCall(FINE_TUNE, common | {"seed": seed}, label=label, files=("trainer_log.json",))
        for seed, label in zip(seeds, _fine_tune_labels(recipe), strict=True)
    ]
    tuned = steps.run_all(calls)
    if recipe.fine_tune.seeds is None:
        return tuned[0], None
    # Lists, because their order, which decides between equals, is part of the key.
    choice = steps.run(CHOOSE_SEED, {"seeds": list(seeds), "candidates": tuned})
    steps.note(f"fine-tune: seed {choice.result.seed} goes on, {choice.result.reason}")
    return tuned[seeds.index(choice.result.seed)], choice


def _fine_tune_labels(recipe: TextClassificationRecipe) -> list[str]:
    seeds = recipe.fine_tune.seeds
    return [FINE_TUNE.name] if seeds is None else [labelled(FINE_TUNE, f"seed {seed}") for seed in seeds]


def _for_one_seed(recipe: TextClassificationRecipe) -> FineTuneConfig:
    """The section without the search: another seed beside it makes no new model of this one."""
    return recipe.fine_tune.model_copy(update={"seeds": None})


def _prune(
    recipe: TextClassificationRecipe,
    target: Target,
    snapshot: Artifact[SnapshotResult],
    fine_tuned: Artifact[FineTuneResult],
    steps: StepRunner,
) -> Artifact[PruneResult] | None:
    if not recipe.prune.enabled:
        return None
    model = {"snapshot": snapshot, "fine_tuned": fine_tuned}
    table = steps.run(LATENCY_TABLE, model | {"quantized": bool(recipe.quantize.techniques), "target": target}).result
    inputs = {
        "config": recipe.prune,
        "fine_tune_config": _for_one_seed(recipe),
        # Measured again, the table has other times but the same shares as a rule: then nothing is trained again.
        "table": Keyed(table, table.shares),
        "seed": recipe.seed,
    }
    return steps.run(PRUNE, model | inputs)


def _export(
    snapshot: Artifact[SnapshotResult],
    models: Mapping[str, Artifact[FineTuneResult] | Artifact[PruneResult]],
    steps: StepRunner,
) -> dict[str, Artifact[ExportResult]]:
    calls = [
        StepCall(EXPORT, {"snapshot": snapshot, "model": model}, label=labelled(EXPORT, name))
        for name, model in models.items()
    ]
    return dict(zip(models, steps.run_all(calls), strict=True))
