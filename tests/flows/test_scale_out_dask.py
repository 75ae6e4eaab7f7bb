"""Real steps over Prefect's task runners: two Dask workers share them, and their results are those of threads."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.testing.utilities import prefect_test_harness

from flows.home import Home
from flows.progress import SilentObserver
from flows.steps.cache import StepCache
from flows.steps.runner import FinishedStep, StepRunner
from flows.steps.scale_out import ScaleOut
from tasks.errors import UserError
from tasks.families.classification.plan import EXPORT
from tasks.recipe.schema import ScaleOutConfig
from tasks.step import StepCall
from tests.flows.small_steps import FAIL, WRITE

pytestmark = [pytest.mark.slow, pytest.mark.prefect]


@pytest.fixture(scope="module", autouse=True)
def prefect_server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=300):
        yield


@flow(name="fan-out", validate_parameters=False, persist_result=False)
def run_steps(steps: StepRunner, calls: list[StepCall[Any]]) -> None:
    steps.run_all(calls)


def ran(home: Path, runner: Any, calls: list[StepCall[Any]]) -> list[FinishedStep[Any]]:
    scale_out = ScaleOut(ScaleOutConfig(runner=runner, workers=2))
    steps = StepRunner(StepCache(Home(home)), SilentObserver(), scale_out=scale_out)
    run_steps(steps, calls)
    return steps.finished


def test_two_workers_export_two_models_as_threads_do_and_a_second_run_reuses_all(tiny: Any, tmp_path: Path) -> None:
    calls = [
        StepCall(EXPORT, {"snapshot": tiny.snapshot, "model": model}, f"export {name}")
        for name, model in (("fine-tuned", tiny.fine_tuned), ("pruned", tiny.pruned))
    ]
    dask, threads = (ran(tmp_path / runner, runner, calls) for runner in ("dask", "threads"))
    assert [step.label for step in dask] == ["export fine-tuned", "export pruned"]
    workers = {step.worker for step in dask}
    assert len(workers) == 2
    assert not any(worker.endswith(f"process {os.getpid()}") for worker in workers)
    assert {step.worker.rpartition(" ")[2] for step in threads} == {str(os.getpid())}
    assert [step.run.artifact.digest for step in dask] == [step.run.artifact.digest for step in threads]
    assert [step.run.artifact.result for step in dask] == [step.run.artifact.result for step in threads]

    again = ran(tmp_path / "dask", "dask", calls)
    assert all(step.run.reused and not step.worker for step in again)
    assert [step.run.artifact for step in again] == [step.run.artifact for step in dask]


@pytest.mark.parametrize("runner", ["dask", "threads"])
def test_an_error_on_a_worker_ends_the_run_as_it_is_and_the_other_result_is_kept(runner: str, tmp_path: Path) -> None:
    calls: list[StepCall[Any]] = [StepCall(FAIL, {"how": "user"}), StepCall(WRITE, {"number": 1})]
    with pytest.raises(UserError, match=r"^recipe\.yaml: a\.b: mend this$"):
        ran(tmp_path, runner, calls)
    (kept,) = ran(tmp_path, runner, calls[1:])
    assert kept.run.reused
    assert not list((tmp_path / "store" / "fail").glob("*"))
