"""The interleaved comparison: same inputs for all, changing order, blocks alike in their strata."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.benchmark.comparison import affordable_inputs, block_indices, compare, running_order


@dataclass
class Echo:
    """Answers at once and remembers what it was asked."""

    path: str = "lexical"
    asked: list[str] = field(default_factory=list)

    def predict(self, texts: list[str]) -> list["Echo"]:
        self.asked += texts
        return [self]


def test_all_contenders_of_a_block_answer_the_same_inputs_and_the_first_twice() -> None:
    texts = [str(number) for number in range(100)]
    adaptive, static = Echo(), Echo()

    timings, repeat = compare(
        {"adaptive": adaptive, "static-int8": static}, texts, ["lexical"] * 100, repeats=4, inputs_per_block=10
    )

    assert [timing.name for timing in timings] == ["adaptive", "static-int8"]
    assert repeat.name == "adaptive"
    assert all([len(block) for block in timing.blocks_ms] == [10] * 4 for timing in (*timings, repeat))
    assert Counter(adaptive.asked) == {text: 2 * times for text, times in Counter(static.asked).items()}


def test_blocks_together_cover_all_inputs_when_there_is_room() -> None:
    covered = {index for block in range(5) for index in block_indices(["a"] * 100, 20, block, 5)}

    assert covered == set(range(100))


@given(
    strata=st.lists(st.sampled_from(["lexical", "layer-1", "full"]), min_size=1, max_size=200),
    size=st.integers(1, 60),
    blocks=st.integers(1, 12),
)
def test_every_block_holds_the_strata_in_their_shares(strata: list[str], size: int, blocks: int) -> None:
    for block in range(blocks):
        chosen = block_indices(strata, size, block, blocks)

        assert len(chosen) == len(set(chosen)) == min(size, len(strata))
        counts = Counter(strata[index] for index in chosen)
        for stratum, overall in Counter(strata).items():
            assert abs(counts[stratum] - overall * len(chosen) / len(strata)) < 2


def test_blocks_are_the_same_in_every_process() -> None:
    assert block_indices(["a", "b"] * 20, 8, 3, 5) == block_indices(["a", "b"] * 20, 8, 3, 5)


def test_every_contender_gets_every_place_and_several_predecessors() -> None:
    orders = [running_order(3, block) for block in range(6)]

    for contender in range(3):
        assert {order.index(contender) for order in orders} == {0, 1, 2}
        predecessors = {order[order.index(contender) - 1] for order in orders if order.index(contender)}
        assert len(predecessors) == 2


@pytest.mark.parametrize(("budget_s", "expected"), [(0.0, 20), (1e6, 150)])
def test_inputs_per_block_follow_the_budget_within_bounds(budget_s: float, expected: int) -> None:
    models = {"adaptive": Echo(), "static-int8": Echo()}

    assert affordable_inputs(models, ["a"] * 40, repeats=5, most=150, budget_s=budget_s) == expected
