"""Links lead to the pages of MLflow's server, and nowhere else, and hold no password."""

from types import SimpleNamespace
from typing import Any

import pytest

from registry.pages import report_page, version_page

VERSION: Any = SimpleNamespace(name="support.intents", version=7)


class Store:
    """A store behind these addresses in which run `r` of experiment 4 has one report."""

    def __init__(self, uri: str) -> None:
        self.tracking_uri = self.registry_uri = uri
        self.opened = False

    def open(self) -> "Store":
        self.opened = True
        return self

    def list_artifacts(self, _run_id: str) -> list[Any]:
        return [SimpleNamespace(path="recipe.yaml"), SimpleNamespace(path="a-1.html")]

    def get_run(self, _run_id: str) -> Any:
        return SimpleNamespace(info=SimpleNamespace(experiment_id="4"))


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5000", "http://127.0.0.1:5000/", "http://me:hush@127.0.0.1:5000"])
def test_the_pages_of_a_server(uri: str) -> None:
    store: Any = Store(uri)
    assert version_page(store, VERSION) == "http://127.0.0.1:5000/#/models/support.intents/versions/7"
    assert report_page(store, "r", "a-1.html") == "http://127.0.0.1:5000/#/experiments/4/runs/r/artifacts/a-1.html"


def test_a_server_behind_a_path_keeps_it() -> None:
    store: Any = Store("https://ml.example/mlflow/")
    assert version_page(store, VERSION) == "https://ml.example/mlflow/#/models/support.intents/versions/7"


def test_a_report_that_another_run_holds_has_no_page_on_this_one() -> None:
    store: Any = Store("http://127.0.0.1:5000")
    assert report_page(store, "r", "a-2.html") is None


@pytest.mark.parametrize("uri", ["sqlite:////home/mlflow.db", "postgresql+psycopg://me:hush@db/mlflow", "/home/mlruns"])
def test_what_is_no_server_has_no_pages_and_is_not_asked(uri: str) -> None:
    store: Any = Store(uri)
    assert version_page(store, VERSION) is None
    assert report_page(store, "r", "a-1.html") is None
    assert not store.opened
