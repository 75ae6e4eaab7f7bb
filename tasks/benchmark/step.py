"""The step, and what `miaotui bench` calls: start the measuring processes, turn what they found into evidence."""

import resource
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine import AdaptiveModel, strict_json
from engine.digests import folder_digest
from tasks.artifact import Artifact, Workspace
from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.guided import GUIDED
from tasks.benchmark.job import ColdStart, ContenderFiles, CpuUse, Job, Measurements, Outcome, Phase
from tasks.benchmark.load_log import DETAIL_FILE, SUMMARY_FILE
from tasks.benchmark.order import Order, operating_point_of, order_of
from tasks.benchmark.process import run_pinned, usable_cpus
from tasks.errors import UserError
from tasks.machine.fingerprint import require_fingerprint
from tasks.machine.host import host
from tasks.machine.machine_lock import exclusive_machine
from tasks.recipe import Target
from tasks.recipe.schema import BenchmarkConfig
from tasks.records import BenchmarkResult, CompressionResult, Disturbance, RouterResult, SnapshotResult
from tasks.timing.cpu_use import CpuMeter
from tasks.timing.disturbance import disturbance, least_disturbed

_SCRIPTS: Final = Path(__file__).parent
_COLD_STARTS: Final = 3
_COLD_START_LIMIT_S: Final = 300.0
_HANG_FACTOR: Final = 10.0
_FIRST_LINE_LIMIT_S: Final = 120.0


@dataclass(frozen=True)
class _Attempt:
    """One measurement from beginning to end, and whether others disturbed it."""

    job: Job
    measured: Measurements
    cold: tuple[ColdStart, ...]
    disturbance: Disturbance | None


def run_benchmark(
    snapshot: Artifact[SnapshotResult],
    router: Artifact[RouterResult],
    compression: Artifact[CompressionResult],
    *,
    config: BenchmarkConfig,
    champion: Path | None,
    server_qps: float | None,
    target: Target,
    workspace: Workspace,
) -> BenchmarkResult:
    """Measures the router's bundle on `target` with the gate split's texts, against the static models it came from.

    `champion`: the bundle that serves now, measured in the same interleaved blocks; None where there is none.
    `server_qps` is the arrival rate of the Server scenario (the gate's throughput), None takes `config.server_qps`, else half
    of the rate that is sustained: where no one would run a server, no one judges it. No latency gate enters: what is measured
    does not depend on what it is later held against. Leaves LoadGen's summaries and `measurements.json` in `workspace.out`.
    Raises UserError for a target that is not here,
    BenchmarkError when a measuring process crashes or hangs.
    """
    order = order_of(
        snapshot, router, compression, config=config, champion=champion, server_qps=server_qps, target=target
    )
    return require_order(measure_order(order, workspace), order)


def bench_bundle(
    bundle: Path,
    texts: Sequence[str],
    *,
    against: Path | None,
    config: BenchmarkConfig,
    target: Target,
    workspace_folder: Path,
    progress: Callable[..., None] | None = None,
    schema: str | None = None,
) -> BenchmarkResult:
    """Measures one bundle with `texts`; with `against`, that bundle is the baseline of the interleaved comparison.

    Without it speed-ups are over the bundle's own repeat. With `schema`, the same bundle is also asked with its answers kept
    to that JSON schema, as the contender `guided`. `workspace_folder` is created and receives the logs. Raises what
    `run_benchmark` raises.
    """
    if schema is not None and not AdaptiveModel.type_in(bundle).writes_text:
        raise UserError("holds a classifier, which makes no text that could keep to a schema", file=bundle)
    out, scratch = workspace_folder / "out", workspace_folder / "scratch"
    out.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(parents=True, exist_ok=True)
    baseline = () if against is None else (ContenderFiles(name="against", bundle=against, graph=None),)
    priced = () if schema is None else (ContenderFiles(name=GUIDED, bundle=bundle, graph=None, guided_by=schema),)
    order = Order(
        bundle=bundle,
        bundle_digest=folder_digest(bundle),
        texts=tuple(texts),
        contenders=baseline + priced,
        baseline=baseline[0].name if baseline else None,
        champion=None,
        config=config,
        server_qps=None,
        target=target,
    )
    return measure_order(order, Workspace(out, scratch, progress) if progress else Workspace(out, scratch))


def measure_order(order: Order, workspace: Workspace) -> BenchmarkResult:
    """Measures what is ordered on this machine, alone: refuses where it is not the target's, waits while others measure.

    Raises what `run_benchmark` raises.
    """
    require_fingerprint(order.target)
    if not order.texts:
        raise UserError("there is no text to benchmark with; give at least one row", file=order.bundle)
    with exclusive_machine(workspace.progress):
        return _measured(order, workspace)


def require_order(result: BenchmarkResult, order: Order) -> BenchmarkResult:
    """The result, if it is about the bytes and the target that were ordered; else raises BenchmarkError."""
    if result.bundle_digest != order.bundle_digest:
        raise BenchmarkError(
            f"{order.bundle}: measured {result.bundle_digest}, but calibration sealed {order.bundle_digest}"
        )
    if result.target != order.target.name:
        raise BenchmarkError(f"measured for the target {result.target}, but {order.target.name} was asked for")
    return result


def _measured(order: Order, workspace: Workspace) -> BenchmarkResult:
    # Imported here: the measuring child imports this package and has no use for SciPy.
    from tasks.benchmark import evidence

    bundle, champion, config, target = order.bundle, order.champion, order.config, order.target
    # Absolute, for the children run in a folder of their own.
    folder = workspace.scratch.absolute() / "benchmark"
    shutil.rmtree(folder, ignore_errors=True)  # a killed measurement is begun anew: its conditions are gone
    folder.mkdir(parents=True)
    inputs = folder / "inputs.json"
    inputs.write_text(strict_json.dumps(order.texts, ascii_only=True), encoding="utf-8")
    contenders = order.contenders
    if champion is not None:
        contenders += (ContenderFiles(name=evidence.CHAMPION_CONTENDER, bundle=champion, graph=None),)
    job = Job(
        bundle=bundle.absolute(),
        contenders=tuple(_with_absolute_paths(files) for files in contenders),
        inputs=inputs,
        folder=folder,
        target=target.name,
        execution_provider=target.execution_provider,
        threads=target.threads,
        queries=config.queries,
        server_qps=order.server_qps or config.server_qps,
        server_qps_of="gates.throughput_qps"
        if order.server_qps
        else "benchmark.server_qps"
        if config.server_qps
        else "",
        server_latency_ms=config.server_latency_ms,
        server_ttft_ms=config.server_ttft_ms,
        server_tpot_ms=config.server_tpot_ms,
        interleaved_repeats=config.interleaved_repeats,
        operating_point=operating_point_of(target),
    )
    attempt, made = least_disturbed(
        lambda number: _attempt(job, number, target, workspace), retries=config.retries, busy=workspace.progress
    )
    measured, cold, others = attempt.measured, attempt.cold, attempt.disturbance
    _keep_logs(attempt.job, measured, workspace.out)
    single = next(run for run in measured.runs if run.scenario == "SingleStream")
    return BenchmarkResult(
        target=target.name,
        host=host(),
        bundle_digest=measured.bundle_digest,
        execution_providers=measured.execution_providers,
        cold_start_s=statistics.median(start.load_s for start in cold),
        first_answer_ms=statistics.median(start.first_answer_ms for start in cold),
        peak_memory_mb=max(start.peak_memory_mb for start in cold),
        size_mb=_folder_mb(bundle),
        scenarios=tuple(evidence.scenario(run) for run in measured.runs),
        sustained_qps=measured.sustained_qps,
        contenders=evidence.contenders(measured.timings, measured.repeat, baseline=order.baseline),
        stop_shares=measured.stop_shares,
        inputs=len(order.texts),
        unanswered=measured.unanswered,
        latencies_ms=evidence.thinned(single.latencies_ms),
        noise=evidence.noise(measured.timings[0], measured.repeat),
        against_champion=evidence.against_champion(measured.timings, folder_digest(champion)) if champion else None,
        disturbance=others.model_copy(update={"attempts": made}) if others else None,
        operating_point=measured.operating_point,
        tokens=evidence.token_latency(measured.tokens) if measured.tokens else None,
        token_server=evidence.token_server(measured.token_server, measured.token_sustained_qps)
        if measured.token_server
        else None,
        provisional=(others.sentence,) if others and others.disturbed else (),
    )


def _attempt(job: Job, number: int, target: Target, workspace: Workspace) -> _Attempt:
    """Measures once, in a folder of its own under the job's."""
    job = job.model_copy(update={"folder": job.folder / f"attempt-{number}"})
    job.folder.mkdir()
    measured = _measure(job, target, workspace)
    workspace.progress("cold starts", 0.95)
    meter = CpuMeter(usable_cpus() if target.cpus is None else set(target.cpus), own_s=_ended_children_s)
    with meter.part("cold starts"):
        cold = tuple(_cold_start(job, target, measured) for _ in range(_COLD_STARTS))
    uses: tuple[CpuUse, ...] = (*measured.cpu_use, *meter.uses)
    return _Attempt(job, measured, cold, disturbance(uses))


def _ended_children_s() -> float:
    """CPU seconds of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _measure(job: Job, target: Target, workspace: Workspace) -> Measurements:
    """Runs the measuring child and returns what it found."""
    job_file, outcome_file, log = (job.folder / name for name in ("job.json", "outcome.json", "child.log"))
    job_file.write_text(job.model_dump_json(), encoding="utf-8")

    def follow(line: str) -> float | None:
        if not line.startswith("{"):
            return None
        phase = Phase.model_validate_json(line)
        workspace.progress(phase.message, phase.fraction)
        return phase.limit_s

    run_pinned(
        _SCRIPTS / "child.py",
        [str(job_file), str(outcome_file)],
        target=target,
        log=log,
        limit_s=_FIRST_LINE_LIMIT_S,
        on_line=follow,
    )
    outcome = Outcome.model_validate_json(outcome_file.read_bytes())
    if outcome.user_error is not None:
        raise UserError(outcome.user_error)
    if outcome.measurements is None:
        raise BenchmarkError(f"{outcome_file}: holds neither measurements nor an error")
    return outcome.measurements


def _cold_start(job: Job, target: Target, measured: Measurements) -> ColdStart:
    """Starts one process that only loads and answers, at the operating point that was measured."""
    lines: list[str] = []
    options = [str(job.bundle), str(job.inputs), str(job.threads), job.execution_provider]
    run_pinned(
        _SCRIPTS / "cold_start.py",
        [*options, measured.operating_point, repr(time.monotonic())],
        target=target,
        log=job.folder / "cold_start.log",
        limit_s=_COLD_START_LIMIT_S + _HANG_FACTOR * max(measured.runs[0].latencies_ms) / 1e3,
        on_line=lines.append,
    )
    return ColdStart.model_validate_json(lines[-1])


def _keep_logs(job: Job, measured: Measurements, out: Path) -> None:
    """Copies what others may want to check: the raw numbers, and LoadGen's own words for every run."""
    (out / "measurements.json").write_text(measured.model_dump_json(), encoding="utf-8")
    for summary in sorted(job.folder.glob(f"*/{SUMMARY_FILE}")):
        kept = out / "loadgen" / summary.parent.name
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(summary, kept / SUMMARY_FILE)
        shutil.copyfile(summary.with_name(DETAIL_FILE), kept / DETAIL_FILE)


def _with_absolute_paths(files: ContenderFiles) -> ContenderFiles:
    graph = files.graph.absolute() if files.graph else None
    return files.model_copy(update={"bundle": files.bundle.absolute(), "graph": graph})


def _folder_mb(folder: Path) -> float:
    """Size of all files under `folder` in MB (10^6 bytes)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
