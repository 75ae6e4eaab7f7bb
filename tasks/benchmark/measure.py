"""What the measuring child does with a loaded model: survey, LoadGen's scenarios, sustained rate, comparison.

It knows the model only as something that predicts, so tests run it with models that stall or raise.
"""

import statistics
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tasks.benchmark.comparison import affordable_inputs, compare
from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.job import Job, LoadRun, Measurements, TokenRun
from tasks.benchmark.load_generator import Load, generate_load, generate_token_load
from tasks.benchmark.process import usable_cpus
from tasks.benchmark.pulse import Pulse
from tasks.benchmark.server_rate import Served, served
from tasks.benchmark.system_under_test import Model, nothing
from tasks.benchmark.tokens import Counted, StreamedTexts, StreamingModel, time_tokens
from tasks.timing.cpu_use import CpuMeter

_FEWEST_QUERIES: Final = 2
"""LoadGen computes rates between queries; of a single one it logs "nan", which is not JSON."""
_OFFLINE_S: Final = 15.0
_OFFLINE_FEWEST: Final = 100
_TOKENS_S: Final = 20.0
_TOKENS_FEWEST: Final = 100
_STREAMED_SERVER: Final = "Server-tokens"


@dataclass(frozen=True)
class Survey:
    """Every input answered once: the path that answered it (None where none did), and the median time.

    `tokens`: how many each answer has, 0 where answers are no tokens. `raised`: numbers of the inputs without an answer that
    raised; the others were refused.
    """

    paths: tuple[str | None, ...]
    tokens: tuple[int, ...]
    median_ms: float
    raised: frozenset[int] = frozenset()

    @property
    def answered(self) -> list[int]:
        """Numbers of the inputs that have an answer."""
        return [index for index, path in enumerate(self.paths) if path is not None]

    def stop_shares(self, names: Sequence[str]) -> dict[str, float]:
        """Share of the answered inputs by path, in the ladder's order."""
        counts = Counter(path for path in self.paths if path is not None)
        names = [*names, *(path for path in counts if path not in names)]
        return {name: counts[name] / counts.total() for name in names}


@dataclass(frozen=True)
class Subject:
    """The loaded model under test, with what the engine says about it."""

    model: Model
    digest: str
    execution_providers: tuple[str, ...]
    paths: tuple[str, ...]
    operating_point: str


@dataclass(frozen=True)
class _Streamed:
    """What was measured of streamed answers; nothing where a model does not stream."""

    tokens: TokenRun | None = None
    server: LoadRun | None = None
    sustained_qps: float | None = None


@dataclass(frozen=True)
class Measuring:
    """One measurement in progress: the job, its inputs, and where to tell how far it is.

    No input that the model refuses is timed: a refusal takes no time, and would make it look fast. Those that raise are in
    LoadGen's runs, for they are errors.
    """

    job: Job
    texts: Sequence[str]
    pulse: Pulse
    workers: int = field(default_factory=lambda: len(usable_cpus()))
    meter: CpuMeter = field(default_factory=lambda: CpuMeter(usable_cpus()))

    def run(self, subject: Subject, load_contenders: Callable[[], Mapping[str, Model]]) -> Measurements:
        """All measurements; the contenders are loaded last, so that they do not weigh on the scenarios."""
        self.pulse.phase(f"answering all {len(self.texts):,} inputs once", 0.05, untimed=True)
        survey = survey_inputs(subject.model, self.texts, self.pulse.beat)
        answered = survey.answered
        texts = [self.texts[index] for index in answered]
        asked = [self.texts[index] for index in sorted({*answered, *survey.raised})]
        single, offline = self.at_once(subject.model, asked, survey.median_ms)
        server = self.server(subject.model, asked, capacity=offline.qps)

        streamed = _Streamed()
        if isinstance(subject.model, StreamingModel):
            own = StreamedTexts(texts, [survey.tokens[index] for index in answered])
            streamed = self.streamed(subject.model, own, survey.median_ms, capacity=offline.qps)

        self.pulse.phase("loading the models to compare with", 0.65, untimed=True)
        contenders = {"adaptive": subject.model, **load_contenders()}
        strata = [str(survey.paths[index]) for index in answered]
        repeats, most = self.job.interleaved_repeats, max(1, self.job.queries // self.job.interleaved_repeats)
        self.pulse.phase("interleaved comparison", 0.7, untimed=True)
        beat = self.pulse.beat
        size = affordable_inputs(contenders, texts, repeats=repeats, most=most, answered=beat)
        with self.meter.part("the interleaved comparison"):
            timings, repeat = compare(contenders, texts, strata, repeats=repeats, inputs_per_block=size, answered=beat)
        return Measurements(
            bundle_digest=subject.digest,
            execution_providers=subject.execution_providers,
            operating_point=subject.operating_point,
            workers=self.workers,
            stop_shares=survey.stop_shares(subject.paths),
            unanswered=len(self.texts) - len(answered),
            runs=(single, offline, server.run),
            sustained_qps=server.sustained_qps,
            timings=timings,
            repeat=repeat,
            cpu_use=tuple(self.meter.uses),
            tokens=streamed.tokens,
            token_server=streamed.server,
            token_sustained_qps=streamed.sustained_qps,
        )

    def at_once(self, model: Model, texts: Sequence[str], median_ms: float) -> tuple[LoadRun, LoadRun]:
        """SingleStream and Offline. `median_ms` is the survey's."""
        queries = max(_FEWEST_QUERIES, self.job.queries)
        single = Load("SingleStream", queries, expected_latency_ms=median_ms / 2)
        single_run = self._load(single, model, texts, 0.1)

        per_s = 1e3 * self.workers / statistics.fmean(single_run.latencies_ms)
        # All inputs in one batch; of very many, or very slow ones, those that a few seconds suffice for.
        count = min(len(texts), max(_OFFLINE_FEWEST, int(_OFFLINE_S * per_s)))
        return single_run, self._load(Load("Offline", count), model, texts, 0.2)

    def server(self, model: Model, texts: Sequence[str], *, capacity: float) -> Served:
        """The Server scenario at its rate, and the highest that is sustained; `capacity` in queries per second."""

        def load(qps: float, queries: int, name: str) -> LoadRun:
            server = Load("Server", queries, target_qps=qps, latency_bound_ms=self.job.server_latency_ms)
            return self._load(server, model, texts, 0.3, name=name)

        return self._served(load, "Server", capacity)

    def _served(self, load: Callable[[float, int, str], LoadRun], name: str, capacity: float) -> Served:
        job, queries = self.job, max(_FEWEST_QUERIES, self.job.queries)
        asked, by = job.server_qps, job.server_qps_of
        return served(load, name, asked=asked, asked_by=by, capacity=capacity, queries=queries)

    def streamed(
        self, model: StreamingModel, asked: StreamedTexts, median_ms: float, *, capacity: float
    ) -> "_Streamed":
        """Streamed answers: one after the other, as the Server scenario, and at the highest rate that meets both bounds.

        `median_ms` is the survey's; `capacity` in queries per second.
        """
        queries = min(self.job.queries, max(_TOKENS_FEWEST, int(1e3 * _TOKENS_S / median_ms)))
        self.pulse.phase(f"tokens, {queries} queries", 0.55)
        with self.meter.part("tokens"):
            tokens = time_tokens(model, asked, queries, self.pulse.beat)

        def load(qps: float, queries: int, name: str) -> LoadRun:
            bounds = {"ttft_bound_ms": self.job.server_ttft_ms, "tpot_bound_ms": self.job.server_tpot_ms}
            self.pulse.phase(f"{name}, {queries} queries", 0.6, gap_s=1 / qps)
            with self.meter.part(_STREAMED_SERVER):
                return generate_token_load(
                    Load("Server", queries, target_qps=qps, **bounds),
                    model,
                    asked,
                    workers=self.workers,
                    folder=self.job.folder / name,
                    answered=self.pulse.beat,
                )

        server = self._served(load, _STREAMED_SERVER, capacity)
        return _Streamed(tokens, server.run, server.sustained_qps)

    def _load(
        self, load: Load, model: Model, texts: Sequence[str], fraction: float, *, name: str | None = None
    ) -> LoadRun:
        name = name or load.scenario
        # A server waits for queries, and they come at random.
        gap_s = 1 / load.target_qps if load.target_qps else 0.0
        self.pulse.phase(f"{name}, {load.queries} queries", fraction, gap_s=gap_s)
        folder = self.job.folder / name
        with self.meter.part(load.scenario):
            return generate_load(load, model, texts, workers=self.workers, folder=folder, answered=self.pulse.beat)


def survey_inputs(model: Model, texts: Sequence[str], answered: Callable[[], None] = nothing) -> Survey:
    """Answers every text once, which also warms the model up. Raises BenchmarkError when it answers none."""
    paths: list[str | None] = []
    tokens: list[int] = []
    times = []
    raised: list[int] = []
    last_failure = None
    for number, text in enumerate(texts):
        begin = time.perf_counter()
        try:
            answer = model.predict([text])[0]
        except Exception as failure:  # noqa: BLE001 - a model that raises is a finding, counted and not fatal
            last_failure = failure
            raised.append(number)
            paths.append(None)
            tokens.append(0)
        else:
            times += [(time.perf_counter() - begin) * 1e3] if answer.path else []
            paths.append(answer.path or None)  # an answer of no path is a refusal
            tokens.append(answer.tokens if isinstance(answer, Counted) else 0)
        answered()
    if last_failure is not None:
        traceback.print_exception(last_failure, file=sys.stderr)
    if not times:
        raise BenchmarkError(f"the model answered none of {len(texts)} inputs: {last_failure!r}")
    return Survey(
        paths=tuple(paths), tokens=tuple(tokens), median_ms=statistics.median(times), raised=frozenset(raised)
    )
