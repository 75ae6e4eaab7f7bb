"""The contract with the measuring child: what it is asked (`Job`) and the raw numbers that it answers (`Outcome`).

Raw latencies cross the border and no statistics do, so that the child needs neither SciPy nor anything that trains.
"""

from pathlib import Path
from typing import Literal

from tasks.artifact import Record
from tasks.timing.cpu_use import CpuUse

ScenarioName = Literal["SingleStream", "Offline", "Server"]


class ContenderFiles(Record):
    """A model to compare with: a static graph, or a decoder's folder, asked as `bundle` is, or (`graph` None) the bundle.

    `guided_by`: a JSON schema that the bundle's answers are made to keep to.
    """

    name: str
    bundle: Path
    graph: Path | None
    guided_by: str | None = None


class Job(Record):
    """What to measure. `inputs` is a JSON file with a list of texts; `folder` receives LoadGen's logs.

    `server_qps`: arrival rate of the Server scenario, None takes half of what is sustained; `server_qps_of`: who asks for it;
    `server_latency_ms`: its latency bound at the 99th percentile; `server_ttft_ms`, `server_tpot_ms`: the bounds of streamed
    answers. `operating_point`: name of the one that every bundle which has it answers at; the others, and all where it is
    None, answer at their own default.
    """

    bundle: Path
    contenders: tuple[ContenderFiles, ...]
    inputs: Path
    folder: Path
    target: str
    execution_provider: str
    threads: int
    queries: int
    server_qps: float | None
    server_qps_of: str = ""
    server_latency_ms: float
    server_ttft_ms: float
    server_tpot_ms: float
    interleaved_repeats: int
    operating_point: str | None = None


class Phase(Record):
    """One line on the child's standard output: what it does next, and the seconds of silence that mean it hangs."""

    message: str
    fraction: float
    limit_s: float


class TokenRun(Record):
    """Streamed answers: time to the first piece and to the end, and how many tokens, by request.

    Times count from when a request was made; under LoadGen from when it was scheduled, in issue order.
    """

    first_ms: tuple[float, ...]
    total_ms: tuple[float, ...]
    tokens: tuple[int, ...]


class LoadRun(Record):
    """One LoadGen run. `latencies_ms` are LoadGen's own, in issue order, counted from a query's scheduled time.

    `valid` is LoadGen's verdict and `validity` its words; `errors` counts queries whose prediction raised or refused.
    `scheduled_qps`: the rate at which LoadGen sent queries (Server only); `qps`: the rate at which they were answered.
    `rate`: why it came at that rate, in words. `tokens`: of answers that were streamed, which LoadGen judges by both token bounds
    in place of the latency bound.
    """

    scenario: ScenarioName
    valid: bool
    validity: str
    qps: float
    target_qps: float | None
    scheduled_qps: float | None
    latency_bound_ms: float | None
    latencies_ms: tuple[float, ...]
    errors: int
    ttft_bound_ms: float | None = None
    tpot_bound_ms: float | None = None
    tokens: TokenRun | None = None
    rate: str = ""


class Timings(Record):
    """Latencies of one contender of the interleaved comparison, by block; within a block all saw the same inputs."""

    name: str
    blocks_ms: tuple[tuple[float, ...], ...]


class Measurements(Record):
    """All that the child measured. `repeat` is the first contender once more in every block: the A/A comparison.

    `unanswered`: gate inputs that the survey saw refused, or whose prediction raised; they are in no path's share. `cpu_use`:
    of the parts that were timed, empty where the system does not tell. `tokens`: streamed answers, one after the other;
    `token_server`: streamed under load; `token_sustained_qps`: the highest rate that met both token bounds. All three None
    where answers are no tokens.
    """

    bundle_digest: str
    execution_providers: tuple[str, ...]
    operating_point: str
    workers: int
    stop_shares: dict[str, float]
    unanswered: int
    runs: tuple[LoadRun, ...]
    sustained_qps: float | None
    timings: tuple[Timings, ...]
    repeat: Timings
    cpu_use: tuple[CpuUse, ...]
    tokens: TokenRun | None = None
    token_server: LoadRun | None = None
    token_sustained_qps: float | None = None


class Outcome(Record):
    """The child's answer: measurements, or the one line that tells a person what to mend."""

    measurements: Measurements | None = None
    user_error: str | None = None


class ColdStart(Record):
    """One fresh process: process start to loaded model, the first answer, and the peak of its resident memory."""

    load_s: float
    first_answer_ms: float
    peak_memory_mb: float
