"""What each path costs on the target, its share of tokenising and routing included, and what the static model costs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.classification.ladder import Path as LadderPath
from engine.classification.ladder import Request
from engine.classification.router import PathRule, Reading
from engine.classification.static_model import StaticModel
from engine.tokenization import TextTokenizer
from tasks.timing.stopwatch import Stopwatch, steady_clock

TIMED_ROWS: Final = 64
BLOCKS: Final = 9
"""Of which the median is taken: no more than four may be disturbed."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Costs:
    """Milliseconds per row, medians over blocks: `paths` (paths,) own cost of each, `static` that of the static model."""

    paths: Floats
    static: float


@dataclass(frozen=True)
class TimedLadder:
    """One ladder to be timed: its paths, and the rules that read them."""

    paths: Sequence[LadderPath]
    rules: Sequence[PathRule]


def measure_costs(
    ladders: Sequence[TimedLadder],
    tokenizer: TextTokenizer,
    static: StaticModel,
    texts: Sequence[str],
    out_of_scope_id: int | None,
    *,
    watch: Stopwatch,
    what: str,
) -> list[Costs]:
    """Time every stage of every ladder on the same rows, interleaved with the static model block by block.

    By the thread's CPU time where others disturb the machine. Waits while others measure on it.
    """
    step = max(1, len(texts) // TIMED_ROWS)
    sample = list(texts)[::step][:TIMED_ROWS]
    read = list(watch.clocks.values())
    runs: list[Callable[[], list[Floats]]] = [
        lambda ladder=ladder: _stages(ladder, tokenizer, sample, out_of_scope_id, read)  # type: ignore[misc]
        for ladder in ladders
    ]
    runs.append(lambda: _whole(static, sample, read))
    blocks: list[list[Floats]] = [[] for _ in runs]
    with watch.alone(what):
        for number in range(-1, BLOCKS):  # the first one warms up
            shift = max(0, number) % len(runs)
            for contender in [*range(shift, len(runs)), *range(shift)]:
                marks = np.array(runs[contender]())
                if number >= 0:
                    blocks[contender].append(np.diff(marks, axis=0) / len(sample) * 1e3)
    clock = list(watch.clocks).index(steady_clock(watch.clocks, disturbed=watch.disturbed(what)))
    *own, (static_ms,) = [np.median(each, axis=0)[:, clock] for each in blocks]
    return [Costs(paths, float(static_ms)) for paths in own]


def _stages(
    ladder: TimedLadder,
    tokenizer: TextTokenizer,
    texts: Sequence[str],
    out_of_scope_id: int | None,
    read: Sequence[Callable[[], float]],
) -> list[Floats]:
    """What the clocks read before and after each path over all texts; the first has tokenising with it.

    A path is mostly followed by itself, as the static model is, with its weights at hand.
    """
    marks = [_now(read)]
    requests = [Request(tokenizer.encode(text)) for text in texts]
    readings: list[Reading | None] = [None] * len(texts)
    for path, rule in zip(ladder.paths, ladder.rules, strict=True):
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
        marks.append(_now(read))
    return marks


def _whole(static: StaticModel, texts: list[str], read: Sequence[Callable[[], float]]) -> list[Floats]:
    before = _now(read)
    static.predict(texts)
    return [before, _now(read)]


def _now(read: Sequence[Callable[[], float]]) -> Floats:
    return np.array([clock() for clock in read])
