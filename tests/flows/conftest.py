"""An own home, and the evidence that the registry's tests judge, for tests of what the flows make of a verdict."""

from pathlib import Path

import pytest

from tests.registry.conftest import bundle, challenging, evidence, gates, judged, target

__all__ = ["bundle", "challenging", "evidence", "gates", "judged", "target"]


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a command that names no home has its own: nothing is there yet."""
    home = tmp_path / "home"
    monkeypatch.setenv("MIAOTUI_HOME", str(home))
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    return home
