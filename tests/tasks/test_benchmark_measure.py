"""What the child concludes from runs: stop shares, and when a rate counts as sustained."""

from dataclasses import dataclass

import pytest

from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.job import LoadRun
from tasks.benchmark.measure import keeps_up, survey_inputs


@dataclass
class Answer:
    path: str


class Model:
    """Answers short texts on the lexical path, others on the full one, and fails on empty ones."""

    def predict(self, texts: list[str]) -> list[Answer]:
        if not texts[0]:
            raise ValueError("empty")
        return [Answer("lexical" if len(texts[0]) < 5 else "full")]


def server_run(*, valid: bool = True, qps: float = 100.0, scheduled: float = 100.0, errors: int = 0) -> LoadRun:
    return LoadRun(
        scenario="Server",
        valid=valid,
        validity="",
        qps=qps,
        target_qps=100.0,
        scheduled_qps=scheduled,
        latency_bound_ms=50.0,
        latencies_ms=(1.0,),
        errors=errors,
    )


def test_stop_shares_name_every_path_of_the_ladder_and_leave_failures_out() -> None:
    survey = survey_inputs(Model(), ["a", "b", "", "longer text", "c"])

    assert survey.paths == ("lexical", "lexical", None, "full", "lexical")
    assert survey.stop_shares(["lexical", "layer-1", "full"]) == {"lexical": 0.75, "layer-1": 0.0, "full": 0.25}


def test_model_that_answers_nothing_has_no_survey() -> None:
    with pytest.raises(BenchmarkError, match="none of 2 inputs"):
        survey_inputs(Model(), ["", ""])


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (server_run(), True),
        (server_run(valid=False), False),
        (server_run(errors=1), False),
        (server_run(qps=90.0), False),  # within the latency bound so far, but the queue is growing
    ],
)
def test_rate_is_sustained_only_when_valid_without_errors_and_keeping_up(run: LoadRun, expected: bool) -> None:
    assert keeps_up(run) is expected
