"""State lives in one folder; the environment's defaults keep everything on the machine."""

from pathlib import Path

import pytest

from flows.home import Home
from tasks.errors import UserError


def test_home_is_made_where_the_environment_says(tmp_path: Path) -> None:
    environment = {"MIAOTUI_HOME": str(tmp_path / "a" / "b")}
    home = Home.open(environment)
    assert home.folder == tmp_path / "a" / "b"
    assert list(home.folder.iterdir()) == []


def test_home_is_beside_the_caller_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Home.open({}).folder == tmp_path / ".miaotui"
    assert Home.open({"MIAOTUI_HOME": ""}).folder == tmp_path / ".miaotui"


def test_defaults_switch_telemetry_off_and_yield_to_what_is_set(tmp_path: Path) -> None:
    environment = {
        "MIAOTUI_HOME": str(tmp_path),
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:5000",
        "PREFECT_HOME": "/elsewhere",
    }
    Home.open(environment)
    assert environment["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5000"
    assert environment["PREFECT_HOME"] == "/elsewhere"
    assert environment["DO_NOT_TRACK"] == environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert environment["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_home_that_cannot_be_written_is_one_line_with_the_way_out(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=r"cannot be written .* name another folder in MIAOTUI_HOME"):
        Home.open({"MIAOTUI_HOME": str(file / below)})
