"""With real servers: a decision takes effect while a training runs, and deployments of old are moved out of its way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.digests import folder_digest
from flows.servers.health import ask, change
from flows.servers.migration import move_light_deployments
from registry.package import register_bundle
from registry.registrar import Registrar
from registry.settlement import note_registration, settle
from registry.tracking import RunTracker
from registry.versions import CHAMPION, find_alias
from tasks.recipe.schema import PromotionConfig
from tests.flows.test_no_wedge import Servers

pytestmark = [pytest.mark.slow, pytest.mark.prefect, pytest.mark.alone]

NAME = "support-intents"
EVERY_S = 10.0
LONGEST_S = 180.0
REVIEW = PromotionConfig(mode="review")
DEPLOY = f"""
from prefect.client.orchestration import get_client
from flows.deployments.apply import apply
from flows.deployments.plan import DeploymentSpec

spec = DeploymentSpec(
    flow="review-sweep", name="all-models", entrypoint="flows.review.review_sweep", parameters={{}}, description="",
    if_running="CANCEL_NEW", interval_s={EVERY_S}, work_queue="light",
)
with get_client(sync_client=True) as client:
    print([applied.change for _ in range(2) for applied in apply(client, [spec])])
"""


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    monkeypatch.setenv("MIAOTUI_HOME", str(tmp_path / "home"))
    try:
        servers = Servers(tmp_path)
        for name, value in servers.record.exports.items():
            monkeypatch.setenv(name, value)
        yield servers
    finally:
        subprocess.run(
            [sys.executable, "-m", "flows.command_line", "down"],
            env=os.environ,
            capture_output=True,
            timeout=120,
            check=True,
        )


def test_an_approval_takes_effect_while_a_training_runs_though_a_worker_is_killed(
    servers: Servers, tiny_bundle, evidence, judged
) -> None:
    home = servers.folder / "home"
    proven = evidence.model_copy(update={"bundle_digest": folder_digest(tiny_bundle)})
    tracker = RunTracker(home, NAME)
    tracker.start("night", {"seed": 0}, {})
    made = register_bundle(tracker, name=NAME, bundle=tiny_bundle, evidence=proven, verdict=judged(evidence))
    registrar = Registrar.of_home(home)
    note_registration(registrar, made.version, config=REVIEW, judged_against=None)
    assert settle(registrar, made.version, config=REVIEW, judged_against=None).alias == "challenger"

    training = servers.request("training")
    servers.wait_for_flow(training)
    assert servers.python(DEPLOY) == "['unchanged', 'created', 'unchanged', 'unchanged']\n"
    os.kill(servers.server("light-worker").process.pid, signal.SIGKILL)
    registrar.client.set_model_version_tag(NAME, str(made.version.version), "review", "approved")
    begin = time.monotonic()
    _wait_until(lambda: find_alias(registrar.client, NAME, CHAMPION) is not None)
    print(f"the approval took effect after {time.monotonic() - begin:.0f} s, looked for every {EVERY_S:.0f} s")
    assert servers.state(training) == "RUNNING"
    servers.let_end("training")
    servers.wait_for(training, "COMPLETED")
    registrar.ledger.close()

    # As an earlier version had it: one queue, in which runs are scheduled.
    api = servers.environment["PREFECT_API_URL"]
    held = ask(f"{api}/deployments/name/review-sweep/all-models")
    assert held is not None
    _wait_until(lambda: change(f"{api}/deployments/{held['id']}", {"work_queue_name": "default"}))
    assert [sentence.split()[0] for sentence in move_light_deployments(api)] == ["review-sweep/all-models"]
    assert list(move_light_deployments(api)) == []
    waiting = {"state": {"type": {"any_": ["SCHEDULED"]}}, "deployment_id": {"any_": [held["id"]]}}
    runs = ask(f"{api}/flow_runs/filter", {"flow_runs": waiting}) or []
    assert {run["work_queue_name"] for run in runs} <= {"light"}


def _wait_until(holds: Callable[[], bool]) -> None:
    """A server on a busy machine may take none of a few requests."""
    begin = time.monotonic()
    while not holds():
        assert time.monotonic() - begin < LONGEST_S
        time.sleep(0.5)
