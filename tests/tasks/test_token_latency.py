"""Token latencies: what is streamed is timed where it arrives, and every text is asked as often as the others."""

from collections import Counter
from types import SimpleNamespace

import pytest

from tasks.benchmark.evidence import token_latency
from tasks.benchmark.job import TokenRun
from tasks.benchmark.tokens import StreamingModel, time_tokens


class Streams:
    """Streams a text's words."""

    def __init__(self) -> None:
        self.streamed: list[str] = []

    def predict(self, texts: list[str]) -> list[SimpleNamespace]:
        return [SimpleNamespace(tokens=len(text.split())) for text in texts]

    def generate(self, text: str):
        self.streamed.append(text)
        yield from text.split()


def test_every_text_is_streamed_as_often_and_its_tokens_are_counted() -> None:
    model = Streams()
    run = time_tokens(model, ["a b c", "", "a"], 9)
    assert Counter(model.streamed[3:]) == {"a b c": 3, "": 3, "a": 3}
    assert sorted(run.tokens) == [0, 0, 0, 1, 1, 1, 3, 3, 3]
    for first, total in zip(run.first_ms, run.total_ms, strict=True):
        assert 0 < first <= total


def test_a_further_tokens_time_is_a_requests_mean_and_single_tokens_have_none() -> None:
    run = TokenRun(first_ms=(2.0, 4.0, 6.0), total_ms=(2.0, 10.0, 8.0), tokens=(1, 4, 2))
    latency = token_latency(run)
    assert latency.queries == 3
    assert [percentile.value_ms for percentile in latency.first] == [4.0, 6.0, 6.0]
    assert [percentile.value_ms for percentile in latency.further] == [2.0, 2.0, 2.0]
    assert all(percentile.upper_bound_ms is None and percentile.missing > 0 for percentile in latency.first)
    assert latency.tokens_per_second == pytest.approx(7 / 0.020)
    assert latency.mean_tokens == pytest.approx(7 / 3)


def test_answers_of_one_token_have_no_further_percentiles() -> None:
    assert token_latency(TokenRun(first_ms=(1.0,), total_ms=(1.0,), tokens=(1,))).further == ()


def test_a_classifier_streams_nothing() -> None:
    assert not isinstance(SimpleNamespace(predict=lambda texts: texts), StreamingModel)
    assert isinstance(Streams(), StreamingModel)
