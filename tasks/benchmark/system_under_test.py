"""The system under test as LoadGen sees it: a model behind callbacks that never raise and always complete a query.

An exception in a callback ends the process with SIGSEGV and a query that is never completed hangs the run, so whatever
a prediction raises is counted here and the query is completed all the same. A refusal is no answer and counts as an error too.
"""

import array
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, Protocol, Self

import mlperf_loadgen

from tasks.benchmark.errors import BenchmarkError

_WARM_UP_ANSWERS: Final = 8


class Answer(Protocol):
    """What the benchmark reads of a prediction."""

    @property
    def path(self) -> str:
        """Name of the path that answered; empty where the text is refused."""
        ...


class Model(Protocol):
    """What is measured; `engine.AdaptiveModel` and `engine.StaticModel` are such models."""

    def predict(self, texts: list[str], /) -> Sequence[Answer]:
        """One answer per text; called from several threads at once."""
        ...


def nothing() -> None:
    """What is done after an answer that nobody waits for."""


class SystemUnderTest:
    """Answers LoadGen's queries about `texts`, one at a time, in the callback or from `workers` threads.

    With no workers a query is answered inside the callback, as SingleStream wants it. `answered` is called behind every
    answer, outside of what is timed. Use it as a context manager:
    entering starts the threads and lets every one of them answer a few texts, so that none is cold when the run begins.
    """

    def __init__(
        self, model: Model, texts: Sequence[str], *, workers: int, answered: Callable[[], None] = nothing
    ) -> None:
        self.errors = 0
        self._answered = answered
        self._model = model
        self._texts = texts
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[tuple[int, int] | None] = queue.SimpleQueue()
        self._warm = threading.Barrier(workers + 1)
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        # LoadGen copies an answer's bytes; these four stand for every answer and must outlive all queries.
        self._answer = array.array("B", bytes(4))
        self._address, self._size = self._answer.buffer_info()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        if self._threads:
            self._warm.wait()
        else:
            self._warm_up()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for _thread in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def issue(self, queries: list[Any]) -> None:
        """LoadGen's callback: answers at once, or hands the queries to the workers."""
        if self._threads:
            for query in queries:
                self._queue.put((query.id, query.index))
        else:
            for query in queries:
                self._complete(query.id, query.index)
                self._answered()

    def flush(self) -> None:
        """LoadGen's callback after the last query: nothing waits to be batched."""

    def _work(self) -> None:
        self._warm_up()
        self._warm.wait()
        while (query := self._queue.get()) is not None:
            self._complete(*query)
            self._answered()

    def _warm_up(self) -> None:
        for text in self._texts[:_WARM_UP_ANSWERS]:
            self._raised(text)
            self._answered()

    def _complete(self, query_id: int, index: int) -> None:
        failure = self._raised(self._texts[index])
        response = mlperf_loadgen.QuerySampleResponse(query_id, self._address, self._size)
        mlperf_loadgen.QuerySamplesComplete([response])
        if failure is not None:
            self._count(failure)

    def _raised(self, text: str) -> Exception | None:
        try:
            (answer,) = self._model.predict([text])
            refused = not answer.path
        except Exception as failure:  # noqa: BLE001 - see the module's docstring: nothing may leave a callback
            return failure
        return BenchmarkError(f"a text that was answered before is refused: {text[:60]!r}") if refused else None

    def _count(self, failure: Exception) -> None:
        with self._lock:
            self.errors += 1
            if self.errors == 1:
                traceback.print_exception(failure, file=sys.stderr)
