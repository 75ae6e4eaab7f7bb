"""What each path costs on the target, its share of tokenising and routing included, and what the static model costs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.ladder import Path as LadderPath
from engine.ladder import Request
from engine.router import PathRule, Reading
from engine.static_model import StaticModel
from engine.tokenization import TextTokenizer
from tasks.machine_lock import exclusive_machine

TIMED_ROWS: Final = 64
BLOCKS: Final = 5
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Costs:
    """Milliseconds per row, medians over blocks: `paths` (paths,) own cost of each, `static` that of the static model."""

    paths: Floats
    static: float


def measure_costs(
    ladder: Sequence[LadderPath],
    rules: Sequence[PathRule],
    tokenizer: TextTokenizer,
    static: StaticModel,
    texts: Sequence[str],
    out_of_scope_id: int | None,
    progress: Callable[[str], None] = lambda _message: None,
) -> Costs:
    """Time every stage of the ladder on the same rows, interleaved with the static model block by block.

    Waits while others measure on this machine, and tells `progress` so.
    """
    step = max(1, len(texts) // TIMED_ROWS)
    sample = list(texts)[::step][:TIMED_ROWS]
    stages, statics = [], []
    with exclusive_machine(progress):
        _block(ladder, rules, tokenizer, sample, out_of_scope_id)
        static.predict(sample)
        for _ in range(BLOCKS):
            stages.append(_block(ladder, rules, tokenizer, sample, out_of_scope_id))
            started = time.perf_counter()
            static.predict(sample)
            statics.append((time.perf_counter() - started) / len(sample) * 1e3)
    return Costs(np.median(stages, axis=0), float(np.median(statics)))


def _block(
    ladder: Sequence[LadderPath],
    rules: Sequence[PathRule],
    tokenizer: TextTokenizer,
    texts: Sequence[str],
    out_of_scope_id: int | None,
) -> Floats:
    """Path by path over all texts: a path is mostly followed by itself, as the static model is, with its weights at hand."""
    started = time.perf_counter()
    requests = [Request(tokenizer.encode(text)) for text in texts]
    readings: list[Reading | None] = [None] * len(texts)
    spent = np.zeros(len(ladder))
    for number, (path, rule) in enumerate(zip(ladder, rules, strict=True)):
        for row, request in enumerate(requests):
            logits, embedding = path.run(request)
            readings[row] = rule.read(
                logits,
                embedding,
                readings[row],
                tokens=len(request.ids),
                novelty=request.novelty,
                out_of_scope_id=out_of_scope_id,
            )
        finished = time.perf_counter()
        spent[number] = finished - started
        started = finished
    return spent / len(texts) * 1e3
