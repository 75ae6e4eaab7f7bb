"""The flow `benchmark`, on a target's own machine: fetches a job, measures it as the pipeline would, hands evidence in.

It has a home of its own and shares no disk with the pipeline. Whatever it fetches is compared with the digest that it
was given before anything is loaded.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from prefect import flow, get_run_logger
from prefect.runtime import flow_run

from flows.home import Home
from flows.pools.prefect_pool import FLOW
from flows.pools.remote_benchmark import MEASURING_MODULE, shared_store
from flows.pools.runs import BEAT_EVERY_S
from flows.steps.code_digest import code_of
from registry.benchmark_jobs import Beat, BenchmarkJobs, PublishedJob
from tasks.artifact import Workspace
from tasks.benchmark.portable import JOB_FILE, PortableJob, pack_evidence, read_job, unpack_order
from tasks.benchmark.step import measure_order, require_order
from tasks.errors import UserError
from tasks.machine.fingerprint import require_fingerprint

_PREFIX: Final = "benchmark-job-"


@flow(name=FLOW, validate_parameters=False, persist_result=False)
def benchmark(job: str, digest: str) -> None:
    """Measures the job at the URI `job`, whose document has the SHA-256 `digest`, on this machine.

    Raises UserError where anything was altered on its way, where this is not the target's machine, or runs other code.
    """
    home = Home.open()
    published = PublishedJob.at(job, digest)
    jobs = BenchmarkJobs(shared_store(home.folder))
    home.work.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX, dir=home.work) as scratch,
        _signs_of_life(jobs, published) as signs,
    ):
        _carry_out(published, jobs, Path(scratch), signs, str(flow_run.id))


class _Signs:
    """What the next sign of life tells."""

    def __init__(self) -> None:
        self.beat = Beat(count=0, message="fetching the job")
        self._logger = get_run_logger()

    def progress(self, message: str, fraction: float | None = None) -> None:
        """As a step tells it."""
        self._logger.info(message)
        self.beat = self.beat.model_copy(update={"message": message, "fraction": fraction})


def _carry_out(published: PublishedJob, jobs: BenchmarkJobs, scratch: Path, signs: _Signs, run_id: str) -> None:
    folders = {name: scratch / name for name in ("document", "job", "out", "work")}
    for folder in folders.values():
        folder.mkdir()
    # The document is small, and tells whether the rest is worth fetching.
    document = jobs.fetch(f"{published.uri}/{JOB_FILE}", folders["document"])
    job = read_job(document, published.digest)
    _require_same_code(job)
    require_fingerprint(job.target)
    order = unpack_order(jobs.fetch(published.uri, folders["job"]), job)
    workspace = Workspace(folders["out"], folders["work"], signs.progress)
    result = require_order(measure_order(order, workspace), order)
    signs.progress("sending the evidence")
    evidence = pack_evidence(folders["out"], published.digest, result)
    jobs.hand_in(published.run_id, run_id, folders["out"], evidence)


def _require_same_code(job: PortableJob) -> None:
    own = code_of(MEASURING_MODULE).digest
    if own != job.code:
        raise UserError(
            f"this worker measures with other code ({own[:12]}) than the pipeline ({job.code[:12]}); install the same "
            "version of miaotui on both sides"
        )


@contextmanager
def _signs_of_life(jobs: BenchmarkJobs, published: PublishedJob) -> Iterator[_Signs]:
    """Within it, a thread tells every few seconds how far the measuring is."""
    signs, ended = _Signs(), threading.Event()
    logger = get_run_logger()
    # The first one from here: two threads that import parts of MLflow at the same time can wait for each other.
    jobs.beat(published.run_id, signs.beat)
    from mlflow.exceptions import MlflowException

    def beat() -> None:
        count = 0
        while not ended.wait(BEAT_EVERY_S):
            count += 1
            try:
                jobs.beat(published.run_id, signs.beat.model_copy(update={"count": count}))
            except MlflowException as error:  # the next one may come through; who waits allows for minutes
                logger.warning("no sign of life could be sent: %s", error)

    thread = threading.Thread(target=beat, daemon=True, name="signs-of-life")
    thread.start()
    try:
        yield signs
    finally:
        ended.set()
        thread.join(timeout=BEAT_EVERY_S)
