"""A step that counts how often it ran, in a cache whose code and machine are given, for tests of what is reused."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType

import pytest

from flows.home import Home
from flows.steps.cache import StepCache, StepRun
from flows.steps.code_digest import Code
from tasks.artifact import Measurement, Record, Workspace
from tasks.step import Step


class Count(Record):
    value: float
    pairs: dict[int, float] | None = None
    names: tuple[str, ...] = ()


MODULE = "fake_steps_of_the_cache"


class Times(Measurement):
    ms: float


COUNT = Step("count", f"{MODULE}:count", Count)
MEASURE = Step("measure", f"{MODULE}:count", Count, measures=True)
TIME = Step("time", f"{MODULE}:count", Times, measures=True)
ELSEWHERE = Step("elsewhere", f"{MODULE}:count", Count, measures_elsewhere=True)
CODE = Code("code", (MODULE,), {"numpy": "2.4"})


def silent(message: str, fraction: float | None = None) -> None:
    del message, fraction


@dataclass
class FakeSteps:
    """Counts how often the step ran; `body` is what it does."""

    runs: int = 0
    body: Callable[[Workspace], Count] | None = None

    def count(self, *, workspace: Workspace, **inputs: object) -> Count:
        self.runs += 1
        if self.body:
            return self.body(workspace)
        (workspace.out / "nested").mkdir()
        (workspace.out / "nested" / "file.txt").write_text(repr(sorted(inputs)), encoding="utf-8")
        (workspace.out / "weights.bin").write_bytes(b"\0" * 100)
        return Count(value=self.runs, pairs={4: 0.5}, names=("a", "é"))


def counted(monkeypatch: pytest.MonkeyPatch) -> FakeSteps:
    """The step's module, for as long as the test runs."""
    fake = FakeSteps()
    module = ModuleType(MODULE)
    module.count = fake.count  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, MODULE, module)
    return fake


def cache_for(home: Home, code: Code = CODE, machine: str = "this") -> StepCache:
    return StepCache(home, code=lambda _module: code, machine=lambda: machine)


def run(home: Home, inputs: Mapping[str, object] | None = None, step: Step[Count] = COUNT) -> StepRun[Count]:
    return cache_for(home).run(step, inputs or {}, silent)
