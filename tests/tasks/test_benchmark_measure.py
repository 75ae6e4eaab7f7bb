"""What the child concludes from runs, how it measures slow models and such that refuse, and how it shows that it lives."""

import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.job import LoadRun, Measurements, Phase
from tasks.benchmark.measure import survey_inputs
from tasks.benchmark.process import run_pinned
from tasks.benchmark.pulse import Patience, Pulse
from tasks.benchmark.server_rate import keeps_up
from tasks.recipe import Target

pytestmark = pytest.mark.alone  # a silence of a second stands for a hang


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


MEASURED = """
import json, sys, time
from dataclasses import dataclass
from pathlib import Path
from tasks.benchmark.job import Job
from tasks.benchmark.measure import Measuring, Subject
from tasks.benchmark.pulse import Patience, Pulse

@dataclass
class Answer:
    path: str

class Model:
    def __init__(self, ms, hangs_at=None):
        self.ms, self.hangs_at, self.asked = ms, hangs_at, 0
    def predict(self, texts):
        self.asked += 1
        if self.asked == self.hangs_at:
            time.sleep(600)
        if texts[0].startswith("too long"):
            return [Answer("")]
        if texts[0].startswith("bad"):
            raise ValueError("cannot answer")
        time.sleep(self.ms / 1e3)
        return [Answer("full")]

folder = Path(sys.argv[1])
nowhere = folder / "nothing"
job = Job(
    bundle=nowhere, contenders=(), inputs=nowhere, folder=folder, target="here", threads=1, queries=30, server_qps=None,
    execution_provider="CPUExecutionProvider", server_latency_ms=1e3, server_ttft_ms=1e3, server_tpot_ms=1e3,
    interleaved_repeats=3,
)
def report(phase):
    print(phase.model_dump_json(), flush=True)

def measure(model, contender, texts, patience):
    subject = Subject(model, "digest", ("CPUExecutionProvider",), ("full",), "1%")
    measured = Measuring(job, texts, Pulse(report, patience)).run(subject, lambda: {"static": contender})
    print(measured.model_dump_json(), flush=True)
"""


def measured(folder: Path, body: str) -> tuple[list[tuple[float, Phase]], Measurements]:
    """What a watched process told of its phases, by when, and measured; it is killed after too much silence."""
    script = folder / "measured.py"
    script.write_text(MEASURED + textwrap.dedent(body), encoding="utf-8")
    phases: list[tuple[float, Phase]] = []
    results: list[Measurements] = []

    def follow(line: str) -> float | None:
        if line.startswith('{"message"'):
            phase = Phase.model_validate_json(line)
            phases.append((time.monotonic(), phase))
            return phase.limit_s
        results.append(Measurements.model_validate_json(line))
        return None

    log = folder / "child.log"
    run_pinned(script, [str(folder)], target=Target(name="here"), log=log, limit_s=60, on_line=follow)
    return phases, results[-1]


def test_a_model_that_is_slow_but_answers_is_measured_to_its_end(tmp_path: Path) -> None:
    # Seconds in the place of minutes: the comparison takes longer than the silence that is a hang.
    body = """
        patience = Patience(hang_s=2.0, factor=2.0, untimed_s=2.0, beat_s=0.1)
        measure(Model(20), Model(50), [f"text {number}" for number in range(30)], patience)
    """
    phases, result = measured(tmp_path, body)

    compared = [(at, phase) for at, phase in phases if phase.message.startswith("interleaved comparison")]
    assert compared[-1][0] - compared[0][0] > max(phase.limit_s for _, phase in compared)
    assert "answers so far" in compared[-1][1].message
    assert [timing.name for timing in result.timings] == ["adaptive", "static"]


def test_a_contender_that_stops_answering_is_killed(tmp_path: Path) -> None:
    body = """
        patience = Patience(hang_s=1.0, factor=2.0, untimed_s=1.0, beat_s=0.1)
        measure(Model(2), Model(2, hangs_at=40), [f"text {number}" for number in range(30)], patience)
    """
    with pytest.raises(BenchmarkError, match=r"(?s)silent for 1 s after: .*interleaved comparison"):
        measured(tmp_path, body)


def test_refused_inputs_are_counted_and_in_no_timing(tmp_path: Path) -> None:
    body = """
        texts = [f"text {number}" for number in range(15)] + [f"too long {number}" for number in range(15)]
        measure(Model(4), Model(4), texts, Patience())
    """
    _, result = measured(tmp_path, body)

    assert result.unanswered == 15
    assert result.stop_shares == {"full": 1.0}
    for run in result.runs:
        assert min(run.latencies_ms) > 3.5
    assert result.runs[1].qps < 1e3 * result.workers / 4
    assert min(time for timing in result.timings for block in timing.blocks_ms for time in block) > 3.5


def test_inputs_that_raise_are_errors_of_the_scenarios_as_well(tmp_path: Path) -> None:
    body = """
        texts = [f"text {number}" for number in range(20)] + [f"bad {number}" for number in range(10)]
        measure(Model(1), Model(1), texts, Patience())
    """
    _, result = measured(tmp_path, body)

    assert result.unanswered == 10
    assert result.runs[1].errors == 10
    assert min(time for timing in result.timings for block in timing.blocks_ms for time in block) > 0.9


def test_a_pulse_waits_longer_for_models_that_have_been_slow_and_tells_no_more_often_than_it_may() -> None:
    now, told = [0.0], []
    pulse = Pulse(told.append, Patience(hang_s=10, factor=3, untimed_s=100, beat_s=5), clock=lambda: now[0])

    def answer_after(seconds: float) -> None:
        now[0] += seconds
        pulse.beat()

    pulse.phase("survey", 0.1, untimed=True)
    for seconds in (1, 1, 1, 40, 1):
        answer_after(seconds)
    pulse.phase("single", 0.2)
    answer_after(6)
    pulse.phase("server", 0.3, gap_s=50)

    assert [(phase.message, phase.limit_s) for phase in told] == [
        ("survey", 100),
        ("survey: 4 answers so far", 130),
        ("single", 130),
        ("single: 1 answers so far", 130),
        ("server", 160),
    ]
