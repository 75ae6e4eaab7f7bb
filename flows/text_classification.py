"""The steps of the task family text-classification, in order, and what each is given.

First `make_bundle`; then, when it is known what the bundle is to be compared with, `gather_evidence`. This is all that
another family would write of its own; running, caching, tracking, verdict and registry are shared.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from engine.digests import file_digest, folder_digest
from flows.certify_attempts import Attempt, CertifyAttempts
from flows.feasibility import feasibility, require_certifiable
from flows.home import Home
from flows.preparation import PreparedRun, built_for
from flows.step_key import Keyed, Step
from flows.step_runner import StepRunner
from registry.baseline import Baseline
from registry.evidence import Evidence
from tasks.artifact import Artifact
from tasks.data.rows import split_file
from tasks.recipe import Target, TextClassificationRecipe
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
    SnapshotResult,
    UnreadableChampion,
)

SNAPSHOT: Final = Step("snapshot", "tasks.data.snapshot:take_snapshot", SnapshotResult)
FINE_TUNE: Final = Step("fine-tune", "tasks.fine_tune:fine_tune", FineTuneResult)
PRUNE: Final = Step("prune", "tasks.prune:prune", PruneResult, measures=True)
EXPORT: Final = Step("export", "tasks.export:export_graphs", ExportResult)
QUANTIZE: Final = Step("quantize", "tasks.quantize:select_compression", CompressionResult, measures=True)
LEXICAL: Final = Step("lexical-path", "tasks.lexical:train_lexical", LexicalResult)
CALIBRATE: Final = Step("calibrate-router", "tasks.calibrate:calibrate_router", RouterResult, measures=True)
EVALUATE: Final = Step("evaluate", "tasks.evaluate:evaluate", EvaluationResult)
COMPARE: Final = Step("compare-champion", "tasks.compare:compare_with_champion", ChampionComparison)
BENCHMARK: Final = Step("benchmark", "tasks.benchmark.step:run_benchmark", BenchmarkResult, measures=True)
# Measured elsewhere: this machine is no part of its key, and the one that the target declares is.
BENCHMARK_IN_POOL: Final = Step("benchmark", "flows.remote_benchmark:benchmark_in_pool", BenchmarkResult)

# The names under which the exported models reach the quantize step.
_FINE_TUNED: Final = "fine-tuned"
_PRUNED: Final = "pruned"


@dataclass(frozen=True)
class BundleArtifacts:
    """What the steps up to the bundle made; None where the recipe leaves a step out."""

    snapshot: Artifact[SnapshotResult]
    fine_tuned: Artifact[FineTuneResult]
    pruned: Artifact[PruneResult] | None
    export: Artifact[ExportResult]
    compression: Artifact[CompressionResult]
    lexical: Artifact[LexicalResult] | None
    router: Artifact[RouterResult]

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


def step_labels(recipe: TextClassificationRecipe, targets: Sequence[Target], *, compared: bool = False) -> list[str]:
    """What the steps of this recipe are called, in order; `compared`: there is a champion to compare with."""
    labels = [SNAPSHOT.name, FINE_TUNE.name]
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
    benchmarks = tuple(_benchmark(recipe, each, made, champion, steps) for each in prepared.targets)
    parts = {field.name: getattr(made, field.name) for field in fields(made)}
    return TextClassificationArtifacts(
        **parts,
        evaluation=evaluation,
        champion=comparison,
        unreadable_champion=baseline.unreadable if baseline else None,
        benchmarks=benchmarks,
    )


def make_bundle(prepared: PreparedRun, steps: StepRunner, home: Home) -> BundleArtifacts:
    """From the data to the certified bundle.

    Raises UserError before any training where no certificate can come of the data.
    """
    recipe, target = prepared.recipe, built_for(prepared.targets)
    snapshot = _snapshot(prepared, steps)
    require_certifiable(recipe, snapshot.result, prepared)
    steps.note(feasibility(recipe, snapshot.result))
    fine_tuned = steps.run(
        FINE_TUNE,
        {"snapshot": snapshot, "base": prepared.base, "config": recipe.fine_tune, "seed": recipe.seed},
        files=("trainer_log.json",),
    )
    pruned = _prune(recipe, target, snapshot, fine_tuned, steps)
    exports = {_FINE_TUNED: _export(_FINE_TUNED, snapshot, fine_tuned, steps)}
    if pruned is not None:
        exports[_PRUNED] = _export(_PRUNED, snapshot, pruned, steps)
    compression = steps.run(
        QUANTIZE,
        {
            "snapshot": snapshot,
            "exports": exports,
            "config": recipe.quantize,
            "prune_budget": recipe.prune.max_accuracy_loss,
            "confidence": recipe.router.confidence,
            "target": target,
        },
    )
    lexical = None
    if recipe.lexical.enabled:
        inputs = {"snapshot": snapshot, "fine_tuned": fine_tuned, "config": recipe.lexical, "seed": recipe.seed}
        lexical = steps.run(LEXICAL, inputs)
    router = _calibrate(prepared, snapshot, compression, exports[_FINE_TUNED], lexical, steps, home)
    return BundleArtifacts(snapshot, fine_tuned, pruned, exports[_FINE_TUNED], compression, lexical, router)


def _snapshot(prepared: PreparedRun, steps: StepRunner) -> Artifact[SnapshotResult]:
    sources = [
        {"role": source.role, "location": source.location, "sha256": source.sha256, "format": source.format}
        for source in prepared.sources
    ]
    inputs = {
        "config": prepared.recipe.data,
        "sources": Keyed(prepared.sources, sources),
        "seed": prepared.recipe.seed,
    }
    return steps.run(SNAPSHOT, inputs, files=("quarantine.jsonl", "contradicting.jsonl", "leaking.jsonl"))


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
        "fine_tune_config": recipe.fine_tune,
        "quantized": bool(recipe.quantize.techniques),
        "seed": recipe.seed,
        "target": target,
    }
    return steps.run(PRUNE, inputs)


def _export(
    which: str,
    snapshot: Artifact[SnapshotResult],
    model: Artifact[FineTuneResult] | Artifact[PruneResult],
    steps: StepRunner,
) -> Artifact[ExportResult]:
    return steps.run(EXPORT, {"snapshot": snapshot, "model": model}, label=_of(EXPORT, which))


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
    steps: StepRunner,
) -> Artifact[BenchmarkResult]:
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
    return steps.run(step, inputs, label=_of(BENCHMARK, target.name), files=("loadgen",))


def _of(step: Step[Any], what: str) -> str:
    return f"{step.name} {what}"
