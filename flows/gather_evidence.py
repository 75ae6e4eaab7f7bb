"""From the bundle to the evidence that it is judged by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.digests import folder_digest
from flows.make_bundle import MadeBundle
from flows.preparation import PreparedRun, built_for
from registry.baseline import Baseline
from registry.evidence import Evidence
from tasks.artifact import Artifact
from tasks.families.family import Family, Results, family_of
from tasks.recipe import Target
from tasks.records import BenchmarkResult, ChampionComparison, EvaluationResult, ProbesResult, UnreadableChampion
from tasks.step import Keyed, Step, StepCall, Steps, labelled

BENCHMARK: Final = Step("benchmark", "tasks.benchmark.step:run_benchmark", BenchmarkResult, measures=True)
PROBE: Final = Step("probe", "tasks.probes.step:probe", ProbesResult)
# Measured elsewhere: this machine is no part of its key, and the one that the target declares is.
BENCHMARK_IN_POOL: Final = Step(
    "benchmark", "flows.pools.remote_benchmark:benchmark_in_pool", BenchmarkResult, measures_elsewhere=True
)


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
    family: Family[Any]

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
            account=self.family.account(_results(self.made)),
        )


def gather_evidence(prepared: PreparedRun, made: MadeBundle, baseline: Baseline | None, steps: Steps) -> JudgedBundle:
    """The bundle evaluated, asked the probes, compared with `baseline`, where there is one, and measured on all targets."""
    recipe, family = prepared.recipe, family_of(prepared.recipe)
    target, judged_with = built_for(prepared.targets), family.judged_with(recipe)
    asked = {"snapshot": made.snapshot, "router": made.router, "confidence": recipe.router.confidence, "target": target}
    epsilon = recipe.router.max_accuracy_loss
    evaluated = {"compression": made.compression, "epsilon": epsilon, **judged_with}
    evaluation = steps.run(family.evaluate, asked | evaluated)
    probes = steps.run(PROBE, {"router": made.router, "target": target})
    champion = comparison = None
    if baseline is not None and baseline.bundle is not None:
        version = baseline.version
        champion = Keyed(baseline.bundle, version.bundle_digest)
        against = {"champion": champion, "name": version.name, "version": version.version, **judged_with}
        comparison = steps.run(family.compare, asked | against, files=("differences.jsonl",))
    benchmarks = steps.run_all([_benchmark(prepared, target, made, champion) for target in prepared.targets])
    return JudgedBundle(
        made=made,
        evaluation=evaluation,
        probes=probes,
        champion=comparison,
        unreadable_champion=baseline.unreadable if baseline else None,
        benchmarks=tuple(benchmarks),
        family=family,
    )


def _results(made: MadeBundle) -> Results:
    parts = {name: artifact.result for name, artifact in made.parts.items()}
    return Results(made.snapshot.result, made.fine_tuned.result, made.compression.result, parts)


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


def benchmark_labels(targets: Sequence[Target]) -> list[str]:
    """What the benchmarks are called, in the order of the targets."""
    return [labelled(BENCHMARK, target.name) for target in targets]
