"""The steps of the task family text-classification, in order, and what each is given.

First `make_bundle`; then, when it is known what the bundle is to be compared with, `gather_evidence`. This is all that
another family would write of its own; running, caching, tracking, verdict and registry are shared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from engine.digests import file_digest, folder_digest
from flows.certify_attempts import Attempt, CertifyAttempts
from flows.feasibility import feasibility, require_certifiable
from flows.home import Home
from flows.preparation import PreparedRun, built_for
from flows.steps.key import Keyed, Step
from flows.steps.runner import StepCall, StepRunner
from registry.baseline import Baseline
from registry.evidence import Evidence
from tasks.artifact import Artifact
from tasks.data.rows import split_file
from tasks.data.sources import Source
from tasks.recipe import Target, TextClassificationRecipe
from tasks.recipe.schema import FineTuneConfig
from tasks.records import (
    BenchmarkResult,
    ChampionComparison,
    CompressionResult,
    EvaluationResult,
    ExportResult,
    FineTuneResult,
    LexicalResult,
    PruneResult,
    RouterResult,
    SeedChoice,
    SnapshotResult,
    UnreadableChampion,
)

SNAPSHOT: Final = Step("snapshot", "tasks.data.snapshot:take_snapshot", SnapshotResult)
EXTEND: Final = Step("extend-snapshot", "tasks.data.snapshot:extend_snapshot", SnapshotResult)
FINE_TUNE: Final = Step("fine-tune", "tasks.fine_tune:fine_tune", FineTuneResult)
CHOOSE_SEED: Final = Step("choose-seed", "tasks.choose_seed:choose_seed", SeedChoice)
PRUNE: Final = Step("prune", "tasks.prune:prune", PruneResult, measures=True)
EXPORT: Final = Step("export", "tasks.export:export_graphs", ExportResult)
QUANTIZE: Final = Step("quantize", "tasks.quantize:select_compression", CompressionResult, measures=True)
LEXICAL: Final = Step("lexical-path", "tasks.lexical:train_lexical", LexicalResult)
CALIBRATE: Final = Step("calibrate-router", "tasks.calibrate:calibrate_router", RouterResult, measures=True)
EVALUATE: Final = Step("evaluate", "tasks.evaluate:evaluate", EvaluationResult)
COMPARE: Final = Step("compare-champion", "tasks.compare:compare_with_champion", ChampionComparison)
BENCHMARK: Final = Step("benchmark", "tasks.benchmark.step:run_benchmark", BenchmarkResult, measures=True)
# Measured elsewhere: this machine is no part of its key, and the one that the target declares is.
BENCHMARK_IN_POOL: Final = Step("benchmark", "flows.pools.remote_benchmark:benchmark_in_pool", BenchmarkResult)

# The names under which the exported models reach the quantize step.
_FINE_TUNED: Final = "fine-tuned"
_PRUNED: Final = "pruned"
_LEFT_OUT: Final = ("quarantine.jsonl", "contradicting.jsonl", "leaking.jsonl")


@dataclass(frozen=True)
class BundleArtifacts:
    """What the steps up to the bundle made; None where the recipe leaves a step out.

    `snapshot` is what the router is calibrated and judged by; `trained_on` has the same rows, without those that landed
    since and only called for recalibration.
    """

    trained_on: Artifact[SnapshotResult]
    snapshot: Artifact[SnapshotResult]
    fine_tuned: Artifact[FineTuneResult]
    pruned: Artifact[PruneResult] | None
    export: Artifact[ExportResult]
    compression: Artifact[CompressionResult]
    lexical: Artifact[LexicalResult] | None
    router: Artifact[RouterResult]
    seeds: Artifact[SeedChoice] | None

    @property
    def bundle(self) -> Path:
        """The bundle that was measured and would be registered."""
        return self.router.folder / "bundle"


@dataclass(frozen=True)
class TextClassificationArtifacts(BundleArtifacts):
    """All that the steps made. `benchmarks` are in the order of the targets.

    `champion`: the comparison with the version that serves now, None where there is none or it is unreadable.
    """

    evaluation: Artifact[EvaluationResult]
    champion: Artifact[ChampionComparison] | None
    unreadable_champion: UnreadableChampion | None
    benchmarks: tuple[Artifact[BenchmarkResult], ...]

    def evidence(self) -> Evidence:
        """All that the verdict rests on, with the digest of the bundle as it lies there now."""
        return Evidence(
            bundle_digest=folder_digest(self.bundle),
            snapshot=self.snapshot.result,
            fine_tuned=self.fine_tuned.result,
            compression=self.compression.result,
            router=self.router.result,
            evaluation=self.evaluation.result,
            benchmarks=tuple(benchmark.result for benchmark in self.benchmarks),
            champion=self.champion.result if self.champion else None,
            unreadable_champion=self.unreadable_champion,
        )


def step_labels(prepared: PreparedRun, *, compared: bool = False) -> list[str]:
    """What the steps of this recipe are called, in order; `compared`: there is a champion to compare with."""
    recipe, targets = prepared.recipe, prepared.targets
    labels = [SNAPSHOT.name, *([EXTEND.name] if prepared.judged else []), *_fine_tune_labels(recipe)]
    labels += [CHOOSE_SEED.name] if recipe.fine_tune.seeds else []
    labels += [PRUNE.name] if recipe.prune.enabled else []
    labels += [_of(EXPORT, _FINE_TUNED)]
    labels += [_of(EXPORT, _PRUNED)] if recipe.prune.enabled else []
    labels += [QUANTIZE.name]
    labels += [LEXICAL.name] if recipe.lexical.enabled else []
    labels += [CALIBRATE.name, EVALUATE.name]
    labels += [COMPARE.name] if compared else []
    return [*labels, *benchmark_labels(targets)]


def benchmark_labels(targets: Sequence[Target]) -> list[str]:
    """What the benchmarks are called, in the order of the targets."""
    return [_of(BENCHMARK, target.name) for target in targets]


def gather_evidence(
    prepared: PreparedRun, made: BundleArtifacts, baseline: Baseline | None, steps: StepRunner
) -> TextClassificationArtifacts:
    """From the bundle to the evidence; `baseline` is what the bundle is compared with."""
    recipe = prepared.recipe
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
    champion = None
    if baseline is not None and baseline.bundle is not None:
        champion = Keyed(baseline.bundle, baseline.version.bundle_digest)
    comparison = _compare(prepared, made, baseline, champion, steps) if baseline and champion else None
    benchmarks = steps.run_all([_benchmark(recipe, each, made, champion) for each in prepared.targets])
    parts = {field.name: getattr(made, field.name) for field in fields(made)}
    return TextClassificationArtifacts(
        **parts,
        evaluation=evaluation,
        champion=comparison,
        unreadable_champion=baseline.unreadable if baseline else None,
        benchmarks=tuple(benchmarks),
    )


def make_bundle(prepared: PreparedRun, steps: StepRunner, home: Home) -> BundleArtifacts:
    """From the data to the certified bundle.

    Raises UserError before any training where no certificate can come of the data.
    """
    recipe, target = prepared.recipe, built_for(prepared.targets)
    trained_on, judged_by = snapshots(prepared, steps)
    require_certifiable(recipe, judged_by.result, prepared)
    steps.note(feasibility(recipe, judged_by.result))
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
    router = _calibrate(prepared, judged_by, compression, export, lexical, steps, home)
    return BundleArtifacts(trained_on, judged_by, fine_tuned, pruned, export, compression, lexical, router, seeds)


def snapshots(prepared: PreparedRun, steps: StepRunner) -> tuple[Artifact[SnapshotResult], Artifact[SnapshotResult]]:
    """What the model is trained on, and what its router is calibrated and judged by: often the same."""
    inputs = {
        "config": prepared.recipe.data,
        "sources": keyed_sources(prepared.sources),
        "seed": prepared.recipe.seed,
    }
    trained_on = steps.run(SNAPSHOT, inputs, files=_LEFT_OUT)
    if not prepared.judged:
        return trained_on, trained_on
    more = {"snapshot": trained_on, "sources": keyed_sources(prepared.judged)}
    return trained_on, steps.run(EXTEND, inputs | more, files=_LEFT_OUT)


def keyed_sources(sources: Sequence[Source]) -> Keyed:
    """Sources as the input of a step: what they are called and what they hold, not where they lie."""
    key = [
        {"role": source.role, "location": source.location, "sha256": source.sha256, "format": source.format}
        for source in sources
    ]
    return Keyed(tuple(sources), key)


def _fine_tune(
    prepared: PreparedRun, snapshot: Artifact[SnapshotResult], steps: StepRunner
) -> tuple[Artifact[FineTuneResult], Artifact[SeedChoice] | None]:
    """The fine-tuned model and, where the recipe names several seeds, how it was chosen."""
    recipe = prepared.recipe
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
    return [FINE_TUNE.name] if seeds is None else [_of(FINE_TUNE, f"seed {seed}") for seed in seeds]


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
    inputs = {
        "snapshot": snapshot,
        "fine_tuned": fine_tuned,
        "config": recipe.prune,
        "fine_tune_config": _for_one_seed(recipe),
        "quantized": bool(recipe.quantize.techniques),
        "seed": recipe.seed,
        "target": target,
    }
    return steps.run(PRUNE, inputs)


def _export(
    snapshot: Artifact[SnapshotResult],
    models: Mapping[str, Artifact[FineTuneResult] | Artifact[PruneResult]],
    steps: StepRunner,
) -> dict[str, Artifact[ExportResult]]:
    calls = [
        StepCall(EXPORT, {"snapshot": snapshot, "model": model}, label=_of(EXPORT, name))
        for name, model in models.items()
    ]
    return dict(zip(models, steps.run_all(calls), strict=True))


def _calibrate(
    prepared: PreparedRun,
    snapshot: Artifact[SnapshotResult],
    compression: Artifact[CompressionResult],
    export: Artifact[ExportResult],
    lexical: Artifact[LexicalResult] | None,
    steps: StepRunner,
    home: Home,
) -> Artifact[RouterResult]:
    recipe = prepared.recipe
    attempts = CertifyAttempts(home, file_digest(split_file(snapshot.folder, "certify")))
    inputs = {
        "snapshot": snapshot,
        "compression": compression,
        "export": export,
        "lexical": lexical,
        "name": recipe.name,
        "config": recipe.router,
        "target": built_for(prepared.targets),
        # Which attempt this is follows from the rest; in the key it would make an attempt a new one when run again.
        "attempt": Keyed(None, "counted"),
    }
    key = steps.key(CALIBRATE, inputs)
    router = steps.run(CALIBRATE, inputs | {"attempt": Keyed(attempts.number(key), "counted")})
    promised = [entry for entry in router.result.certificates if entry.epsilon == recipe.router.max_accuracy_loss]
    certified = any(entry.certified for entry in promised)
    attempts.record(Attempt(key=key, number=router.result.attempt, certified=certified))
    return router


def _compare(
    prepared: PreparedRun, made: BundleArtifacts, baseline: Baseline, champion: Keyed, steps: StepRunner
) -> Artifact[ChampionComparison]:
    inputs = {
        "snapshot": made.snapshot,
        "router": made.router,
        "champion": champion,
        "name": baseline.version.name,
        "version": baseline.version.version,
        "confidence": prepared.recipe.router.confidence,
        "target": built_for(prepared.targets),
    }
    return steps.run(COMPARE, inputs, files=("differences.jsonl",))


def _benchmark(
    recipe: TextClassificationRecipe,
    target: Target,
    made: BundleArtifacts,
    champion: Keyed | None,
) -> StepCall[BenchmarkResult]:
    inputs = {
        "snapshot": made.snapshot,
        "router": made.router,
        "compression": made.compression,
        "champion": champion,
        "config": recipe.benchmark,
        "server_qps": recipe.gates.throughput_qps,
        "target": target,
    }
    step = BENCHMARK_IN_POOL if target.remote else BENCHMARK
    label = _of(BENCHMARK, target.name)
    return StepCall(step, inputs, label=label, files=("loadgen",), elsewhere=target.remote)


def _of(step: Step[Any], what: str) -> str:
    return f"{step.name} {what}"
