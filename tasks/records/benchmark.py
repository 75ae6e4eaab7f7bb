"""What was measured on a target."""

from typing import Literal

from tasks.artifact import Measurement, Record
from tasks.records.statistics import Ratio


class Percentile(Record):
    """A latency percentile in milliseconds with the early-stopping upper bound; None when `missing` more queries are needed."""

    percentile: float
    value_ms: float
    upper_bound_ms: float | None
    missing: int


class Scenario(Record):
    """One LoadGen scenario. `valid` is LoadGen's own verdict; `errors` counts queries that raised.

    `rate`: why queries came at `target_qps`, in words; empty where they did not come at a rate, and in older results.
    """

    name: Literal["SingleStream", "Offline", "Server"]
    queries: int
    valid: bool
    validity: str
    qps: float
    target_qps: float | None
    latency_bound_ms: float | None
    mean_ms: float
    percentiles: tuple[Percentile, ...]
    errors: int
    rate: str = ""


class Contender(Record):
    """One contender of the interleaved comparison. `speedup` = the static int8 model's mean over this one's."""

    name: str
    mean_ms: float
    p50_ms: float
    p99_ms: float
    speedup: Ratio


class ChampionSpeed(Record):
    """How many times faster than the champion, of this `bundle_digest`, in the same interleaved blocks."""

    bundle_digest: str
    speedup: Ratio


class Disturbance(Record):
    """What others (processes, the kernel, the hypervisor) took of the usable CPUs' time while the benchmark ran.

    `share`: of that time, in the part of the benchmark where it was largest, which `during` names. `attempts`: how many
    measurements were made; this is the least disturbed one.
    """

    share: float
    during: str
    disturbed: bool
    attempts: int

    @property
    def sentence(self) -> str:
        """For a check, a report or a terminal."""
        times = "" if self.attempts == 1 else f", in the best of {self.attempts} measurements"
        return f"others took {self.share:.0%} of the CPUs' time during {self.during}{times}"


class Host(Record):
    """Fingerprint of the measuring machine. `driver`: the accelerator's, None where there is none or nobody tells."""

    cpu: str
    instruction_set: tuple[str, ...]
    cores: int
    memory_gb: float
    accelerator: str | None
    runtimes: dict[str, str]
    driver: str | None = None


class TokenLatency(Record):
    """Token latencies of single requests, one after the other, in milliseconds, with early-stopping bounds.

    `first`: time to the first token; `further`: time per further token, a request's mean; answers of one token have none.
    `tokens_per_second`: completion tokens over the time of all requests.
    """

    queries: int
    first: tuple[Percentile, ...]
    further: tuple[Percentile, ...]
    tokens_per_second: float
    mean_tokens: float


class TokenServer(Record):
    """LoadGen's Server scenario of streamed answers, at Poisson times; `valid` is its verdict on both token bounds at p99.

    `first`: time to the first token from when a query was scheduled for; `further` as in TokenLatency. `tokens_per_second`:
    completion tokens of the answers to `qps` queries per second, of `target_qps` that came. `sustained_qps`: the highest rate
    that met both bounds, None where none did. `errors` counts queries that raised. `rate`: as in Scenario.
    """

    queries: int
    valid: bool
    validity: str
    qps: float
    target_qps: float
    ttft_bound_ms: float
    tpot_bound_ms: float
    first: tuple[Percentile, ...]
    further: tuple[Percentile, ...]
    tokens_per_second: float
    mean_tokens: float
    sustained_qps: float | None
    errors: int
    rate: str = ""

    @property
    def sustained_tokens_per_second(self) -> float | None:
        """Completion tokens per second at the sustained rate."""
        return None if self.sustained_qps is None else self.sustained_qps * self.mean_tokens


class BenchmarkResult(Measurement):
    """Evidence from the target. `latencies_ms`: SingleStream latencies for the picture, at most 2,000, in order of time.

    `against_champion`: None where there was no champion to measure; `disturbance`: None where the system does not tell;
    `tokens`, `token_server`: None where answers are no tokens.
    `operating_point`: name of the one that was measured; None in results from before targets could name one.
    `inputs`: texts that the bundle was asked; `unanswered`: those of them that it refuses, which are in no timing. None in
    results from before they were told apart.
    """

    target: str
    host: Host
    bundle_digest: str
    execution_providers: tuple[str, ...]
    cold_start_s: float
    first_answer_ms: float
    peak_memory_mb: float
    size_mb: float
    scenarios: tuple[Scenario, ...]
    sustained_qps: float | None
    contenders: tuple[Contender, ...]
    stop_shares: dict[str, float]
    latencies_ms: tuple[float, ...]
    noise: Ratio
    against_champion: ChampionSpeed | None = None
    disturbance: Disturbance | None = None
    operating_point: str | None = None
    tokens: TokenLatency | None = None
    token_server: TokenServer | None = None
    inputs: int | None = None
    unanswered: int | None = None
