"""Whether one of two is faster: which clock decides, what stays open, and what noise cannot flip."""

import numpy as np
import pytest

from tasks.records import Ratio
from tasks.timing.speed import AS_FAST, ERROR, IS_FASTER, IS_NOT_SLOWER, Blocks, compare_speed, faster_of, per_block

SURE, NOISY = np.full(64, 0.5), np.exp(np.random.default_rng(0).normal(0, 1.0, 64))
"""Own times where the parent takes 1: twice as fast each time, and anything at all."""


def compared(*, disturbed: bool = False, **own: np.ndarray):
    return compare_speed({clock: np.ones(len(ms)) for clock, ms in own.items()}, own, disturbed=disturbed)


def test_the_wall_clock_decides_where_it_can() -> None:
    found = compared(wall=SURE, cpu=NOISY)
    assert (found.answer, found.clock, found.blocks) == (True, "wall", 64)
    assert (found.ratio.value, found.own_ms, found.parent_ms) == (2.0, 0.5, 1.0)


def test_where_the_wall_clock_is_open_the_threads_own_decides() -> None:
    found = compared(wall=NOISY, cpu=SURE)
    assert (found.answer, found.clock, found.ratio.value) == (True, "cpu", 2.0)
    assert found.times == "2.00x by the thread's CPU time"


def test_on_a_disturbed_machine_the_threads_own_clock_comes_first() -> None:
    assert compared(disturbed=True, wall=1.5 * SURE, cpu=SURE).clock == "cpu"
    still = compared(disturbed=True, wall=SURE, cpu=NOISY)
    assert (still.answer, still.clock) == (True, "wall")


def test_where_no_clock_can_tell_nothing_is_found_and_the_sentence_says_what_was_seen() -> None:
    found = compared(wall=NOISY, cpu=NOISY)
    assert found.answer is None
    assert found.sentence == (
        f"{found.ratio.value:.2f}x ({found.ratio.low:.2f} to {found.ratio.high:.2f}) after 64 blocks"
    )
    assert compared(disturbed=True, wall=NOISY, cpu=NOISY).clock == "cpu"


def test_two_clocks_share_the_error_and_one_has_all_of_it() -> None:
    values = np.exp(np.random.default_rng(3).normal(-0.2, 0.3, 64))
    alone, shared = compared(wall=values).ratio, compared(wall=values, cpu=NOISY).ratio
    assert shared.low < alone.low <= alone.high < shared.high
    seven = np.full(7, 0.5)
    assert compared(wall=seven).answer is True
    with pytest.raises(ValueError, match="7 blocks are too few"):
        compared(wall=seven, cpu=seven)


def test_the_wall_clocks_word_stands_where_the_other_one_differs() -> None:
    assert compared(wall=2 * np.ones(64), cpu=SURE).answer is False


def test_two_that_are_as_fast_are_settled_and_always_the_same_way() -> None:
    """Where no margin was, noise would say one or the other, or nothing after any number of blocks."""
    answers = set()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        parent, own = (rng.lognormal(0, 0.01, 64) for _ in range(2))
        answers.add(compare_speed({"wall": parent}, {"wall": own}, disturbed=False, question=IS_NOT_SLOWER).answer)
    assert answers == {True}


@pytest.mark.parametrize(
    ("low", "high", "faster", "not_slower"),
    [
        (1.01, 2.0, True, True),
        (0.9, 1.02, False, None),
        (0.98, 1.2, None, True),
        (0.5, 0.9, False, False),
        (0.8, 2.0, None, None),
    ],
)
def test_a_question_has_three_answers(low: float, high: float, faster: bool | None, not_slower: bool | None) -> None:
    ratio = Ratio(value=(low + high) / 2, low=low, high=high)
    assert (IS_FASTER.answer(ratio), IS_NOT_SLOWER.answer(ratio)) == (faster, not_slower)


def test_looking_after_every_block_until_one_likes_the_answer_is_wrong_no_more_often_than_it_may_be() -> None:
    """Two clocks, one as disturbed as the other is not; the truth is that both are as fast, and a yes is wrong."""
    rng, runs, wrong = np.random.default_rng(11), 150, 0
    for _ in range(runs):
        own: Blocks = {"wall": rng.lognormal(0, 0.5, 64), "cpu": rng.lognormal(0, 0.1, 64)}
        parent: Blocks = {"wall": rng.lognormal(0, 0.5, 64), "cpu": rng.lognormal(0, 0.1, 64)}
        wrong += any(
            compare_speed(first(parent, n), first(own, n), disturbed=bool(n % 2)).ratio.low > 1 for n in range(8, 65)
        )
    assert wrong / runs <= ERROR / 2 + 3 * np.sqrt(ERROR / 2 / runs)


def first(blocks: Blocks, count: int) -> Blocks:
    return {clock: ms[:count] for clock, ms in blocks.items()}


def test_a_machine_that_slows_down_for_a_while_slows_both() -> None:
    drift = np.linspace(1, 3, 20)
    found = compare_speed({"wall": 4.0 * drift}, {"wall": 2.0 * drift}, disturbed=False)
    assert (found.ratio.low, found.ratio.high) == pytest.approx((2.0, 2.0))


def test_of_two_ways_the_faster_one_counts_block_by_block() -> None:
    one, other = {"wall": np.array([1.0, 3.0])}, {"wall": np.array([2.0, 2.0])}
    assert faster_of(one, other)["wall"].tolist() == [1.0, 2.0]
    assert per_block({"wall": np.array([[1.0, 3.0], [4.0, 6.0]])})["wall"].tolist() == [2.0, 5.0]


@pytest.mark.parametrize("spoilt", [0.0, np.nan, np.inf, -1.0])
def test_unusable_times_are_refused(spoilt: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        compared(wall=np.append(np.ones(9), spoilt))


def test_the_margin_is_wider_than_one_run_differs_from_the_next_and_narrower_than_a_gain() -> None:
    assert 1.01 < AS_FAST < 1.15
