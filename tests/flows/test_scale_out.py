"""Independent steps run beside one another and measuring ones never do; order, logging and errors are as one by one."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flows.home import Home
from flows.progress import SilentObserver
from flows.steps import fan_out as fan_out_module
from flows.steps import scale_out as scale_out_module
from flows.steps.cache import StepCache
from flows.steps.fan_out import fan_out
from flows.steps.order import Listener, Receipt, StepOrder
from flows.steps.process import StepStoppedError
from flows.steps.runner import FinishedStep, StepRunner
from flows.steps.scale_out import ScaleOut, require_scale_out, task_runner
from tasks.errors import UserError
from tasks.recipe.schema import ScaleOutConfig
from tasks.step import StepCall
from tests.flows.small_steps import FAIL, MEASURE, WRITE, Small


class PlainFuture:
    """What the fan-out uses of a Prefect future."""

    def __init__(self, wrapped: "Future[Receipt]") -> None:
        self.wrapped = wrapped

    def add_done_callback(self, function: Callable[[Any], None]) -> None:
        self.wrapped.add_done_callback(lambda _future: function(self))

    def result(self) -> Receipt:
        return self.wrapped.result()


class PlainRunner:
    """A task runner without Prefect: threads that carry orders out."""

    def __enter__(self) -> "PlainRunner":
        self.pool = ThreadPoolExecutor(16)
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown()

    def submit(self, task: Callable[..., Receipt], parameters: dict[str, Any]) -> PlainFuture:
        return PlainFuture(self.pool.submit(task, **parameters))


@pytest.fixture
def carried_out(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[StepOrder], Receipt]], None]:
    """Puts a function in the place of the worker's, and threads in that of Prefect's task runner."""

    def put(function: Callable[[StepOrder], Receipt]) -> None:
        monkeypatch.setattr(fan_out_module, "task", lambda **_options: lambda _function: function_of(function))

    def function_of(function: Callable[[StepOrder], Receipt]) -> Callable[..., Receipt]:
        return lambda order: function(order)

    monkeypatch.setattr(scale_out_module, "task_runner", lambda _config: PlainRunner())
    return put


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def orders(home: Home, count: int) -> list[StepOrder]:
    cache = StepCache(home)
    return [
        StepOrder(
            f"write {number}",
            cache,
            WRITE,
            {"number": number},
            token=home.folder / "token",
            listener=Listener(SilentObserver(), ""),
        )
        for number in range(count)
    ]


def spread(
    given: list[StepOrder], finished: Callable[[int, Receipt], None] = lambda _index, _receipt: None, at_once: int = 2
) -> None:
    with PlainRunner() as runner:
        fan_out(given, runner, at_once=at_once, finished=finished)  # type: ignore[arg-type]


def test_as_many_run_at_once_as_there_are_workers(home: Home, carried_out: Callable[..., None]) -> None:
    both_there = threading.Barrier(2)
    now, most, lock = [0], [0], threading.Lock()

    def work(order: StepOrder) -> Receipt:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        both_there.wait(30)
        with lock:
            now[0] -= 1
        return Receipt(order.key, False, 0.1, order.label)

    carried_out(work)
    done: dict[int, str] = {}
    spread(orders(home, 6), lambda index, receipt: done.update({index: receipt.worker}))
    assert done == {number: f"write {number}" for number in range(6)}
    assert most == [2]


def test_after_a_failure_nothing_new_begins_what_runs_ends_and_the_first_error_is_raised(
    home: Home, carried_out: Callable[..., None]
) -> None:
    begun: list[str] = []
    failed = threading.Event()

    def work(order: StepOrder) -> Receipt:
        begun.append(order.label)
        if order.label == "write 0":
            assert failed.wait(30)
            raise UserError("the first is wrong")
        if order.label == "write 1":
            failed.set()
            raise UserError("the second is wrong, and sooner")
        time.sleep(0.2)
        return Receipt(order.key, False, 0.1)

    carried_out(work)
    done: list[int] = []
    with pytest.raises(UserError, match="the first is wrong") as caught:
        spread(orders(home, 9), lambda index, _receipt: done.append(index), at_once=3)
    assert sorted(begun) == ["write 0", "write 1", "write 2"]
    assert done == [2]
    assert caught.value.__notes__ == ["write 1 failed as well: the second is wrong, and sooner"]


def test_an_interruption_stops_what_runs(home: Home, carried_out: Callable[..., None]) -> None:
    def work(order: StepOrder) -> Receipt:
        if order.label == "write 0":
            return Receipt(order.key, False, 0.1)
        assert order.listener.stopped.wait(30)
        raise StepStoppedError("stopped")

    def interrupt(_index: int, _receipt: Receipt) -> None:
        raise KeyboardInterrupt

    carried_out(work)
    with pytest.raises(KeyboardInterrupt):
        spread(orders(home, 3), interrupt)


class Watching(SilentObserver):
    """Keeps what happened."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def started(self, label: str) -> None:
        self.events.append(("started", label))

    def finished(self, label: str, *, reused: bool, seconds: float) -> None:
        self.events.append(("reused" if reused else "finished", label))


class Run:
    """A runner over a home, with what it logged."""

    def __init__(self, home: Home, scale_out: ScaleOut | None) -> None:
        self.observer = Watching()
        self.logged: list[FinishedStep[Any]] = []
        self.steps = StepRunner(
            StepCache(home),
            self.observer,
            on_finished=self.logged.append,
            call=lambda _name, function: function(),
            scale_out=scale_out,
        )


def computing(order: StepOrder) -> Receipt:
    """What a worker does, without a process of its own."""
    assert order.token.is_file()
    run = order.cache.run(order.step, order.inputs, order.listener)
    return Receipt(run.entry, run.reused, run.seconds, f"worker of {order.label}")


@pytest.fixture
def two_workers(carried_out: Callable[..., None]) -> ScaleOut:
    carried_out(computing)
    return ScaleOut(ScaleOutConfig(runner="dask", workers=2))


def calls(*numbers: int) -> list[StepCall[Small]]:
    return [StepCall(WRITE, {"number": number}, f"write {number}", ("number.txt",)) for number in numbers]


def test_results_and_log_are_in_the_order_asked_for_and_the_same_as_one_by_one(
    home: Home, two_workers: ScaleOut, tmp_path: Path
) -> None:
    beside, alone = Run(home, two_workers), Run(Home(tmp_path / "other"), None)
    results = [run.steps.run_all(calls(3, 1, 2)) for run in (beside, alone)]
    assert [artifact.result.number for artifact in results[0]] == [3, 1, 2]
    assert [artifact.digest for artifact in results[0]] == [artifact.digest for artifact in results[1]]
    for run in (beside, alone):
        assert [step.label for step in run.logged] == ["write 3", "write 1", "write 2"]
        assert run.logged == run.steps.finished
        assert [file.name for step in run.logged for file in step.files] == ["number.txt"] * 3
        assert [step.parameters["number"] for step in run.logged] == [3, 1, 2]
        assert not run.steps.all_reused
    assert [step.worker for step in beside.logged] == [f"worker of write {number}" for number in (3, 1, 2)]
    assert beside.logged[0].parameters["worker"] == "worker of write 3"
    assert {step.worker for step in alone.logged} == {""}
    assert not list(home.locks.glob("workers-*"))


def test_what_is_stored_goes_to_no_worker(home: Home, two_workers: ScaleOut, monkeypatch: pytest.MonkeyPatch) -> None:
    Run(home, two_workers).steps.run_all(calls(1, 2, 3))
    monkeypatch.setattr(scale_out_module, "task_runner", lambda _config: pytest.fail("a cluster was started"))
    again = Run(home, two_workers)
    again.steps.run_all(calls(1, 2, 3))
    assert again.steps.all_reused
    assert [event for event, _label in again.observer.events] == ["started", "reused"] * 3


def test_measuring_steps_run_one_by_one_after_the_others_and_never_on_a_worker(
    home: Home, two_workers: ScaleOut
) -> None:
    run = Run(home, two_workers)
    measuring = [StepCall(MEASURE, {"number": number}, f"measure {number}") for number in (8, 9)]
    given = [measuring[0], *calls(1, 2), measuring[1]]
    assert [artifact.result.number for artifact in run.steps.run_all(given)] == [8, 1, 2, 9]
    assert [step.worker != "" for step in run.logged] == [False, True, True, False]
    assert run.observer.events[-4:] == [
        ("started", "measure 8"),
        ("finished", "measure 8"),
        ("started", "measure 9"),
        ("finished", "measure 9"),
    ]


def test_a_measurement_beside_other_steps_is_refused(home: Home, carried_out: Callable[..., None]) -> None:
    run: Run

    def work(order: StepOrder) -> Receipt:
        run.steps.run(MEASURE, {"number": 9})
        return computing(order)

    carried_out(work)
    run = Run(home, ScaleOut(ScaleOutConfig(workers=2)))
    with pytest.raises(RuntimeError, match="measure measures on this machine, and other steps are running"):
        run.steps.run_all(calls(1, 2))


def test_measurements_on_other_machines_wait_together(
    home: Home, carried_out: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(3)

    def work(order: StepOrder) -> Receipt:
        assert order.only_waits
        together.wait(30)
        return computing(order)

    carried_out(work)
    monkeypatch.setattr("prefect.task_runners.ThreadPoolTaskRunner", lambda max_workers: PlainRunner())
    run = Run(home, None)
    given = [StepCall(MEASURE, {"number": number}, f"target {number}", elsewhere=True) for number in range(3)]
    assert [artifact.result.number for artifact in run.steps.run_all(given)] == [0, 1, 2]


def test_what_finished_before_a_failure_is_logged_and_kept(home: Home, two_workers: ScaleOut) -> None:
    run = Run(home, two_workers)
    given: list[StepCall[Small]] = [*calls(1), StepCall(FAIL, {"how": "user"}, "fail"), *calls(2)]
    with pytest.raises(UserError, match="mend this"):
        run.steps.run_all(given)
    assert "write 1" in [step.label for step in run.logged]
    assert not list((home.store / "fail").rglob("*"))
    again = Run(home, None)
    again.steps.run_all(calls(1))
    assert again.steps.all_reused


def test_a_result_that_is_not_in_the_store_here_is_a_clear_error(home: Home, carried_out: Callable[..., None]) -> None:
    carried_out(lambda order: Receipt(order.key, False, 1.0, "elsewhere, process 7"))
    run = Run(home, ScaleOut(ScaleOutConfig(workers=2)))
    with pytest.raises(UserError, match="worker elsewhere, process 7 computed write 1, but its result is not whole"):
        run.steps.run_all(calls(1, 2))
    assert run.logged == []


@pytest.mark.parametrize("scale_out", [None, ScaleOut(ScaleOutConfig()), ScaleOut(ScaleOutConfig(workers=4))])
def test_a_single_step_or_worker_on_this_machine_stays_in_the_run(home: Home, scale_out: ScaleOut | None) -> None:
    import os

    run = Run(home, scale_out)
    (artifact,) = run.steps.run_all(calls(1))
    assert artifact.result.process == os.getpid()


def test_workers_of_this_machine_share_its_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(scale_out_module, "usable_cpus", lambda: set(range(16)))
    assert ScaleOut(ScaleOutConfig(workers=4)).threads == 4
    assert ScaleOut(ScaleOutConfig(workers=32)).threads == 1
    assert ScaleOut(ScaleOutConfig(runner="dask", workers=4, address="tcp://there:8786")).threads is None
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert ScaleOut(ScaleOutConfig(workers=4)).threads is None


@pytest.mark.parametrize("runner", ["dask", "ray"])
def test_a_missing_extra_is_one_line_with_the_way_out(monkeypatch: pytest.MonkeyPatch, runner: Any) -> None:
    monkeypatch.setattr(scale_out_module, "find_spec", lambda _package: None)
    config = ScaleOutConfig(runner=runner)
    with pytest.raises(UserError, match=rf"^recipe\.yaml: scale_out\.runner: .* pip install 'miaotui\[{runner}\]'$"):
        require_scale_out(config, Path("recipe.yaml"))
    with pytest.raises(UserError, match="pip install"):
        task_runner(config)
    require_scale_out(ScaleOutConfig())


class Unreachable(PlainRunner):
    """A runner whose cluster does not answer."""

    @property
    def client(self) -> None:
        raise TimeoutError("after 30 s")


def test_a_cluster_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale_out_module, "task_runner", lambda _config: Unreachable())
    there = ScaleOut(ScaleOutConfig(runner="dask", address="tcp://there:8786"))
    with pytest.raises(UserError, match=r"scale_out\.address: no dask cluster answers at tcp://there:8786: after 30 s"):
        there.carry_out([], lambda _index, _receipt: None)
    with pytest.raises(TimeoutError):
        ScaleOut(ScaleOutConfig(runner="dask")).carry_out([], lambda _index, _receipt: None)
