"""The interleaved comparison: same inputs for all, changing order, blocks alike in their strata."""

import time
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.benchmark.comparison import affordable_inputs, block_indices, compare, running_order
from tasks.benchmark.errors import BenchmarkError


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


def test_blocks_of_slow_models_are_smaller_than_usual_and_never_tiny() -> None:
    models = {"adaptive": Slow(seconds=0.002), "static-fp32": Slow(seconds=0.004)}
    texts = ["a"] * 40

    def size(longest_s: float) -> int:
        return affordable_inputs(models, texts, repeats=5, most=150, budget_s=0.0, longest_s=longest_s)

    # An input in every block takes 5 * (2 + 2 + 4) ms or a little more.
    assert size(100.0) == 20
    assert 5 <= size(0.5) <= 12
    assert size(0.0) == 4


def test_an_input_that_one_model_refuses_is_timed_for_none() -> None:
    adaptive, refusing = Echo(), Refusing(even_only=True)
    texts = [str(number) for number in range(40)]

    timings, repeat = compare(
        {"adaptive": adaptive, "champion": refusing}, texts, ["a"] * 40, repeats=4, inputs_per_block=10
    )

    sizes = [[len(block) for block in timing.blocks_ms] for timing in (*timings, repeat)]
    assert sizes[0] == sizes[1] == sizes[2]
    assert sum(sizes[0]) == 20


def test_models_that_have_no_input_in_common_are_an_error_that_says_who_refuses() -> None:
    with pytest.raises(BenchmarkError, match="champion refuses 10"):
        compare({"adaptive": Echo(), "champion": Refusing()}, ["1"] * 40, ["a"] * 40, repeats=4, inputs_per_block=10)


@dataclass
class Slow(Echo):
    seconds: float = 0.0

    def predict(self, texts: list[str]) -> list["Echo"]:
        time.sleep(self.seconds)
        return super().predict(texts)


@dataclass
class Refusing(Echo):
    """Has no answer to odd numbers, or to all."""

    even_only: bool = False

    def predict(self, texts: list[str]) -> list["Echo"]:
        return [Echo() if self.even_only and int(texts[0]) % 2 == 0 else Echo(path="")]
