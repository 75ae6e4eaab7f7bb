"""LoadGen against models that stall, raise or just answer; each group of runs in one process with a time limit."""

import json
import textwrap
from pathlib import Path

import pytest

from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.evidence import percentiles
from tasks.benchmark.job import LoadRun
from tasks.benchmark.load_log import DETAIL_FILE, TRACE_FILE, read_run, read_token_run
from tasks.benchmark.process import run_pinned
from tasks.recipe import Target

pytestmark = pytest.mark.alone  # a rate that is asked for has to be kept

PREAMBLE = """
import json, sys, threading, time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tasks.benchmark.load_generator import Load, generate_load, generate_token_load
from tasks.benchmark.tokens import StreamedTexts

@dataclass
class Answer:
    path: str = "lexical"

class Model:
    def __init__(self, ms=0.5):
        self.ms, self.asked, self.lock = ms, Counter(), threading.Lock()
    def predict(self, texts):
        with self.lock:
            self.asked.update(texts)
        time.sleep(self.ms / 1e3)
        return [Answer()]

class Raising(Model):
    def predict(self, texts):
        if int(texts[0]) % 2:
            raise ValueError(f"cannot answer {texts[0]}")
        return super().predict(texts)

class Refusing(Model):
    def predict(self, texts):
        return super().predict(texts) if int(texts[0]) % 2 else [Answer("")]

class Stalling(Model):
    '''Stops the whole server once, `stall_s` long.'''
    def __init__(self, at, stall_s):
        super().__init__()
        self.at, self.stall_s, self.gate = at, stall_s, threading.Lock()
    def predict(self, texts):
        with self.gate:
            if self.asked.total() == self.at:
                time.sleep(self.stall_s)
        return super().predict(texts)

class Streaming(Model):
    '''Answers a number with as many tokens; 0 with no text at all, and 7 with an error after the first piece.'''
    def __init__(self, first_ms=0.2, further_ms=0.1):
        super().__init__()
        self.first_ms, self.further_ms = first_ms, further_ms
    def generate(self, text):
        for token in range(int(text)):
            time.sleep((self.further_ms if token else self.first_ms) / 1e3)
            if (text, token) == ("7", 1):
                raise ValueError("cannot go on")
            yield str(token)

texts = [str(number) for number in range(200)]
folder = Path(sys.argv[1])

def stream(load, model, name, few):
    asked = StreamedTexts(few, [int(text) for text in few])
    return generate_token_load(load, model, asked, workers=2, folder=folder / name)

def run(load, model, name):
    return generate_load(load, model, texts, workers=2, folder=folder / name)
"""


def loads(tmp_path: Path, body: str) -> dict[str, LoadRun]:
    """Runs `body`, which prints one JSON object of LoadGen runs, in a watched process."""
    script = tmp_path / "loads.py"
    script.write_text(PREAMBLE + textwrap.dedent(body), encoding="utf-8")
    lines: list[str] = []
    log = tmp_path / "loads.log"
    run_pinned(script, [str(tmp_path)], target=Target(name="here"), log=log, limit_s=60, on_line=lines.append)
    return {name: LoadRun.model_validate(run) for name, run in json.loads(lines[-1]).items()}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, LoadRun]]:
    """Runs against a model that just answers, and the folder of their logs."""
    folder = tmp_path_factory.mktemp("plain")
    runs = loads(
        folder,
        """
        few = run(Load("SingleStream", 500, expected_latency_ms=0.1), Model(0.2), "few")
        many = run(Load("SingleStream", 1500, expected_latency_ms=0.1), Model(0.2), "many")
        server = run(Load("Server", 500, target_qps=700, latency_bound_ms=200), Model(), "server")
        model = Model()
        offline = run(Load("Offline", 200), model, "offline")
        assert model.asked - Counter(texts[:8] * 2) == Counter(texts), model.asked  # less the two workers' warm-up
        overload = run(Load("Server", 600, target_qps=20_000, latency_bound_ms=5), Model(2.0), "overload")
        runs = {"few": few, "many": many, "server": server, "offline": offline, "overload": overload}
        print(json.dumps({name: run.model_dump() for name, run in runs.items()}))
        """,
    )
    return folder, runs


@pytest.mark.parametrize("name", ["few", "many", "server", "overload"])
def test_latencies_of_the_trace_are_the_ones_of_loadgens_own_percentiles(
    name: str, plain: tuple[Path, dict[str, LoadRun]]
) -> None:
    folder, runs = plain
    details = read_details(folder / name)
    ordered = sorted(runs[name].latencies_ms)

    assert len(ordered) == details["result_query_count"]
    for percent in (50, 90, 99):
        own = details[f"result_{percent}.00_percentile_latency_ns"] / 1e6
        assert ordered[len(ordered) * percent // 100] == pytest.approx(own, abs=1e-6)
    assert ordered[-1] == pytest.approx(details["result_max_latency_ns"] / 1e6, abs=1e-6)


def test_p99_of_500_queries_asks_for_162_more_as_loadgen_does(plain: tuple[Path, dict[str, LoadRun]]) -> None:
    run = plain[1]["few"]

    p50, p90, p99 = percentiles(run.latencies_ms)

    assert not run.valid
    assert "at least 662 queries" in run.validity
    assert (p50.percentile, p90.percentile, p99.percentile) == (50, 90, 99)  # what the gates look for
    assert (p50.missing, p90.missing, p99.missing) == (0, 0, 162)
    assert p99.upper_bound_ms is None


def test_bound_is_loadgens_early_stopping_estimate(plain: tuple[Path, dict[str, LoadRun]]) -> None:
    folder, runs = plain

    p99 = percentiles(runs["many"].latencies_ms)[2]

    assert runs["many"].valid
    own = read_details(folder / "many")["early_stopping_latency_ss"] / 1e6
    assert p99.upper_bound_ms == pytest.approx(own, abs=1e-6)


def test_server_sends_at_the_rate_asked_for(plain: tuple[Path, dict[str, LoadRun]]) -> None:
    run = plain[1]["server"]

    assert run.scheduled_qps == pytest.approx(700, rel=0.2)
    assert run.target_qps == 700


def test_offline_asks_every_input_once(plain: tuple[Path, dict[str, LoadRun]]) -> None:
    run = plain[1]["offline"]

    assert run.valid
    assert len(run.latencies_ms) == 200


def test_overload_is_invalid_and_its_rate_is_the_models(plain: tuple[Path, dict[str, LoadRun]]) -> None:
    run = plain[1]["overload"]

    assert not run.valid
    assert run.qps < 1_100  # two workers of 2 ms each, whatever the arrival rate


@pytest.mark.slow
def test_stall_of_three_seconds_is_in_the_p99_of_the_server(tmp_path: Path) -> None:
    runs = loads(
        tmp_path,
        """
        load = Load("Server", 700, target_qps=350, latency_bound_ms=50)
        print(json.dumps({"server": run(load, Stalling(at=150, stall_s=3.0), "server").model_dump()}))
        """,
    )

    run = runs["server"]
    p99 = percentiles(run.latencies_ms)[2]
    assert p99.value_ms > 2_500
    assert p99.upper_bound_ms is not None
    assert p99.upper_bound_ms >= p99.value_ms
    # Only one query met the stall itself; the others count because latency starts at the scheduled time.
    assert sum(latency > 1_000 for latency in run.latencies_ms) > 300
    assert not run.valid
    assert "latency constraint" in run.validity


def test_raising_model_is_counted_and_hangs_no_scenario(tmp_path: Path) -> None:
    runs = loads(
        tmp_path,
        """
        single = run(Load("SingleStream", 100, expected_latency_ms=0.001), Raising(), "single")
        offline = run(Load("Offline", 200), Raising(), "offline")
        server = run(Load("Server", 100, target_qps=400, latency_bound_ms=50), Raising(), "server")
        print(json.dumps({"single": single.model_dump(), "offline": offline.model_dump(),
                          "server": server.model_dump()}))
        """,
    )

    assert runs["offline"].errors == 100
    assert 20 < runs["single"].errors < 80
    assert 20 < runs["server"].errors < 80
    assert [len(run.latencies_ms) for run in runs.values()] == [100, 200, 100]
    assert "ValueError: cannot answer" in (tmp_path / "loads.log").read_text(encoding="utf-8")


def test_a_refusal_under_load_is_an_error_and_no_fast_answer(tmp_path: Path) -> None:
    runs = loads(
        tmp_path,
        """
        offline = run(Load("Offline", 200), Refusing(), "offline")
        print(json.dumps({"offline": offline.model_dump()}))
        """,
    )

    assert runs["offline"].errors == 100
    assert "was answered before is refused" in (tmp_path / "loads.log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, LoadRun]]:
    """Runs whose answers are streamed, and the folder of their logs."""
    folder = tmp_path_factory.mktemp("streamed")
    runs = loads(
        folder,
        """
        def load(queries, ttft, tpot, qps=300):
            return Load("Server", queries, target_qps=qps, ttft_bound_ms=ttft, tpot_bound_ms=tpot)
        some = ["3", "5", "12"]
        runs = {
            "lenient": stream(load(500, 10_000, 5_000), Streaming(), "lenient", some),
            "late": stream(load(100, 0.01, 5_000), Streaming(), "late", some),
            "slow": stream(load(100, 10_000, 0.01), Streaming(), "slow", some),
            "short": stream(load(100, 10_000, 5_000), Streaming(), "short", ["0", "1", "3"]),
            "raising": stream(load(100, 10_000, 5_000), Streaming(), "raising", ["3", "7"]),
        }
        print(json.dumps({name: run.model_dump() for name, run in runs.items()}))
        """,
    )
    return folder, runs


def test_token_times_of_the_trace_are_the_ones_of_loadgens_own_percentiles(
    streamed: tuple[Path, dict[str, LoadRun]],
) -> None:
    folder, runs = streamed
    details, tokens = read_details(folder / "lenient"), runs["lenient"].tokens
    assert tokens is not None
    assert tokens.total_ms == runs["lenient"].latencies_ms
    assert set(tokens.tokens) == {3, 5, 12}
    first = sorted(tokens.first_ms)
    rows = zip(tokens.first_ms, tokens.total_ms, tokens.tokens, strict=True)
    further = sorted((total - start) / (count - 1) for start, total, count in rows)
    for percent in (50, 90, 99):
        own = details[f"result_first_token_{percent}.00_percentile_latency_ns"] / 1e6
        assert first[len(first) * percent // 100] == pytest.approx(own, abs=1e-6)
        own = details[f"result_time_per_output_token_{percent}.00_percentile_ns"] / 1e6
        assert further[len(further) * percent // 100] == pytest.approx(own, abs=1e-5)


def test_a_streamed_run_is_valid_by_both_token_bounds_and_names_the_one_it_missed(
    streamed: tuple[Path, dict[str, LoadRun]],
) -> None:
    runs = streamed[1]

    assert runs["lenient"].valid
    assert (runs["lenient"].ttft_bound_ms, runs["lenient"].tpot_bound_ms) == (10_000, 5_000)
    assert runs["lenient"].latency_bound_ms is None
    assert not runs["late"].valid
    assert "time to the first token" in runs["late"].validity
    assert "time per further token" not in runs["late"].validity
    assert not runs["slow"].valid
    assert "time per further token" in runs["slow"].validity
    assert "time to the first token" not in runs["slow"].validity


def test_answers_of_no_or_one_token_are_no_errors_to_loadgen(streamed: tuple[Path, dict[str, LoadRun]]) -> None:
    folder, runs = streamed

    assert read_details(folder / "short")["num_errors"] == 0
    assert set(runs["short"].tokens.tokens) == {0, 1, 3}
    rows = zip(runs["short"].tokens.first_ms, runs["short"].tokens.total_ms, strict=True)
    assert all(0 < first <= total for first, total in rows)


def test_a_stream_that_breaks_off_is_counted_and_hangs_no_run(streamed: tuple[Path, dict[str, LoadRun]]) -> None:
    run = streamed[1]["raising"]

    assert run.errors == run.tokens.tokens.count(7) > 20
    assert len(run.latencies_ms) == 100


def test_a_trace_without_a_querys_first_token_is_refused(
    tmp_path: Path, streamed: tuple[Path, dict[str, LoadRun]]
) -> None:
    trace = (streamed[0] / "short" / TRACE_FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    first = next(number for number, line in enumerate(trace) if "Token_Latency" in line)
    (tmp_path / TRACE_FILE).write_text("".join(trace[:first] + trace[first + 1 :]), encoding="utf-8")

    with pytest.raises(BenchmarkError, match="first token"):
        read_token_run(tmp_path, [0, 1, 3])


def test_incomplete_logs_are_refused(tmp_path: Path) -> None:
    entry = {"metadata": {"is_error": False}}
    values = {"result_validity": "VALID", "result_query_count": 2, "generated_samples_per_query": 1}
    lines = [":::MLLOG " + json.dumps({**entry, "key": key, "value": value}) for key, value in values.items()]
    (tmp_path / DETAIL_FILE).write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / TRACE_FILE).write_text('{"traceEvents":[\n', encoding="utf-8")

    with pytest.raises(BenchmarkError, match="holds 0 of 2 queries"):
        read_run(tmp_path, "SingleStream", target_qps=None, latency_bound_ms=None, errors=0)


def read_details(folder: Path) -> dict[str, float]:
    lines = (folder / DETAIL_FILE).read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line.removeprefix(":::MLLOG ")) for line in lines]
    return {entry["key"]: entry["value"] for entry in entries}
