"""Interleaved comparison: all contenders answer the same inputs block by block, in an order that rotates and turns.

Whatever drifts while it runs (clock rates, neighbours, caches) hits all contenders alike, and the ratio of a block's
means cancels it. One contender runs twice in every block: the A/A ratio says how much noise is left.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tasks.benchmark.job import Timings
from tasks.benchmark.system_under_test import Model

_SEED: Final = 20_029
_WARM_UP_ANSWERS: Final = 3
_FEWEST_INPUTS: Final = 20


def compare(
    contenders: Mapping[str, Model],
    texts: Sequence[str],
    strata: Sequence[str],
    *,
    repeats: int,
    inputs_per_block: int,
) -> tuple[tuple[Timings, ...], Timings]:
    """Times every contender over `repeats` blocks of inputs, batch 1; returns their timings and the A/A repeat's.

    `strata`: the stratum of each text (the path that answers it); every block holds the strata in their overall
    shares, so that blocks differ by time and not by difficulty. The first contender is the one that runs twice.
    """
    names = [*contenders]
    models = [*contenders.values(), contenders[names[0]]]
    blocks: list[list[tuple[float, ...]]] = [[] for _ in models]
    for number in range(repeats):
        block = [texts[index] for index in block_indices(strata, inputs_per_block, number, repeats)]
        for position in running_order(len(models), number):
            blocks[position].append(_answer_times_ms(models[position], block))
    runners = [*names, names[0]]
    timings = [Timings(name=name, blocks_ms=tuple(times)) for name, times in zip(runners, blocks, strict=True)]
    return tuple(timings[:-1]), timings[-1]


def affordable_inputs(
    contenders: Mapping[str, Model], texts: Sequence[str], *, repeats: int, most: int, budget_s: float
) -> int:
    """How many inputs a block may have for all blocks to take about `budget_s` seconds; at least twenty."""
    chosen = np.random.default_rng(_SEED).permutation(len(texts))[:_FEWEST_INPUTS]
    sample = [texts[index] for index in chosen]
    costs_ms = [sum(_answer_times_ms(model, sample)) / len(sample) for model in contenders.values()]
    per_input_s = (sum(costs_ms) + costs_ms[0]) / 1e3
    return max(_FEWEST_INPUTS, min(most, int(budget_s / (repeats * per_input_s))))


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


def _answer_times_ms(model: Model, texts: Sequence[str]) -> tuple[float, ...]:
    for text in texts[:_WARM_UP_ANSWERS]:
        model.predict([text])
    times = []
    for text in texts:
        begin = time.perf_counter()
        model.predict([text])
        times.append((time.perf_counter() - begin) * 1e3)
    return tuple(times)
