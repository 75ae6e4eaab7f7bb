"""On a real MLflow server with basic-auth, who proposes a model cannot put it into service."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from registry.package import register_bundle
from registry.permissions import grant_roles
from registry.store import MlflowStore
from registry.tracking import RunTracker
from registry.versions import fetch_bundle, find_alias
from tasks.errors import UserError
from tests.mlflow_server import mlflow_server

pytestmark = [pytest.mark.slow, pytest.mark.network]

NAME, SERVING = "support-intents", "support-intents-prod"
ADMIN, PIPELINE, REVIEWER = "admin", "pipeline", "reviewer"
PASSWORD = "a long password of this test"
CONFIGURATION = f"""[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{{folder}}/auth.db
admin_username = {ADMIN}
admin_password = {PASSWORD}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


@contextmanager
def user(name: str) -> Iterator[None]:
    """Requests are made as this user, whose password is everybody's here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", name)
        patch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
        yield


def refused(call: Callable[..., object], *arguments: Any, **named: Any) -> bool:
    """Whether the server answers 403."""
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as caught:
        call(*arguments, **named)
    return "403" in str(caught.value)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with both users, before any grant."""
    from mlflow.server import get_app_client

    folder = tmp_path_factory.mktemp("auth")
    (folder / "auth.ini").write_text(CONFIGURATION.format(folder=folder))
    environment = {
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of this test",
    }
    arguments = ("--app-name", "basic-auth")
    with mlflow_server(f"sqlite:///{folder}/mlflow.db", folder, environment=environment, arguments=arguments) as url:
        with user(ADMIN):
            for name in (PIPELINE, REVIEWER):
                get_app_client("basic-auth", tracking_uri=url).create_user(name, PASSWORD)
        yield url


@pytest.fixture
def store(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowStore:
    """The server as `MLFLOW_TRACKING_URI` names it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    return MlflowStore.of_home(tmp_path)


def test_two_people_are_needed_from_a_proposed_model_to_a_serving_one(
    server, store, tmp_path, bundle, evidence, judged
):
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    with user(ADMIN):
        granted = grant_roles(server, PIPELINE, REVIEWER, NAME, SERVING)
        assert grant_roles(server, PIPELINE, REVIEWER, NAME, SERVING) == granted
        client = store.open()

    with user(PIPELINE):
        tracker = RunTracker(tmp_path, NAME)
        tracker.start("night", {}, {})
        proposed = register_bundle(tracker, name=NAME, bundle=bundle, evidence=evidence, verdict=judged(evidence))
        client.set_registered_model_alias(NAME, "challenger", "1")
        assert find_alias(client, NAME, "challenger").version == proposed.version.version == 1

    with user(REVIEWER):
        assert refused(client.set_model_version_tag, NAME, "1", "review", "approved")
        assert refused(client.set_registered_model_alias, NAME, "champion", "1")
        assert refused(client.set_tag, tracker.run_id, "accuracy", "1")
        copied = client.copy_model_version(f"models:/{NAME}/1", SERVING)
        client.set_registered_model_alias(SERVING, "champion", copied.version)
        champion = find_alias(client, SERVING, "champion")
        assert champion.bundle_digest == evidence.bundle_digest
        assert fetch_bundle(store, champion).is_dir()

    with user(PIPELINE):
        assert find_alias(client, SERVING, "champion") == champion
        assert refused(client.set_registered_model_alias, SERVING, "champion", "1")
        assert refused(client.delete_registered_model_alias, SERVING, "champion")
        assert refused(client.set_model_version_tag, SERVING, "1", "bundle_digest", "0" * 64)
        assert refused(client.delete_model_version, SERVING, "1")
        assert refused(client.delete_registered_model, SERVING)
        assert refused(client.rename_registered_model, SERVING, "another")
        assert refused(client.create_model_version, SERVING, f"models:/{proposed.model_id}", model_id=proposed.model_id)
        assert "403" in str(failure(client.copy_model_version, f"models:/{NAME}/1", SERVING))
        location = client.get_logged_model(proposed.model_id).artifact_location
        (tmp_path / "segment-1.onnx").write_bytes(b"weights of the first segmenu")
        repository = get_artifact_repository(location, tracking_uri=server)
        repository.log_artifact(str(tmp_path / "segment-1.onnx"), "artifacts/bundle")

    with user(REVIEWER), pytest.raises(UserError, match="altered"):
        fetch_bundle(MlflowStore(tmp_path / "a host that has no copy", server, server, None), champion)


def failure(call: Callable[..., object], *arguments: Any) -> Exception:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as caught:
        call(*arguments)
    return caught.value


def test_who_has_no_password_is_told_where_to_set_it(server, monkeypatch):
    store = MlflowStore(Path("home"), server, server + "/", None)  # a client of its own: one is kept per URI
    with pytest.raises(UserError, match="MLFLOW_TRACKING_PASSWORD"):
        store.open()


def test_a_user_who_created_a_model_loses_the_right_to_delete_it(server, store):
    with user(PIPELINE):
        client = store.open()
        client.create_registered_model("made-by-the-pipeline")
    with user(ADMIN):
        grant_roles(server, PIPELINE, REVIEWER, "made-by-the-pipeline", "made-by-the-pipeline-prod")
    with user(PIPELINE):
        assert refused(client.delete_registered_model, "made-by-the-pipeline")


def test_a_role_that_gives_more_is_found(server):
    from mlflow.server import get_app_client

    with user(ADMIN):
        auth = get_app_client("basic-auth", tracking_uri=server)
        auth.create_user("promoted", PASSWORD)
        role = auth.create_role("default", "editors")
        auth.add_role_permission(role.id, "registered_model", "*", "EDIT")
        auth.assign_role("promoted", role.id)
        with pytest.raises(UserError, match=r"'promoted' has EDIT on the registered_model 'b-prod', not READ"):
            grant_roles(server, "promoted", REVIEWER, "b", "b-prod")


@pytest.mark.parametrize(
    ("caller", "pipeline", "reviewer", "said"),
    [
        (ADMIN, "nobody", REVIEWER, "no user 'nobody'; create it"),
        (ADMIN, PIPELINE, ADMIN, "'admin' is an administrator"),
        (ADMIN, PIPELINE, PIPELINE, "cannot be both"),
        (PIPELINE, PIPELINE, REVIEWER, "MLFLOW_TRACKING_USERNAME"),
    ],
    ids=["no such user", "an administrator", "one person", "not allowed to grant"],
)
def test_what_would_separate_nothing_is_refused(server, caller, pipeline, reviewer, said):
    with user(caller), pytest.raises(UserError, match=said):
        grant_roles(server, pipeline, reviewer, "c", "c-prod")
    assert os.environ.get("MLFLOW_TRACKING_USERNAME") is None
