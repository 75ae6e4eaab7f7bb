"""The benchmark step for a target with a work pool: sends the job out, waits for its evidence, and trusts none of it unread.

The job goes through MLflow, the word of it through Prefect. A run is known by the digest of what is to be measured, so
a pipeline that was killed finds what was measured meanwhile, and nothing is measured twice.
"""

import itertools
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from flows.home import Home
from flows.pools.prefect_pool import PrefectPool
from flows.pools.runs import Pool, PoolRun, failure, wait_for
from flows.steps.code_digest import code_of
from registry.benchmark_jobs import Beat, BenchmarkJobs, PublishedJob
from registry.store import MlflowStore
from tasks.artifact import Artifact, Workspace
from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.order import Order, order_of
from tasks.benchmark.portable import EVIDENCE_FILE, open_evidence, pack_order
from tasks.benchmark.step import require_order
from tasks.errors import UserError
from tasks.machine.fingerprint import require_fingerprint
from tasks.recipe import Target
from tasks.recipe.schema import BenchmarkConfig
from tasks.records import BenchmarkResult, CompressionResult, RouterResult, SnapshotResult

MEASURING_MODULE: Final = "tasks.benchmark.step"
"""Whose code must be the same on both sides."""


def benchmark_in_pool(
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
    """What `tasks.benchmark.run_benchmark` does, measured by a worker of the target's pool; leaves the same files.

    Raises UserError for what a person can mend here or there, BenchmarkError where the worker crashed or its evidence is
    about something else.
    """
    require_servers([target])
    order = order_of(
        snapshot, router, compression, config=config, champion=champion, server_qps=server_qps, target=target
    )
    jobs = BenchmarkJobs(shared_store(Home.open().folder))
    folder = workspace.scratch / "job"
    workspace.progress("sending the job")
    digest = pack_order(order, folder, code=code_of(MEASURING_MODULE).digest)
    job = jobs.publish(folder, digest, target=target.name, bundle_digest=order.bundle_digest)
    shutil.rmtree(folder)
    pool = PrefectPool(target, {"job": job.uri, "digest": job.digest})
    try:
        result = _measured(pool, jobs, job, order, workspace)
    except Exception:
        jobs.finish(job.run_id, "FAILED")
        raise
    jobs.finish(job.run_id, "FINISHED")
    return result


def require_servers(targets: Sequence[Target], environment: Mapping[str, str] = os.environ) -> None:
    """Raises UserError where a target has a work pool and no Prefect server or MLflow server is named for both sides."""
    remote = next((target for target in targets if target.remote), None)
    if remote is None:
        return
    why = f"the target {remote.name} is measured by workers of the pool {remote.work_pool}"
    if not environment.get("PREFECT_API_URL"):
        raise UserError(f"is not set: {why}; name the Prefect server that they reach", field="PREFECT_API_URL")
    named = environment.get("MLFLOW_TRACKING_URI", "")
    if not named.startswith(("http://", "https://")):
        raise UserError(
            f"must name an MLflow server (http://…): {why}, and bundle and evidence go through it",
            field="MLFLOW_TRACKING_URI",
        )


def shared_store(home: Path) -> MlflowStore:
    """The MLflow server that pipeline and workers share. Raises UserError where a database or nothing is named."""
    store = MlflowStore.of_home(home)
    if store.serverless:
        raise UserError(
            "must name the MLflow server (http://…) that pipeline and workers share", field="MLFLOW_TRACKING_URI"
        )
    return store


def _measured(
    pool: Pool, jobs: BenchmarkJobs, job: PublishedJob, order: Order, workspace: Workspace
) -> BenchmarkResult:
    """The evidence of the first run, by number, that is fit for use; those that ended before this one asked are passed over.

    A run that failed, or whose measurement was disturbed, is not the last word of a pipeline that asks anew; and none is
    where everything is to be measured again.
    """
    for attempt in itertools.count(1):
        run = pool.start(f"{job.digest}-{attempt}")
        earlier = run.final
        if earlier and workspace.anew:
            continue
        # Where two pipelines ask for the same, the first one's run of MLflow has the evidence for both.
        job = PublishedJob.at(run.job, job.digest)
        if not earlier:
            run = wait_for(
                pool,
                run,
                last_beat=_reader(jobs, job),
                progress=workspace.progress,
                timeout_s=60 * order.target.timeout_minutes,
            )
        if not run.completed:
            if earlier:
                continue
            raise failure(pool.name, run)
        try:
            result, folder = _collected(jobs, job, run, order, workspace)
        except (UserError, BenchmarkError) as error:
            if not earlier:
                raise
            workspace.progress(f"the evidence of an earlier run cannot be used ({error}); measuring again")
            continue
        if not (earlier and result.disturbance is not None and result.disturbance.disturbed):
            shutil.copytree(folder, workspace.out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(EVIDENCE_FILE))
            return result
        workspace.progress("an earlier measurement was disturbed; measuring again")
    raise AssertionError("there is no last attempt")


def _collected(
    jobs: BenchmarkJobs, job: PublishedJob, run: PoolRun, order: Order, workspace: Workspace
) -> tuple[BenchmarkResult, Path]:
    """The evidence of a run, verified: its bytes, that it is about this bundle, and that the declared machine measured."""
    scratch = workspace.scratch / "evidence"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    folder, digest = jobs.collect(job.run_id, run.id, scratch)
    result = require_order(open_evidence(folder, digest, job.digest), order)
    require_fingerprint(order.target, result.host, where=f"the one that measured for {order.target.work_pool}")
    return result, folder


def _reader(jobs: BenchmarkJobs, job: PublishedJob) -> Callable[[], Beat | None]:
    def last_beat() -> Beat | None:
        from mlflow.exceptions import MlflowException

        try:
            return jobs.last_beat(job.run_id)
        except MlflowException:  # nobody tells, which is no silence of the worker
            return None

    return last_beat
