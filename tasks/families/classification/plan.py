"""The plan of text classification: its steps, in order, and what each is given."""

from collections.abc import Mapping
from typing import Final

from tasks.artifact import Artifact
from tasks.families.classification.account import account_of
from tasks.families.classification.files import FINE_TUNED, PRUNED
from tasks.families.classification.recipe import FineTuneConfig, TextClassificationRecipe
from tasks.families.classification.records import (
    CutRows,
    ExportResult,
    FineTuneResult,
    LatencyTable,
    LexicalResult,
    PruneResult,
    SeedChoice,
)
from tasks.families.family import BundleReading, Family, FamilyRun, MadePaths, Results
from tasks.families.proposal import Propose
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.data import DataConfig
from tasks.records import ChampionComparison, CompressionResult, EvaluationResult, RouterResult, SnapshotResult
from tasks.records.sections import Account
from tasks.step import Keyed, Step, StepCall, Steps, labelled

_HERE: Final = "tasks.families.classification"

CHECK_ROWS: Final = Step("check-rows", f"{_HERE}.check_rows:check_rows", CutRows)
FINE_TUNE: Final = Step("fine-tune", f"{_HERE}.fine_tune:fine_tune", FineTuneResult)
CHOOSE_SEED: Final = Step("choose-seed", f"{_HERE}.choose_seed:choose_seed", SeedChoice)
LATENCY_TABLE: Final = Step("latency-table", f"{_HERE}.pruning.latency:measure_layers", LatencyTable, measures=True)
PRUNE: Final = Step("prune", f"{_HERE}.prune:prune", PruneResult)
EXPORT: Final = Step("export", f"{_HERE}.export:export_graphs", ExportResult)
QUANTIZE: Final = Step("quantize", f"{_HERE}.quantize:select_compression", CompressionResult, measures=True)
LEXICAL: Final = Step("lexical-path", f"{_HERE}.lexical:train_lexical", LexicalResult)
CALIBRATE: Final = Step("calibrate-router", f"{_HERE}.calibrate:calibrate_router", RouterResult, measures=True)
EVALUATE: Final = Step("evaluate", f"{_HERE}.evaluate:evaluate", EvaluationResult)
COMPARE: Final = Step("compare-champion", f"{_HERE}.compare:compare_with_champion", ChampionComparison)


def labels(recipe: TextClassificationRecipe) -> list[str]:
    """What the plan's steps are called for a recipe, in order."""
    found = [CHECK_ROWS.name, *_fine_tune_labels(recipe)]
    found += [CHOOSE_SEED.name] if recipe.fine_tune.seeds else []
    found += [LATENCY_TABLE.name, PRUNE.name] if recipe.prune.enabled else []
    found += [labelled(EXPORT, FINE_TUNED)]
    found += [labelled(EXPORT, PRUNED)] if recipe.prune.enabled else []
    found += [QUANTIZE.name]
    found += [LEXICAL.name] if recipe.lexical.enabled else []
    return [*found, CALIBRATE.name]


def make_paths(run: FamilyRun[TextClassificationRecipe], steps: Steps) -> MadePaths:
    """From the rows to the compressed encoder and the lexical path."""
    recipe, trained_on = run.recipe, run.trained_on
    checked = {"snapshot": run.judged_by, "base": run.base, "max_length": recipe.fine_tune.max_length}
    steps.run(CHECK_ROWS, checked)
    fine_tuned, seeds = _fine_tune(run, steps)
    pruned = _prune(run, fine_tuned, steps)
    exports = _export(trained_on, {FINE_TUNED: fine_tuned} | ({PRUNED: pruned} if pruned else {}), steps)
    compression = steps.run(
        QUANTIZE,
        {
            "snapshot": trained_on,
            "exports": exports,
            "config": recipe.quantize,
            "prune_budget": recipe.prune.max_accuracy_loss,
            "confidence": recipe.router.confidence,
            "target": run.target,
        },
    )
    lexical = None
    if recipe.lexical.enabled:
        inputs = {"snapshot": trained_on, "fine_tuned": fine_tuned, "config": recipe.lexical, "seed": recipe.seed}
        lexical = steps.run(LEXICAL, inputs)
    export = exports[FINE_TUNED]
    calibration = {
        "snapshot": run.judged_by,
        "compression": compression,
        "export": export,
        "lexical": lexical,
        "name": recipe.name,
        "recipe": BundledRecipe.of(recipe.router, recipe.data, recipe.gates.size_mb),
        "target": run.target,
    }
    optional = {"export": export, "seeds": seeds, "prune": pruned, "lexical": lexical}
    parts = {name: part for name, part in optional.items() if part is not None}
    return MadePaths(fine_tuned, compression, StepCall(CALIBRATE, calibration), parts)


def bundles() -> BundleReading:
    """How finished bundles are read again."""
    from engine.digests import file_digest
    from tasks.families.classification.opened_bundle import OpenedClassifier

    data = DataConfig(train=("fresh rows",))
    return BundleReading(data, "quantize/*/out/reference.onnx", file_digest, OpenedClassifier.open)


def account(results: Results) -> Account:
    """How card and report word a run's results."""
    parts = results.parts
    optional = {name: parts.get(name) for name in ("prune", "lexical", "seeds")}
    return account_of(results.snapshot, results.fine_tuned, **optional)


def proposing() -> Propose:
    """What a first recipe proposes."""
    from tasks.families.classification.first_recipe import propose

    return propose


FAMILY: Final = Family(
    task="text-classification",
    recipe=TextClassificationRecipe,
    labels=labels,
    make_paths=make_paths,
    evaluate=EVALUATE,
    compare=COMPARE,
    bundles=bundles,
    account=account,
    propose=proposing,
)


def _fine_tune(
    run: FamilyRun[TextClassificationRecipe], steps: Steps
) -> tuple[Artifact[FineTuneResult], Artifact[SeedChoice] | None]:
    """The fine-tuned model and, where the recipe names several seeds, how it was chosen."""
    recipe = run.recipe
    seeds = recipe.fine_tune.seeds or (recipe.seed,)
    common = {"snapshot": run.trained_on, "base": run.base, "config": _for_one_seed(recipe)}
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
    run: FamilyRun[TextClassificationRecipe], fine_tuned: Artifact[FineTuneResult], steps: Steps
) -> Artifact[PruneResult] | None:
    recipe = run.recipe
    if not recipe.prune.enabled:
        return None
    model = {"snapshot": run.trained_on, "fine_tuned": fine_tuned}
    table = steps.run(
        LATENCY_TABLE, model | {"quantized": bool(recipe.quantize.techniques), "target": run.target}
    ).result
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
    steps: Steps,
) -> dict[str, Artifact[ExportResult]]:
    calls = [
        StepCall(EXPORT, {"snapshot": snapshot, "model": model}, label=labelled(EXPORT, name))
        for name, model in models.items()
    ]
    return dict(zip(models, steps.run_all(calls), strict=True))
