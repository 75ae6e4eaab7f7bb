"""Token latencies: what is streamed is timed where it arrives, and every text is asked as often as the others."""

from collections import Counter
from types import SimpleNamespace

import pytest

from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.evidence import token_latency, token_server
from tasks.benchmark.job import LoadRun, TokenRun
from tasks.benchmark.measure import survey_inputs
from tasks.benchmark.tokens import StreamedTexts, StreamingModel, time_tokens


class Streams:
    """Streams a text's words."""

    def __init__(self) -> None:
        self.streamed: list[str] = []

    def predict(self, texts: list[str]) -> list[SimpleNamespace]:
        return [SimpleNamespace(path="full", tokens=len(text.split())) for text in texts]

    def generate(self, text: str):
        self.streamed.append(text)
        yield from text.split()


def test_every_text_is_streamed_as_often_and_its_tokens_are_counted() -> None:
    model = Streams()
    run = time_tokens(model, StreamedTexts(["a b c", "", "a"], [3, 0, 1]), 9)
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


def test_the_record_of_a_streamed_server_run_has_both_latencies_and_the_rates() -> None:
    tokens = TokenRun(first_ms=(2.0, 4.0), total_ms=(2.0, 10.0), tokens=(1, 4))
    record = token_server(streamed_run(tokens), sustained_qps=120.0)
    assert [percentile.value_ms for percentile in record.first] == [4.0, 4.0, 4.0]
    assert [percentile.value_ms for percentile in record.further] == [2.0, 2.0, 2.0]
    assert record.tokens_per_second == pytest.approx(99.0 * 2.5)
    assert record.sustained_tokens_per_second == pytest.approx(120.0 * 2.5)
    assert token_server(streamed_run(tokens), sustained_qps=None).sustained_tokens_per_second is None


def test_a_run_of_whole_answers_has_no_such_record() -> None:
    with pytest.raises(BenchmarkError, match="not streamed"):
        token_server(streamed_run(None), sustained_qps=None)


def streamed_run(tokens: TokenRun | None) -> LoadRun:
    return LoadRun(
        scenario="Server",
        valid=True,
        validity="VALID",
        qps=99.0,
        target_qps=100.0,
        scheduled_qps=99.5,
        latency_bound_ms=None,
        latencies_ms=(2.0, 10.0),
        errors=0,
        ttft_bound_ms=50.0,
        tpot_bound_ms=10.0,
        tokens=tokens,
    )


def test_a_survey_counts_the_tokens_of_every_answer() -> None:
    assert survey_inputs(Streams(), ["a b c", "", "a"]).tokens == (3, 0, 1)


def test_a_classifier_streams_nothing() -> None:
    assert not isinstance(SimpleNamespace(predict=lambda texts: texts), StreamingModel)
    assert isinstance(Streams(), StreamingModel)
