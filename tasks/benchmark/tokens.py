"""Token latencies of a model that streams: one request after the other, timed where a reader of the stream would be.

What counts as the first token's time is when the first piece arrives, not when a model first thought of it: an answer that
is judged as a whole before it is given arrives whole.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np

from tasks.benchmark.job import TokenRun
from tasks.benchmark.system_under_test import Answer, nothing

_SEED: Final = 20_047
_WARM_UP_ANSWERS: Final = 3


@runtime_checkable
class Counted(Answer, Protocol):
    """What is read of an answer that has tokens."""

    @property
    def tokens(self) -> int:
        """How many it has."""
        ...


@runtime_checkable
class StreamingModel(Protocol):
    """What can be measured by its tokens; the engine's generation model is one."""

    def predict(self, texts: list[str], /) -> Sequence[Counted]:
        """One answer per text."""
        ...

    def generate(self, text: str, /) -> Iterator[str]:
        """The same answer in pieces."""
        ...


@dataclass(frozen=True, slots=True)
class StreamedTexts:
    """Texts that can be answered, and how many tokens each answer has.

    Greedy answers are the same each time, so their tokens are counted outside of what is timed.
    """

    texts: Sequence[str]
    tokens: Sequence[int]


def time_tokens(
    model: StreamingModel, asked: StreamedTexts, queries: int, answered: Callable[[], None] = nothing
) -> TokenRun:
    """Streams `queries` answers to texts in random order, each text as often as the others; `answered` is called behind each."""
    order = np.random.default_rng(_SEED).permutation(np.arange(queries) % len(asked.texts)).tolist()
    for number in order[:_WARM_UP_ANSWERS]:
        _stream(model, asked.texts[number])
        answered()
    times = []
    for number in order:
        times.append(_stream(model, asked.texts[number]))
        answered()
    return TokenRun(
        first_ms=tuple(first for first, _ in times),
        total_ms=tuple(total for _, total in times),
        tokens=tuple(asked.tokens[number] for number in order),
    )


def _stream(model: StreamingModel, text: str) -> tuple[float, float]:
    """Milliseconds to the first piece and to the end; an answer without any text has its end for both."""
    begin = time.perf_counter()
    first = None
    for _piece in model.generate(text):
        if first is None:
            first = time.perf_counter()
    end = time.perf_counter()
    return ((first or end) - begin) * 1e3, (end - begin) * 1e3
