"""An MLflow server or database that the environment names and that cannot be used is one line, at once."""

from pathlib import Path

import pytest

from registry.store import MlflowStore
from tasks.errors import UserError


@pytest.mark.parametrize(
    "uri", ["garbage", "./mlruns", "file:///tmp/runs", "databricks", "uc:x", "oracle://x", "s3://b/x"]
)
def test_what_is_neither_a_server_nor_a_database_is_refused(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match=r"^MLFLOW_TRACKING_URI: must be an MLflow server \(http://HOST:PORT\) or a"):
        MlflowStore.of_home(tmp_path).open()


@pytest.mark.parametrize("uri", ["http://127.0.0.1:99999", "http://[::1", "http://", "http://a b:5000"])
def test_an_address_that_is_none_is_one_line(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match=r"^MLFLOW_TRACKING_URI: is no address"):
        MlflowStore.of_home(tmp_path).open()


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_that_would_be_forgotten_is_refused(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match="a database in memory would be forgotten"):
        MlflowStore.of_home(tmp_path).open()


def test_a_proxy_on_the_way_to_a_silent_server_is_named_and_the_password_is_not(
    silent_proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.server._TIMEOUT_S", 0.2)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:hush@mlflow.example:5000/prefix/")
    said = rf"the MLflow server at http://mlflow\.example:5000/prefix does not answer through the proxy {silent_proxy}; start"
    with pytest.raises(UserError, match=said):
        MlflowStore.of_home(tmp_path).open()
