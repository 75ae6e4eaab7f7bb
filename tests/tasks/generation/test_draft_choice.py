"""Of drafts that are as fast the simplest is taken, whichever noise favours and whoever else is on the machine."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from engine.generation.router import PathRule
from tasks.data.rows import Row
from tasks.families.generation.routing import drafts
from tests.made_up_time import Machine

ROWS = [Row(f"prompt {number}", "answer") for number in range(24)]


@dataclass(frozen=True)
class FakeTrial:
    """One path, which takes as long as its rule's number of draft tokens says."""

    machine: Machine
    milliseconds: dict[int, float]
    rules: dict[str, PathRule] = field(default_factory=lambda: {"full": PathRule("full", cost_ms=0.0)})

    @property
    def paths(self) -> list[str]:
        return list(self.rules)

    def with_rule(self, rule: PathRule, *, behind: bool = False) -> "FakeTrial":
        del behind
        return replace(self, rules={rule.name: rule})

    def model(self, name: str) -> Any:
        tokens = self.rules[name].draft_tokens

        class Model:
            @staticmethod
            def predict(_text: str) -> None:
                self.machine.spend(self.milliseconds[tokens])

        return Model


@pytest.fixture
def chosen(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, float]]:
    monkeypatch.setenv("MIAOTUI_LOCK_FOLDER", str(tmp_path))
    monkeypatch.setattr(drafts, "timed_rows", lambda _trial, rows, most: np.arange(min(len(rows), most)))

    def choose(milliseconds: dict[int, float], others: float = 0.0) -> tuple[int, float]:
        machine = Machine({}, others)
        trial: Any = FakeTrial(machine, milliseconds)
        found = drafts.fastest_drafts(trial, ROWS, machine.watch, small=None).first["full"]
        return found.phrase_tokens, found.speedup

    return choose


@pytest.mark.parametrize("others", [0.0, 0.5])
def test_the_fastest_is_taken_and_its_gain_told(chosen, others: float) -> None:
    tokens, gain = chosen({0: 8.0, 4: 5.0, 8: 4.0, 16: 6.0}, others)
    assert (tokens, gain) == (8, pytest.approx(2.0))


@pytest.mark.parametrize("eight", [3.95, 4.0, 4.05])
def test_of_such_that_are_as_fast_the_simplest_is_taken(chosen, eight: float) -> None:
    assert chosen({0: 8.0, 4: 4.0, 8: eight, 16: 4.02})[0] == 4


def test_where_no_draft_gains_anything_there_is_none(chosen) -> None:
    assert chosen({0: 8.0, 4: 7.9, 8: 8.1, 16: 7.95})[0] == 0
