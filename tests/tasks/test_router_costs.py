"""What paths cost is told by the clock that others do not disturb, so that a busy machine makes the same ladder."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tasks.families.classification.routing.costs import Costs, TimedLadder, measure_costs
from tests.made_up_time import Machine

TEXTS = [f"text {number}" for number in range(10)]


def costs_on(machine: Machine, *ladders: dict[str, float]) -> list[Costs]:
    """Of ladders by their paths' milliseconds; tokenising takes 1 ms, the static model 7."""

    def path(milliseconds: float) -> Any:
        def run(_request: object) -> tuple[None, None]:
            machine.spend(milliseconds)
            return None, None

        return SimpleNamespace(run=run)

    def encode(_text: str) -> np.ndarray:
        machine.spend(1.0)
        return np.zeros(3, dtype=np.int64)

    def predict(texts: list[str]) -> None:
        machine.spend(7.0 * len(texts))

    rule: Any = SimpleNamespace(read=lambda *_, **__: None)
    timed = [TimedLadder([path(ms) for ms in ladder.values()], [rule] * len(ladder)) for ladder in ladders]
    tokenizer: Any = SimpleNamespace(encode=encode)
    static: Any = SimpleNamespace(predict=predict)
    return measure_costs(timed, tokenizer, static, TEXTS, None, watch=machine.watch, what="the costs of the paths")


@pytest.fixture
def on_machine(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Machine]:
    monkeypatch.setenv("MIAOTUI_LOCK_FOLDER", str(tmp_path))
    return lambda others: Machine({}, others)


@pytest.mark.parametrize("others", [0.0, 0.5])
def test_costs_are_the_same_whoever_else_is_on_the_machine(on_machine, others: float) -> None:
    machine = on_machine(others)
    own, pruned = costs_on(machine, {"lexical": 0.5, "full": 6.0}, {"lexical": 0.5, "full": 4.0})
    assert own.paths == pytest.approx([1.5, 6.0])
    assert pruned.paths == pytest.approx([1.5, 4.0])
    assert own.static == pruned.static == pytest.approx(7.0)
    assert bool(machine.watch.doubts()) == (others > 0)


def test_a_few_disturbed_blocks_move_no_cost(on_machine) -> None:
    machine = on_machine(0.0)
    blocks = iter(range(1000))

    def sometimes(_request: object) -> tuple[None, None]:
        machine.spend(500.0 if next(blocks) % 30 < 10 else 2.0)
        return None, None

    ladder = TimedLadder([SimpleNamespace(run=sometimes)], [SimpleNamespace(read=lambda *_, **__: None)])  # type: ignore[list-item]
    (costs,) = measure_costs(
        [ladder],
        SimpleNamespace(encode=lambda _text: np.zeros(3, dtype=np.int64)),  # type: ignore[arg-type]
        SimpleNamespace(predict=lambda texts: machine.spend(7.0 * len(texts))),  # type: ignore[arg-type]
        TEXTS,
        None,
        watch=machine.watch,
        what="costs",
    )
    assert costs.paths == pytest.approx([2.0])
