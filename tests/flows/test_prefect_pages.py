"""On a real Prefect server: a run's artifacts are there, and a saved webhook block reaches a real receiver."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flows.notices.blocks import require_blocks
from flows.notices.content import Notice
from flows.notices.send import notify
from flows.pages import progress as progress_artifact
from flows.pages.outcome import checks_table, publish
from flows.pages.progress import showing_progress
from flows.progress import SilentObserver, observing
from registry.store import MlflowStore
from tasks.errors import UserError
from tasks.recipe.schema import NotifyConfig
from tests.flows.outcomes import outcome_of

MLFLOW = "http://me:hush@127.0.0.1:5000"
SECRET = "hush"


class Listener(SilentObserver):
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def noted(self, message: str) -> None:
        self.notes.append(message)


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An HTTP server that keeps what is posted to it; to /broken it answers 500."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append({"path": self.path, "authorization": self.headers["Authorization"], **json.loads(body)})
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Not into the tests' output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()


def save_webhook(name: str, url: str) -> None:
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    CustomWebhookNotificationBlock(
        name=name,
        url=url,
        headers={"Authorization": "Bearer {{token}}"},
        json_data={"title": "{{subject}}", "text": "{{body}}"},
        secrets={"token": SECRET},
    ).save(name)


@pytest.mark.slow
@pytest.mark.prefect
def test_a_run_shows_itself_on_its_page_and_tells_people(
    challenging, judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from prefect import flow
    from prefect.blocks.system import Secret
    from prefect.client.orchestration import get_client
    from prefect.context import FlowRunContext
    from prefect.testing.utilities import prefect_test_harness

    monkeypatch.setattr(progress_artifact, "_NEW_STEP_S", 0.0)
    verdict = judged(challenging)
    outcome = outcome_of(challenging, verdict)
    store = MlflowStore(tmp_path, MLFLOW, MLFLOW, None)
    config = NotifyConfig(blocks=("custom-webhook/broken", "custom-webhook/gone", "custom-webhook/team"))
    listener = Listener()

    @flow(persist_result=False)
    def night() -> str:
        with showing_progress(outcome.name, SilentObserver()) as observer:
            observer.planned(["snapshot", "fine-tune"])
            observer.started("snapshot")
            observer.finished("snapshot", reused=False, seconds=1)
            observer.started("fine-tune")
        publish(outcome, store)
        notify(config, Notice(kind="verdict", subject="a: PASS", body="one {token}\ntwo"))
        context = FlowRunContext.get()
        assert context is not None
        assert context.flow_run is not None
        return str(context.flow_run.id)

    with prefect_test_harness(server_startup_timeout=240), receiver() as (url, got):
        save_webhook("team", f"{url}/hook")
        save_webhook("broken", f"{url}/broken")
        Secret(value="x").save("plain")
        with observing(listener):
            run = night()
        with get_client(sync_client=True) as client:
            read = {artifact.key: artifact for artifact in client.read_artifacts() if artifact.key}

        require_blocks(("custom-webhook/team",), "recipe.yaml")
        with pytest.raises(
            UserError, match=r"^recipe\.yaml: notify\.blocks: there is no block slack-webhook/nobody"
        ) as no:
            require_blocks(("slack-webhook/nobody", "custom-webhook/team", "secret/plain"), "recipe.yaml")

    assert {str(artifact.flow_run_id) for artifact in read.values()} == {run}
    kinds = {key: artifact.type for key, artifact in read.items()}
    name = outcome.name
    assert kinds == {
        f"progress-{name}": "progress",
        f"checks-{name}": "table",
        f"verdict-{name}": "markdown",
        f"report-{name}": "markdown",
        f"model-{name}": "markdown",
    }
    assert read[f"progress-{name}"].data == 100
    assert json.loads(read[f"checks-{name}"].data) == checks_table(verdict)
    assert read[f"verdict-{name}"].data.startswith(f"# {name}: PASS\n")
    assert read[f"report-{name}"].data == f"[{outcome.report.name}]({outcome.report.as_uri()})"
    page = f"http://127.0.0.1:5000/#/models/{name}/versions/3"
    assert read[f"model-{name}"].data == f"[models:/{name}/3]({page})"

    assert {"path": "/hook", "authorization": f"Bearer {SECRET}", "title": "a: PASS", "text": "one {token}\ntwo"} in got
    assert [post["path"] for post in got] == ["/broken", "/hook"]
    assert listener.notes[0] == 'nobody was told by custom-webhook/broken of "a: PASS": HTTPStatusError 500'
    assert listener.notes[1].startswith('nobody was told by custom-webhook/gone of "a: PASS": there is no block')
    assert "make one of type slack-webhook called nobody at http://127.0.0.1" in str(no.value)
    assert "; the block secret/plain is none that notifies" in str(no.value)
    assert SECRET not in caplog.text
