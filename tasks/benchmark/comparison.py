"""Interleaved comparison: all contenders answer the same inputs block by block, in an order that rotates and turns.

Whatever drifts while it runs (clock rates, neighbours, caches) hits all contenders alike, and the ratio of a block's
means cancels it. One contender runs twice in every block: the A/A ratio says how much noise is left.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.job import Timings
from tasks.benchmark.system_under_test import Model, nothing

_SEED: Final = 20_029
_WARM_UP_ANSWERS: Final = 3
_BUDGET_S: Final = 12.0
_USUAL_INPUTS: Final = 20
_LONGEST_S: Final = 300.0
"""What a comparison of slow models may take to have the usual inputs in a block; where that is not enough, a block has fewer."""
_FEWEST_INPUTS: Final = 4
_SAMPLE_S: Final = 5.0


def compare(
    contenders: Mapping[str, Model],
    texts: Sequence[str],
    strata: Sequence[str],
    *,
    repeats: int,
    inputs_per_block: int,
    answered: Callable[[], None] = nothing,
) -> tuple[tuple[Timings, ...], Timings]:
    """Times every contender over `repeats` blocks of inputs, batch 1; returns their timings and the A/A repeat's.

    `strata`: the stratum of each text (the path that answers it); every block holds the strata in their overall
    shares, so that blocks differ by time and not by difficulty. The first contender is the one that runs twice. An input
    that any contender refuses is left out of its block for all of them. `answered` is called behind every answer.
    Raises BenchmarkError where a block has no input that all answer.
    """
    names = [*contenders]
    models = [*contenders.values(), contenders[names[0]]]
    blocks: list[list[tuple[float, ...]]] = [[] for _ in models]
    for number in range(repeats):
        block = [texts[index] for index in block_indices(strata, inputs_per_block, number, repeats)]
        times: dict[int, list[float | None]] = {}
        for position in running_order(len(models), number):
            times[position] = _answer_times_ms(models[position], block, answered)
        common = [index for index in range(len(block)) if all(own[index] is not None for own in times.values())]
        if not common:
            raise BenchmarkError(_refusing([*names, names[0]], times))
        for position, own in times.items():
            blocks[position].append(tuple(time_ms for index in common if (time_ms := own[index]) is not None))
    runners = [*names, names[0]]
    timings = [Timings(name=name, blocks_ms=tuple(own)) for name, own in zip(runners, blocks, strict=True)]
    return tuple(timings[:-1]), timings[-1]


def affordable_inputs(
    contenders: Mapping[str, Model],
    texts: Sequence[str],
    *,
    repeats: int,
    most: int,
    budget_s: float = _BUDGET_S,
    longest_s: float = _LONGEST_S,
    answered: Callable[[], None] = nothing,
) -> int:
    """How many inputs a block may have for all blocks to take about `budget_s` seconds, from a few answers of each contender.

    At least twenty, if that takes no more than `longest_s`; at least four, however slow the models are.
    """
    chosen = np.random.default_rng(_SEED).permutation(len(texts))[:_USUAL_INPUTS]
    sample = [texts[index] for index in chosen]
    costs_s = [_mean_s(model, sample, answered) for model in contenders.values()]
    block_s = repeats * (sum(costs_s) + costs_s[0])  # of one input in every block
    affordable = min(most, int(budget_s / block_s))
    return max(affordable, min(_USUAL_INPUTS, int(longest_s / block_s)), _FEWEST_INPUTS)


def running_order(contenders: int, block: int) -> list[int]:
    """Order of the contenders in a block: rotated by one each block and turned round in every second one.

    Rotation alone would leave everyone with the same predecessor, whose data fills the caches, in all blocks.
    """
    first = block % contenders
    order = [*range(first, contenders), *range(first)]
    return order if block % 2 == 0 else order[::-1]


def block_indices(strata: Sequence[str], size: int, block: int, blocks: int) -> list[int]:
    """Indices of a block's inputs: a systematic sample of the inputs ordered by stratum, in random order.

    The blocks' samples start at different offsets, so together they cover up to `size` times `blocks` inputs.
    """
    shuffled = np.random.default_rng(_SEED).permutation(len(strata)).tolist()
    ordered = sorted(shuffled, key=lambda index: strata[index])
    size = min(size, len(ordered))
    chosen = [ordered[(step * blocks + block) * len(ordered) // (size * blocks)] for step in range(size)]
    return [chosen[position] for position in np.random.default_rng((_SEED, block)).permutation(size)]


def _answer_times_ms(model: Model, texts: Sequence[str], answered: Callable[[], None]) -> list[float | None]:
    """Milliseconds for each text; None for one that is refused."""
    # A small block is one of slow models, which have little to warm up.
    for text in texts[: max(1, min(_WARM_UP_ANSWERS, len(texts) // _FEWEST_INPUTS))]:
        model.predict([text])
        answered()
    times: list[float | None] = []
    for text in texts:
        begin = time.perf_counter()
        (answer,) = model.predict([text])
        passed = (time.perf_counter() - begin) * 1e3
        times.append(passed if answer.path else None)
        answered()
    return times


def _mean_s(model: Model, texts: Sequence[str], answered: Callable[[], None]) -> float:
    """Seconds for a text, from as many of them as a few seconds suffice for."""
    for text in texts[:_WARM_UP_ANSWERS]:
        model.predict([text])
        answered()
    times: list[float] = []
    for text in texts:
        begin = time.perf_counter()
        model.predict([text])
        times.append(time.perf_counter() - begin)
        answered()
        if sum(times) > _SAMPLE_S:
            break
    return statistics.fmean(times)


def _refusing(names: Sequence[str], times: Mapping[int, Sequence[float | None]]) -> str:
    counts = {names[position]: sum(time_ms is None for time_ms in own) for position, own in times.items()}
    refused = ", ".join(f"{name} refuses {count}" for name, count in counts.items() if count)
    return f"no input of a block of {len(times[0])} is answered by all models that are compared: {refused}"
