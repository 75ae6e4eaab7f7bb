"""From a deployment to a champion on real servers over PostgreSQL, with no hand on it but the reviewer's.

Deploy, the night is scheduled, data land, the server is told, the model is retrained, becomes the challenger, a person
approves it by a tag in MLflow, and the sweep makes it the champion.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.faults.ground import NAME, Ground, document
from tests.postgresql import Cluster
from tests.strictly import strict_lines

pytestmark = [pytest.mark.slow, pytest.mark.prefect, pytest.mark.postgresql, pytest.mark.timeout(900)]

_LIMIT_S = 300.0


def wait_for(what: str, found: Callable[[], Any]) -> Any:
    """What `found` gives once it gives something."""
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.5)
    raise TimeoutError(what)


def test_data_that_land_become_a_champion_by_a_reviewers_tag(tmp_path: Path, postgresql: Cluster) -> None:
    database = postgresql.create_database()
    ground = Ground(tmp_path, database=postgresql.url(database).replace("+psycopg", ""))
    try:
        ground.up()
        recipe = str(ground.recipe)
        deployed = ground.miaotui("deploy", recipe, "--sweep-every", "1", "--set", "promotion.mode=review").stdout
        assert f"nightly/{NAME}: created" in deployed

        scheduled = ground.ask("/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}})
        nightly = ground.ask(f"/deployments/name/nightly/{NAME}")
        assert nightly is not None
        assert any(run["deployment_id"] == nightly["id"] and run["auto_scheduled"] for run in scheduled or [])

        ground.land(random.Random(0), 0)
        (sha256,) = ground.landed
        events = wait_for("the event", lambda: _events(ground, "miaotui.data.landed"))
        assert [event["payload"]["sha256"] for event in events] == [sha256]
        taken = wait_for("the run that takes it in", lambda: _ended(ground, "Verdict PASS"))
        assert "retrained with" in taken["state"]["message"]

        client = MlflowClient(ground.exports["MLFLOW_TRACKING_URI"])
        challenger = client.get_model_version_by_alias(NAME, "challenger")
        assert challenger.tags["review"] == "requested"
        assert "champion" not in challenger.aliases
        client.set_model_version_tag(NAME, challenger.version, "review", "approved")

        wait_for("the champion", lambda: _champion(client) == challenger.version)
        assert ground.miaotui("verify", NAME).returncode == 0
        (status,) = document(ground.miaotui("status", NAME, "--json"))
        assert status["champion"]["version"] == int(challenger.version)
        assert status["landed"]["files"] == {"processed": 1}
        kinds = [entry["kind"] for entry in strict_lines(ground.miaotui("history", NAME, "--json").stdout)]
        assert kinds.count("promoted") == 1
    finally:
        ground.miaotui("down")
        postgresql.drop_database(f"{database}_prefect")
        postgresql.drop_database(database)


def _events(ground: Ground, name: str) -> list[dict[str, Any]]:
    found = ground.ask("/events/filter", {"filter": {"event": {"name": [name]}}, "limit": 50})
    return list(found["events"]) if isinstance(found, dict) else []


def _ended(ground: Ground, state: str) -> dict[str, Any] | None:
    found = ground.ask("/flow_runs/filter", {"flow_runs": {"state": {"name": {"any_": [state]}}}, "limit": 10})
    return found[0] if found else None


def _champion(client: MlflowClient) -> str | None:
    aliases = client.get_registered_model(NAME).aliases
    return str(aliases["champion"]) if "champion" in aliases else None
