"""What the task families have in common: the steps around their own, what these make, and how a recipe finds its family.

A family is a module with `step_labels`, `make_bundle` and `gather_evidence`; running, caching, tracking, verdict and registry
are shared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol, cast

from engine.digests import folder_digest
from flows.home import Home
from flows.preparation import PreparedRun, built_for
from flows.steps.runner import StepRunner
from registry.baseline import Baseline
from registry.evidence import Evidence
from tasks.artifact import Artifact
from tasks.data.sources import Source
from tasks.families.generation.records import GenerationFineTuneResult
from tasks.recipe import Recipe, Target
from tasks.records import (
    BenchmarkResult,
    ChampionComparison,
    CompressionResult,
    EvaluationResult,
    FineTuneResult,
    ProbesResult,
    RouterResult,
    SnapshotResult,
    UnreadableChampion,
)
from tasks.step import Keyed, Step, StepCall, labelled

SNAPSHOT: Final = Step("snapshot", "tasks.data.snapshot:take_snapshot", SnapshotResult)
EXTEND: Final = Step("extend-snapshot", "tasks.data.snapshot:extend_snapshot", SnapshotResult)
BENCHMARK: Final = Step("benchmark", "tasks.benchmark.step:run_benchmark", BenchmarkResult, measures=True)
PROBE: Final = Step("probe", "tasks.probes.step:probe", ProbesResult)
# Measured elsewhere: this machine is no part of its key, and the one that the target declares is.
BENCHMARK_IN_POOL: Final = Step(
    "benchmark", "flows.pools.remote_benchmark:benchmark_in_pool", BenchmarkResult, measures_elsewhere=True
)

_LEFT_OUT: Final = ("quarantine.jsonl", "contradicting.jsonl", "leaking.jsonl")
_MODULES: Final = MappingProxyType(
    {"text-classification": "flows.text_classification", "text-generation": "flows.text_generation"}
)


@dataclass(frozen=True)
class MadeBundle:
    """What the steps up to the bundle made.

    `snapshot` is what the router is calibrated and judged by; `trained_on` has the same rows, without those that landed
    since and only called for recalibration, and with those that left certify. `parts`: further results of the family, by
    the name the report has for them.
    """

    trained_on: Artifact[SnapshotResult]
    snapshot: Artifact[SnapshotResult]
    fine_tuned: Artifact[FineTuneResult] | Artifact[GenerationFineTuneResult]
    compression: Artifact[CompressionResult]
    router: Artifact[RouterResult]
    parts: Mapping[str, Artifact[Any]] = field(default_factory=dict)

    @property
    def bundle(self) -> Path:
        """The bundle that was measured and would be registered."""
        return self.router.folder / "bundle"

    def part(self, name: str) -> Any:
        """The result of a step that the recipe may leave out."""
        artifact = self.parts.get(name)
        return None if artifact is None else artifact.result


@dataclass(frozen=True)
class JudgedBundle:
    """The bundle and what was found about it. `benchmarks` are in the order of the targets.

    `champion`: the comparison with the version that serves now, None where there is none or it is unreadable.
    """

    made: MadeBundle
    evaluation: Artifact[EvaluationResult]
    probes: Artifact[ProbesResult]
    champion: Artifact[ChampionComparison] | None
    unreadable_champion: UnreadableChampion | None
    benchmarks: tuple[Artifact[BenchmarkResult], ...]

    def evidence(self, remarks: tuple[str, ...] = (), unsettled: tuple[str, ...] = ()) -> Evidence:
        """All that the verdict rests on, with the digest of the bundle as it lies there now.

        `remarks`: what the steps put on the record; `unsettled`: as in Evidence.
        """
        return Evidence(
            bundle_digest=folder_digest(self.made.bundle),
            snapshot=self.made.snapshot.result,
            fine_tuned=self.made.fine_tuned.result,
            compression=self.made.compression.result,
            router=self.made.router.result,
            evaluation=self.evaluation.result,
            benchmarks=tuple(benchmark.result for benchmark in self.benchmarks),
            champion=self.champion.result if self.champion else None,
            unreadable_champion=self.unreadable_champion,
            remarks=remarks,
            unsettled=unsettled,
            probes=self.probes.result,
        )


class Family(Protocol):
    """The module of a task family."""

    def step_labels(self, prepared: PreparedRun, *, compared: bool = False) -> list[str]:
        """What the steps of this recipe are called, in order; `compared`: there is a champion to compare with."""
        ...

    def make_bundle(self, prepared: PreparedRun, steps: StepRunner, home: Home) -> MadeBundle:
        """From the data to the certified bundle. Raises UserError before any training where no certificate can come."""
        ...

    def gather_evidence(
        self, prepared: PreparedRun, made: MadeBundle, baseline: Baseline | None, steps: StepRunner
    ) -> JudgedBundle:
        """From the bundle to the evidence; `baseline` is what the bundle is compared with."""
        ...


def family_of(recipe: Recipe) -> Family:
    """The family that carries out a recipe."""
    return cast(Family, import_module(_MODULES[recipe.task]))


def snapshot_labels(prepared: PreparedRun) -> list[str]:
    """What the steps of `snapshots` are called."""
    return [SNAPSHOT.name, *([EXTEND.name] if prepared.judged else [])]


def benchmark_labels(targets: Sequence[Target]) -> list[str]:
    """What the benchmarks are called, in the order of the targets."""
    return [labelled(BENCHMARK, target.name) for target in targets]


def snapshots(prepared: PreparedRun, steps: StepRunner) -> tuple[Artifact[SnapshotResult], Artifact[SnapshotResult]]:
    """What the model is trained on, and what its router is calibrated and judged by: often the same."""
    inputs = {
        "config": prepared.recipe.data,
        "sources": keyed_sources(prepared.sources),
        "seed": prepared.recipe.seed,
        "special_tokens": prepared.special_tokens,
        "base": prepared.base,
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


def judged(
    prepared: PreparedRun,
    made: MadeBundle,
    baseline: Baseline | None,
    steps: StepRunner,
    *,
    evaluation: Artifact[EvaluationResult],
    compare: Step[ChampionComparison],
    compare_with: Mapping[str, object] = MappingProxyType({}),
) -> JudgedBundle:
    """The evaluated bundle asked the probes, compared with the champion, where there is one, and measured on all targets.

    `compare_with`: what the family's comparison is given beside the two bundles and the rows.
    """
    probes = steps.run(PROBE, {"router": made.router, "target": built_for(prepared.targets)})
    champion = None
    if baseline is not None and baseline.bundle is not None:
        champion = Keyed(baseline.bundle, baseline.version.bundle_digest)
    comparison = None
    if baseline is not None and champion is not None:
        inputs = _compared_inputs(prepared, made, baseline, champion) | dict(compare_with)
        comparison = steps.run(compare, inputs, files=("differences.jsonl",))
    benchmarks = steps.run_all([_benchmark(prepared, target, made, champion) for target in prepared.targets])
    return JudgedBundle(
        made=made,
        evaluation=evaluation,
        probes=probes,
        champion=comparison,
        unreadable_champion=baseline.unreadable if baseline else None,
        benchmarks=tuple(benchmarks),
    )


def _compared_inputs(prepared: PreparedRun, made: MadeBundle, baseline: Baseline, champion: Keyed) -> dict[str, object]:
    return {
        "snapshot": made.snapshot,
        "router": made.router,
        "champion": champion,
        "name": baseline.version.name,
        "version": baseline.version.version,
        "confidence": prepared.recipe.router.confidence,
        "target": built_for(prepared.targets),
    }


def _benchmark(
    prepared: PreparedRun, target: Target, made: MadeBundle, champion: Keyed | None
) -> StepCall[BenchmarkResult]:
    inputs = {
        "snapshot": made.snapshot,
        "router": made.router,
        "compression": made.compression,
        "champion": champion,
        "config": prepared.recipe.benchmark,
        "server_qps": prepared.recipe.gates.throughput_qps,
        "target": target,
    }
    step = BENCHMARK_IN_POOL if target.remote else BENCHMARK
    return StepCall(step, inputs, label=labelled(BENCHMARK, target.name), files=("loadgen",), elsewhere=target.remote)
