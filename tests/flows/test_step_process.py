"""A step given to a worker runs in a process of its own, for the same home, code and data, and its errors come back."""

import copy
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from flows.home import Home
from flows.progress import SilentObserver
from flows.steps.cache import StepCache
from flows.steps.code_digest import Code
from flows.steps.order import Listener, StepOrder
from flows.steps.process import StepProcessError, StepStoppedError, run_in_process
from flows.steps.worker import carry_out
from tasks.errors import UserError
from tasks.step import Step
from tests.flows.small_steps import FAIL, WRITE, Small


class Hearing(SilentObserver):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, float | None]] = []

    def progressed(self, label: str, message: str, fraction: float | None = None) -> None:
        self.heard.append((label, message, fraction))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def order(home: Home, step: Step[Small], inputs: Mapping[str, object], **options: object) -> StepOrder:
    token = home.folder / "token"
    token.parent.mkdir(exist_ok=True)
    token.touch()
    listener = options.pop("listener", None) or Listener(SilentObserver(), "the step")
    return StepOrder("the step", StepCache(home), step, inputs, token=token, listener=listener, **options)  # type: ignore[arg-type]


def test_a_step_runs_in_a_process_of_its_own_and_is_found_in_the_store(home: Home) -> None:
    observer = Hearing()
    given = order(home, WRITE, {"number": 7}, listener=Listener(observer, "writing"), threads=3)
    receipt = carry_out(given)
    stored = given.cache.stored(WRITE, receipt.entry)
    assert stored is not None
    assert stored.artifact.result.number == 7
    assert stored.artifact.result.process != os.getpid()
    assert stored.artifact.result.threads == "3"
    assert receipt.entry == given.key
    assert str(os.getpid()) in receipt.worker
    assert observer.heard == [("writing", "writing", 0.5)]
    assert (receipt.reused, carry_out(given).reused) == (False, True)


def test_what_only_waits_needs_no_process(home: Home) -> None:
    given = order(home, WRITE, {"number": 7}, only_waits=True)
    stored = given.cache.stored(WRITE, carry_out(given).entry)
    assert stored is not None
    assert stored.artifact.result.process == os.getpid()


@pytest.mark.parametrize(
    ("how", "expected", "message"),
    [
        ("user", UserError, r"^recipe\.yaml: a\.b: mend this$"),
        ("broken", RuntimeError, "^broken"),
        ("odd", RuntimeError, "^OddError: odd 1 2"),
        ("killed", StepProcessError, "^the process of the step the step was ended by SIGKILL$"),
    ],
)
def test_errors_come_back_as_they_are_and_nothing_is_stored(
    home: Home, how: str, expected: type[Exception], message: str
) -> None:
    with pytest.raises(expected, match=message) as caught:
        run_in_process(order(home, FAIL, {"how": how}))
    assert type(caught.value) is expected
    assert not list(home.store.rglob("*"))
    if how == "broken":
        assert "small_steps.py" in caught.value.__notes__[0]


def test_a_step_that_is_told_to_stop_stops_and_its_process_is_gone(home: Home, tmp_path: Path) -> None:
    listener = Listener(SilentObserver(), "")
    waits_for = tmp_path / "never"
    begun = tmp_path / "never-begun-1"
    raised: list[Exception] = []

    def run() -> None:
        try:
            run_in_process(order(home, WRITE, {"number": 1, "waits_for": str(waits_for)}, listener=listener))
        except StepStoppedError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while not begun.exists():
        assert thread.is_alive()
        thread.join(0.05)
    children = [child for child in psutil.Process().children() if "flows.steps.child" in child.cmdline()]
    listener.stopped.set()
    thread.join(30)
    assert len(raised) == len(children) == 1
    assert not children[0].is_running()
    assert not home.store.exists()


def test_a_worker_that_does_not_share_the_home_says_so_before_any_work(home: Home) -> None:
    given = order(home, WRITE, {"number": 7})
    given.token.unlink()
    with pytest.raises(UserError, match=rf"{home.folder}: the worker .* does not share it; .* shared storage"):
        carry_out(given)
    assert not home.store.exists()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (Code("other", (), {"numpy": "2.4", "torch": "2.13"}), "has another version of the project; install there"),
        (Code("same", (), {"numpy": "2.3"}), "has numpy 2.3 instead of 2.4, torch missing instead of 2.13; install"),
    ],
)
def test_a_worker_with_other_code_or_packages_is_refused(home: Home, code: Code, message: str) -> None:
    given = order(home, WRITE, {"number": 7})
    own = Code("same", (), {"numpy": "2.4", "torch": "2.13"})
    given.parts = StepCache(home, code=lambda _module: own).parts(WRITE, given.inputs)
    on_worker = copy.copy(given)
    on_worker.cache = StepCache(home, code=lambda _module: code)
    with pytest.raises(UserError, match=message):
        carry_out(on_worker)


@pytest.mark.parametrize("damage", ["gone", "altered"])
def test_a_worker_that_finds_another_input_than_the_one_that_was_sealed_is_refused(home: Home, damage: str) -> None:
    earlier = StepCache(home).run(WRITE, {"number": 1}, Listener(SilentObserver(), "")).artifact
    if damage == "gone":
        shutil.rmtree(earlier.folder)
    else:
        (earlier.folder / "number.txt").write_text("2", encoding="utf-8")
    with pytest.raises(UserError, match="does not find the result of the step write as it was sealed"):
        carry_out(order(home, WRITE, {"number": 7, "earlier": earlier}))
