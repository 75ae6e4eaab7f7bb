"""What a worker measured is taken once, with its logs, and only if it fits what was asked for."""

from pathlib import Path
from typing import Any

import pytest

from flows.pools import remote_benchmark
from flows.pools.remote_benchmark import require_servers
from flows.pools.runs import PoolRun
from registry.benchmark_jobs import PublishedJob
from tasks.artifact import Workspace
from tasks.benchmark.errors import BenchmarkError
from tasks.benchmark.order import Order
from tasks.benchmark.portable import pack_evidence
from tasks.errors import UserError
from tasks.machine.fingerprint import fingerprint_of
from tasks.machine.host import host
from tasks.recipe import Target
from tasks.recipe.schema import BenchmarkConfig
from tasks.records import BenchmarkResult, Disturbance, Ratio

HERE = fingerprint_of(host())
EDGE = Target(name="edge", work_pool="edge-boxes", fingerprint=HERE)
JOB = PublishedJob("j" * 64, "ours")
QUIET = Disturbance(share=0.01, during="the whole benchmark", disturbed=False, attempts=1)
BUSY = Disturbance(share=0.5, during="the whole benchmark", disturbed=True, attempts=3)


@pytest.fixture
def order(tmp_path: Path) -> Order:
    (tmp_path / "bundle").mkdir()
    return Order(
        bundle=tmp_path / "bundle",
        bundle_digest="b" * 64,
        texts=("hello",),
        contenders=(),
        baseline=None,
        champion=None,
        config=BenchmarkConfig(),
        server_qps=None,
        target=EDGE,
    )


def measured(**changes: object) -> BenchmarkResult:
    fields = {
        "target": "edge",
        "host": host(),
        "bundle_digest": "b" * 64,
        "execution_providers": ("CPUExecutionProvider",),
        "cold_start_s": 0.5,
        "first_answer_ms": 3.0,
        "peak_memory_mb": 100.0,
        "size_mb": 20.0,
        "scenarios": (),
        "sustained_qps": None,
        "contenders": (),
        "stop_shares": {},
        "latencies_ms": (),
        "noise": Ratio(value=1.0, low=0.9, high=1.1),
        "disturbance": QUIET,
    }
    return BenchmarkResult.model_validate(fields | changes)


class FakeServers:
    """Pool and jobs in one: runs by their number, each with how it ended and what it left."""

    name = "edge-boxes"

    def __init__(self, folder: Path, *ends: str | BenchmarkResult, earlier: int = 0) -> None:
        """The first `earlier` runs had ended before anybody asked; a result ends COMPLETED, a word as it says."""
        self.folder, self.ends, self.earlier = folder, ends, earlier
        self.started: list[str] = []

    def start(self, key: str) -> PoolRun:
        self.started.append(key)
        number = len(self.started)
        return (
            self.look(str(number))
            if number <= self.earlier
            else PoolRun(str(number), "SCHEDULED", "Scheduled", "", "runs:/theirs/job")
        )

    def look(self, run_id: str) -> PoolRun:
        end = self.ends[int(run_id) - 1]
        state = end if isinstance(end, str) else "COMPLETED"
        return PoolRun(
            run_id, state, state.title(), "exited with status code -9" if state == "CRASHED" else "", "runs:/theirs/job"
        )

    def served(self) -> bool:
        return True

    def give_up(self, run_id: str, reason: str) -> None:
        raise AssertionError((run_id, reason))

    def last_beat(self, _run_id: str) -> None:
        return None

    def collect(self, run_id: str, flow_run: str, _folder: Path) -> tuple[Path, str]:
        result = self.ends[int(flow_run) - 1]
        assert isinstance(result, BenchmarkResult)
        assert run_id == "theirs"  # two pipelines may ask for the same at once
        out = self.folder / f"evidence-{flow_run}"
        out.mkdir()
        (out / "measurements.json").write_text(f"of run {flow_run}", encoding="utf-8")
        return out, pack_evidence(out, JOB.digest, result)


def collect(servers: FakeServers, order: Order, tmp_path: Path, *, anew: bool = False) -> BenchmarkResult:
    workspace = Workspace(tmp_path / "out", tmp_path / "scratch", anew=anew)
    workspace.out.mkdir()
    anything: Any = servers
    return remote_benchmark._measured(anything, anything, JOB, order, workspace)


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.pools.runs._LOOK_EVERY_S", 0.0)


def test_evidence_is_taken_with_its_logs_under_the_keys_of_the_job(order: Order, tmp_path: Path) -> None:
    servers = FakeServers(tmp_path, measured())
    assert collect(servers, order, tmp_path) == measured()
    assert servers.started == [f"{JOB.digest}-1"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["measurements.json"]


def test_what_was_measured_before_the_pipeline_came_back_is_not_measured_again(order: Order, tmp_path: Path) -> None:
    servers = FakeServers(tmp_path, measured(), earlier=1)
    assert collect(servers, order, tmp_path) == measured()
    assert len(servers.started) == 1


@pytest.mark.parametrize(
    "useless", ["CRASHED", "FAILED", "CANCELLED", measured(disturbance=BUSY), measured(bundle_digest="0" * 64)]
)
def test_an_earlier_run_that_came_to_nothing_is_not_the_last_word(
    order: Order, tmp_path: Path, useless: str | BenchmarkResult
) -> None:
    servers = FakeServers(tmp_path, useless, measured(), earlier=1)
    assert collect(servers, order, tmp_path) == measured()
    assert servers.started == [f"{JOB.digest}-1", f"{JOB.digest}-2"]
    assert (tmp_path / "out" / "measurements.json").read_text(encoding="utf-8") == "of run 2"


def test_where_everything_is_measured_again_no_earlier_run_counts(order: Order, tmp_path: Path) -> None:
    servers = FakeServers(tmp_path, measured(cold_start_s=1.0), "CRASHED", measured(cold_start_s=2.0), earlier=2)
    assert collect(servers, order, tmp_path, anew=True).cold_start_s == 2.0
    assert servers.started == [f"{JOB.digest}-{number}" for number in (1, 2, 3)]


def test_a_crash_now_is_an_error_and_not_tried_over_and_over(order: Order, tmp_path: Path) -> None:
    servers = FakeServers(tmp_path, "CRASHED", measured())
    with pytest.raises(BenchmarkError, match="ended as Crashed: exited with status code -9"):
        collect(servers, order, tmp_path)
    assert len(servers.started) == 1


def test_evidence_about_other_bytes_or_from_another_machine_is_refused(order: Order, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"measured 0000.*but calibration sealed bbbb"):
        collect(FakeServers(tmp_path, measured(bundle_digest="0" * 64)), order, tmp_path)
    other = host().model_copy(update={"cpu": "another processor"})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(UserError, match=r"than the one that measured for edge-boxes: cpu: .*'another processor'"):
        collect(FakeServers(elsewhere, measured(host=other)), order, elsewhere)


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({}, "PREFECT_API_URL: is not set: the target edge is measured by workers of the pool edge-boxes"),
        ({"PREFECT_API_URL": "http://p/api"}, "MLFLOW_TRACKING_URI: must name an MLflow server"),
        (
            {"PREFECT_API_URL": "http://p/api", "MLFLOW_TRACKING_URI": "postgresql://m"},
            "MLFLOW_TRACKING_URI: must name an MLflow server",
        ),
    ],
)
def test_a_pool_needs_servers_that_both_sides_reach(environment: dict[str, str], missing: str) -> None:
    require_servers([Target(name="local")], {})
    require_servers([EDGE], {"PREFECT_API_URL": "http://p/api", "MLFLOW_TRACKING_URI": "https://m"})
    with pytest.raises(UserError, match=missing):
        require_servers([Target(name="local"), EDGE], environment)
