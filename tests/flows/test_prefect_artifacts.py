"""What a run leaves on its page in Prefect, and that a server which takes nothing costs it nothing."""

import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.pages.artifact_writer import ArtifactWriter, artifact_key
from flows.pages.outcome import checks_table, publish, verdict_text
from flows.pages.served import served_run, ui_page
from flows.progress import SilentObserver, observing
from flows.servers.embedded import EMBEDDED
from registry.checks import Check, Outcome, Verdict
from tests.flows.outcomes import outcome_of

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)


def test_a_name_that_is_a_key_already_stays_as_it_is() -> None:
    assert artifact_key("checks", "support-intents") == "checks-support-intents"


@settings(deadline=None)
@given(names=st.lists(NAMES, min_size=2, unique=True))
def test_keys_are_what_prefect_takes_and_no_two_names_share_one(names: list[str]) -> None:
    keys = [artifact_key("checks", name) for name in names]
    assert all(re.fullmatch(r"[a-z0-9-]+", key) for key in keys)
    assert len(set(keys)) == len(keys)


def test_a_name_that_looks_like_anothers_key_gets_one_of_its_own() -> None:
    key = artifact_key("checks", "Support.Intents")
    assert artifact_key("checks", key.removeprefix("checks-")) != key


def test_the_table_has_a_row_per_check_the_worst_first_with_units(evidence, judged) -> None:
    slow = Check(
        name="latency_p99_ms/local-cpu/Server",
        outcome=Outcome.FAIL,
        sentence="too slow",
        measured=float("nan"),
        bound=31.0,
        threshold=25.0,
        unit="ms",
    )
    checks = judged(evidence).checks
    table = checks_table(Verdict.of([*checks, slow]))
    assert table[0] == {
        "check": "latency_p99_ms/local-cpu/Server",
        "outcome": "FAIL",
        "measured": "nan ms",
        "bound": "31 ms",
        "threshold": "25 ms",
        "sentence": "too slow",
    }
    assert len(table) == len(checks) + 1


def test_the_verdict_is_told_with_what_became_of_the_version(evidence) -> None:
    failed = Verdict.of([Check(name="accuracy", outcome=Outcome.FAIL, sentence="below <b>the</b> floor")])
    lines = verdict_text(outcome_of(evidence, failed)).splitlines()
    assert lines[0] == "# support-intents: FAIL"
    assert "- FAIL: below &lt;b>the&lt;/b> floor" in lines
    assert lines[-3:] == [
        "models:/support-intents/3 is the champion now, after version 2",
        "",
        "Computed: fine-tune; 1 of 2 steps were reused.",
    ]


def test_nothing_is_published_outside_of_a_run_on_a_server(evidence, judged) -> None:
    class Unread:
        """A store that nobody may look into."""

    assert served_run() is None
    publish(outcome_of(evidence, judged(evidence)), Unread())  # type: ignore[arg-type]


def test_the_embedded_server_has_no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:4200/api"}):
        assert ui_page("runs") == "http://127.0.0.1:4200/runs"
        monkeypatch.setenv(EMBEDDED, "http://127.0.0.1:4200/api")
        assert ui_page("runs") is None


class Listener(SilentObserver):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def noted(self, message: str) -> None:
        self.notes.append(message)


def test_a_server_that_is_gone_is_noted_once_and_not_asked_again_for_a_while() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/api"
    now, listener = [0.0], Listener()
    writer = ArtifactWriter(uuid4(), clock=lambda: now[0])
    with temporary_settings({PREFECT_API_URL: url}), observing(listener):
        assert writer.create("table", "checks-a", "[]") is None
        assert writer.create("table", "verdict-a", "[]") is None
        now[0] = 1000.0
        assert writer.create("table", "checks-a", "[]") is None
    assert listener.notes == ["the artifact checks-a could not be written (ConnectError); the run goes on without"]


def test_a_server_that_is_busy_is_asked_once_and_not_waited_for() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    asked: list[str] = []

    class Busy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(503)
            self.end_headers()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_arguments: object) -> None:
            """Not into the tests' output."""

    listener = Listener()
    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{server.server_port}/api"}), observing(listener):
            assert ArtifactWriter(uuid4()).create("table", "checks-a", "[]") is None
        server.shutdown()
    assert len(asked) == 1
    assert "(PrefectHTTPStatusError)" in listener.notes[0]


def test_an_artifact_is_written_again_once_the_server_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.client import orchestration

    asked: list[float] = []
    now = [0.0]

    def refuse(**_options: object) -> object:
        asked.append(now[0])
        raise OSError

    monkeypatch.setattr(orchestration, "get_client", refuse)
    writer = ArtifactWriter(uuid4(), clock=lambda: now[0])
    for seconds in (0.0, 1.0, 119.0, 121.0):
        now[0] = seconds
        writer.update(uuid4(), "progress-a", 1.0, "a step")
    assert asked == [0.0, 121.0]
