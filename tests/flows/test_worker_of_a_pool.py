"""With real servers: a worker that has its own home and machine lock measures, and the pipeline gets the evidence."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.digests import folder_digest
from flows.servers.processes import kill_marked, start_group
from tasks.machine.fingerprint import fingerprint_of
from tasks.machine.host import host
from tasks.recipe import Target
from tasks.records import BenchmarkResult

PROJECT = Path(__file__).parents[2]
HERE = fingerprint_of(host())
EDGE = Target(name="edge", work_pool="edge-boxes", fingerprint=HERE)

PARENT = """
import json, sys
from pathlib import Path

asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
if __name__ == "__main__":
    from flows.home import Home
    home = Home.open()
    from prefect import flow
    from flows.gather_evidence import BENCHMARK_IN_POOL
    from flows.progress import SilentObserver
    from flows.steps.cache import StepCache
    from flows.steps.runner import StepRunner
    from tasks.artifact import Artifact
    from tasks.errors import UserError
    from tasks.recipe import Target
    from tasks.recipe.schema import BenchmarkConfig
    from tasks.records import CompressionResult, RouterResult, SnapshotResult

    class Observer(SilentObserver):
        def progressed(self, label, message, fraction=None):
            print(f"# {message}", flush=True)

    kinds = {"snapshot": SnapshotResult, "router": RouterResult, "compression": CompressionResult}
    inputs = {
        name: Artifact(name, Path(asked[name]["folder"]), asked[name]["digest"], kind.model_validate(asked[name]["result"]))
        for name, kind in kinds.items()
    }
    target = Target.model_validate(asked["target"])

    @flow(name="parent", validate_parameters=False, persist_result=False)
    def parent():
        config = BenchmarkConfig(queries=60, interleaved_repeats=3, retries=0)
        given = inputs | {"champion": None, "config": config, "server_qps": None, "target": target}
        steps = StepRunner(StepCache(home), Observer())
        return steps.run(BENCHMARK_IN_POOL, given, files=("loadgen",)), steps.all_reused

    try:
        artifact, reused = parent()
    except UserError as error:
        print(json.dumps({"error": str(error)}))
    else:
        print(json.dumps({"folder": str(artifact.folder), "reused": reused}))
"""


@dataclasses.dataclass(frozen=True)
class Servers:
    """Prefect and MLflow on loopback, and the homes of both sides."""

    folder: Path
    environment: dict[str, str]

    def of(self, side: str) -> dict[str, str]:
        return os.environ | self.environment | {"MIAOTUI_HOME": str(self.folder / side)}

    def parent(self, target: Target, tiny: Any, name: str) -> "subprocess.Popen[str]":
        parts = {"snapshot": tiny.snapshot, "router": tiny.router, "compression": tiny.compression}
        asked: dict[str, Any] = {
            key: {"folder": str(part.folder), "digest": part.digest, "result": part.result.model_dump(mode="json")}
            for key, part in parts.items()
        }
        (self.folder / "parent.py").write_text(PARENT, encoding="utf-8")
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(asked | {"target": target.model_dump(mode="json")}), encoding="utf-8")
        return subprocess.Popen(
            [sys.executable, str(self.folder / "parent.py"), str(file)],
            env=self.of("pipeline"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def runs(self) -> list[dict[str, Any]]:
        from flows.servers.health import ask

        api = self.environment["PREFECT_API_URL"]
        found = ask(f"{api}/flow_runs/filter", {"flows": {"name": {"any_": ["benchmark"]}}})
        return list(found or [])

    def running(self) -> list[str]:
        return [run["id"] for run in self.runs() if run["state_type"] == "RUNNING"]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """What `miaotui up` starts, for the pipeline's home."""
    from flows.servers.records import read_servers

    folder = tmp_path_factory.mktemp("servers")
    base = {name: value for name, value in os.environ.items() if name not in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI")}
    base |= {"PYTHONPATH": str(PROJECT), "MIAOTUI_HOME": str(folder / "pipeline")}
    command = [sys.executable, "-m", "flows.command_line"]
    token = ""
    try:
        up = [*command, "up", "--detach", "--prefect-port", "0", "--mlflow-port", "0"]
        subprocess.run(up, env=base, check=True, timeout=300, stdout=subprocess.DEVNULL)
        recorded = read_servers(folder / "pipeline")
        assert recorded is not None
        token = recorded.token
        named = {name: recorded.exports[name] for name in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI")}
        yield Servers(folder, named | {"PYTHONPATH": str(PROJECT), "PREFECT_LOGGING_LEVEL": "WARNING"})
    finally:
        subprocess.run([*command, "down"], env=base, check=False, timeout=120, stdout=subprocess.DEVNULL)
        kill_marked(token)


def deploy(servers: Servers, *targets: Target) -> list[str]:
    """In a process of its own: Prefect reads whose client it is when it is imported."""
    code = (
        "import sys\n"
        "from prefect.client.orchestration import get_client\n"
        "from flows.deployments.apply import apply\n"
        "from flows.deployments.benchmarks import benchmark_deployments\n"
        "from tasks.recipe import Target\n"
        "specs = benchmark_deployments([Target.model_validate_json(text) for text in sys.argv[1:]])\n"
        "with get_client(sync_client=True) as client:\n"
        "    for applied in apply(client, specs):\n"
        "        print(applied.sentence)\n"
    )
    command = [sys.executable, "-c", code, *(target.model_dump_json() for target in targets)]
    done = subprocess.run(command, env=servers.of("pipeline"), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def wait_until(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.5)


@pytest.mark.slow
@pytest.mark.prefect
def test_a_worker_with_another_home_measures_once_whatever_becomes_of_the_pipeline(servers: Servers, tiny: Any) -> None:
    other_point = [entry for entry in tiny.router.result.certificates if entry.epsilon != 0.02]
    target = EDGE.model_copy(update={"operating_point": other_point[0].epsilon if other_point else 0.02})
    stranger = Target(
        name="stranger", work_pool="edge-boxes", fingerprint=HERE.model_copy(update={"cores": HERE.cores + 7})
    )
    first = deploy(servers, target, stranger)
    assert first == ["work pool edge-boxes: created", "benchmark/edge: created", "benchmark/stranger: created"]
    assert all(line.endswith(": unchanged") for line in deploy(servers, target, stranger))

    killed = servers.parent(target, tiny, "killed")
    wait_until(lambda: len(servers.runs()) == 1 or killed.poll() is not None, 120)
    assert killed.poll() is None, killed.communicate()[0]
    killed.kill()
    assert "waiting: no worker serves edge-boxes" in killed.communicate()[0]

    command = ["worker", "start", "--pool", "edge-boxes", "--type", "process", "--limit", "1"]
    worker = start_group(
        [sys.executable, "-m", "prefect", *command, "--name", "edge-1", "--install-policy", "never"],
        environment=servers.of("worker"),
        folder=servers.folder,
        log=servers.folder / "worker.log",
    )
    try:
        wait_until(lambda: servers.runs()[0]["state_type"] in ("COMPLETED", "FAILED", "CRASHED"), 240)
        out, _ = servers.parent(target, tiny, "again").communicate(timeout=240)
        answer = json.loads(out.splitlines()[-1])
        assert "error" not in answer, out
        result = BenchmarkResult.model_validate(
            json.loads((Path(answer["folder"]) / "result.json").read_text(encoding="utf-8"))
        )
        # Only what others disturbed (this machine may be busy) is measured anew.
        assert len(servers.runs()) == 1 + out.count("an earlier measurement was disturbed; measuring again")
        assert result.bundle_digest == tiny.router.result.bundle_digest == folder_digest(tiny.router.folder / "bundle")
        assert result.target == "edge"
        assert result.operating_point == (other_point[0].operating_point if other_point else "2%")
        assert [scenario.name for scenario in result.scenarios] == ["SingleStream", "Offline", "Server"]
        summary = Path(answer["folder"]) / "loadgen" / "SingleStream" / "mlperf_log_summary.txt"
        assert "Scenario : SingleStream" in summary.read_text(encoding="utf-8")
        assert list((servers.folder / "worker" / "work").iterdir()) == []
        assert not (servers.folder / "pipeline" / "work").exists() or not list(
            (servers.folder / "pipeline" / "work").iterdir()
        )

        out, _ = servers.parent(stranger, tiny, "stranger").communicate(timeout=240)
        refused = json.loads(out.splitlines()[-1])["error"]
        assert refused.startswith("the worker of the pool edge-boxes refused: fingerprint: target 'stranger' declares")
        assert f"cores: declared {HERE.cores + 7}, found {HERE.cores}" in refused

        crashing = servers.parent(target.model_copy(update={"threads": 2}), tiny, "crashing")
        wait_until(lambda: servers.running() or crashing.poll() is not None, 120)
        assert kill_marked(servers.running()[0], variable="PREFECT__FLOW_RUN_ID") > 0
        out, _ = crashing.communicate(timeout=120)
        assert "BenchmarkError: the benchmark in the pool edge-boxes ended as Crashed: " in out
        assert "see its worker's log" in out
    finally:
        worker.stop(20)  # a SIGTERM does not always end a worker of Prefect's
