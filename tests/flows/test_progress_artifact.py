"""A run's progress artifact says how far it is, seldom enough not to disturb what is measured."""

from uuid import UUID, uuid4

import pytest

from flows.pages.progress import ProgressArtifact, showing_progress
from flows.progress import SilentObserver


class Written:
    """Stands for the server: what was written, in order, as whole percents and sentences."""

    def __init__(self) -> None:
        self.id = uuid4()
        self.entries: list[tuple[int, str]] = []

    def create(self, kind: str, key: str, data: float, description: str) -> UUID:
        assert (kind, key, self.entries) == ("progress", "progress-a", [])
        self.entries.append((round(data), description))
        return self.id

    def update(self, artifact: UUID, _key: str, data: float, description: str) -> None:
        assert artifact == self.id
        self.entries.append((round(data), description))


class Run:
    """An artifact whose clock can be set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.server = Written()
        self.artifact = ProgressArtifact("a", self.server, clock=lambda: self.now)  # type: ignore[arg-type]
        self.artifact.planned(["snapshot", "fine-tune", "benchmark", "verdict"])

    def at(self, seconds: float) -> ProgressArtifact:
        self.now = seconds
        return self.artifact


def test_the_share_is_of_all_steps_with_the_part_of_the_running_one() -> None:
    run = Run()
    run.at(0).started("snapshot")
    run.at(4).finished("snapshot", reused=True, seconds=9)
    run.at(5).started("fine-tune")
    run.at(20).progressed("fine-tune", "epoch 2 of 4", 0.5)
    run.at(40).progressed("fine-tune", "tune accuracy 0.9")
    assert run.server.entries == [
        (25, "fine-tune"),
        (38, "fine-tune: epoch 2 of 4"),
        (38, "fine-tune: tune accuracy 0.9"),
    ]


def test_a_step_that_goes_on_is_shown_at_most_every_ten_seconds() -> None:
    run = Run()
    run.at(0).started("benchmark")
    for tenth in range(1, 601):
        run.at(tenth / 10).progressed("benchmark", "SingleStream", tenth / 600)
    assert len(run.server.entries) == 6


def test_a_burst_of_reused_steps_is_shown_at_most_every_few_seconds() -> None:
    run = Run()
    labels = [f"step {number}" for number in range(50)]
    run.artifact.planned(labels)
    for number, label in enumerate(labels):
        run.at(number / 10).started(label)
        run.artifact.finished(label, reused=True, seconds=1)
    assert len(run.server.entries) == 1


def test_a_run_of_a_few_seconds_leaves_no_artifact() -> None:
    run = Run()
    run.at(0).started("snapshot")
    run.at(2).finished("snapshot", reused=True, seconds=9)
    run.at(2.5).ended("done", complete=True)
    assert run.server.entries == []


@pytest.mark.parametrize(("complete", "percent"), [(True, 100), (False, 0)])
def test_the_last_word_is_written_whenever_it_comes(complete: bool, percent: int) -> None:
    run = Run()
    run.at(5).started("snapshot")
    run.at(5.1).ended("over", complete=complete)
    assert run.server.entries[-1] == (percent, "over")


def test_steps_that_run_side_by_side_add_up() -> None:
    run = Run()
    run.at(0).started("fine-tune")
    run.at(0).started("benchmark")
    run.at(1).progressed("fine-tune", "a", 0.5)
    run.at(20).progressed("benchmark", "b", 0.5)
    assert run.server.entries == [(25, "benchmark: b")]


def test_nobody_else_is_told_outside_of_a_flow_run() -> None:
    silent = SilentObserver()
    with showing_progress("a", silent) as observer:
        assert observer is silent
