"""The system under test whose answers are streamed: it tells LoadGen of the first piece, and at the end of all tokens.

LoadGen takes no answer of fewer than two tokens. The end of an answer takes a step of its own, so that it is counted as the
second token of an answer that has one; an answer without any text begins when it ends.
"""

from collections.abc import Callable
from typing import Final

import mlperf_loadgen

from tasks.benchmark.system_under_test import SystemUnderTest, nothing
from tasks.benchmark.tokens import StreamedTexts, StreamingModel

_FEWEST_TOKENS: Final = 2


class StreamingSystem(SystemUnderTest):
    """Streams the answers to LoadGen's queries about `texts`, from `workers` threads; see SystemUnderTest."""

    def __init__(
        self, model: StreamingModel, texts: StreamedTexts, *, workers: int, answered: Callable[[], None] = nothing
    ) -> None:
        super().__init__(model, texts.texts, workers=workers, answered=answered)
        self._streaming = model
        self._tokens = texts.tokens

    def _complete(self, query_id: int, index: int) -> None:
        tokens = max(_FEWEST_TOKENS, self._tokens[index])
        response = mlperf_loadgen.QuerySampleResponse(query_id, self._address, self._size, tokens)
        begun, failure = False, None
        try:
            for _piece in self._streaming.generate(self._texts[index]):
                if not begun:
                    mlperf_loadgen.FirstTokenComplete([response])
                    begun = True
        except Exception as error:  # noqa: BLE001 - nothing may leave a callback, as in the other system
            failure = error
        if not begun:
            mlperf_loadgen.FirstTokenComplete([response])
        mlperf_loadgen.QuerySamplesComplete([response])
        if failure is not None:
            self._count(failure)

    def _raised(self, text: str) -> Exception | None:
        try:
            for _piece in self._streaming.generate(text):
                pass
        except Exception as failure:  # noqa: BLE001 - see above
            return failure
        return None
