"""A Prefect server that is named but not there is one line at once, not a traceback after a minute."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from flows.servers.embedded import PrefectServer
from flows.servers.errors import ServersError
from flows.servers.named import require_prefect_server
from tasks.errors import UserError

PROJECT = Path(__file__).parents[2]


class Answers(BaseHTTPRequestHandler):
    """A server with a password beneath /closed, one that just restarts beneath /busy, and no Prefect elsewhere."""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == "Basic bWU6aHVzaA=="
        closed = 200 if known else 401
        place = self.path.removesuffix("/admin/version")
        self.send_response({"/api": 200, "/closed/api": closed, "/busy/api": 502}.get(place, 404))
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Not into the tests' output."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_no_server_named_is_fine() -> None:
    require_prefect_server({})


@pytest.mark.parametrize("path", ["/api", "/api/", "/busy/api"])
def test_a_server_that_answers_is_fine_and_so_is_one_that_is_just_restarted(server: str, path: str) -> None:
    require_prefect_server({"PREFECT_API_URL": server + path})


def test_a_server_that_asks_for_a_password_names_the_variable(server: str) -> None:
    named = {"PREFECT_API_URL": f"{server}/closed/api"}
    with pytest.raises(UserError, match=r"does not let this user in; set PREFECT_API_AUTH_STRING"):
        require_prefect_server(named)
    with pytest.raises(UserError, match=r"does not let this user in; it does not accept PREFECT_API_AUTH_STRING$"):
        require_prefect_server(named | {"PREFECT_API_AUTH_STRING": "me:wrong"})
    require_prefect_server(named | {"PREFECT_API_AUTH_STRING": "me:hush"})


def test_an_address_without_api_is_told_from_a_server_that_is_not_there(server: str) -> None:
    with pytest.raises(UserError, match=r"PREFECT_API_URL: .* answers, but not as Prefect's API does"):
        require_prefect_server({"PREFECT_API_URL": server})


def test_a_proxy_on_the_way_to_a_silent_server_is_named(silent_proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.servers.named._TIMEOUT_S", 0.2)
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example/api")
    with pytest.raises(UserError, match=rf"does not answer through the proxy {silent_proxy}; start it, or unset"):
        require_prefect_server()


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/api", "http://[::1", "http://a b/api"])
def test_what_is_no_address_is_one_line(url: str) -> None:
    with pytest.raises(UserError, match=r"^PREFECT_API_URL: (is no address|must be an http)"):
        require_prefect_server({"PREFECT_API_URL": url})


def test_an_embedded_server_that_ends_says_how_its_log_ends(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text("no such table: flow", encoding="utf-8")
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as ended:
        ended.wait()
        with pytest.raises(ServersError, match=r"(?s)ended with code 3; the end of .*run\.log:.*no such table: flow"):
            PrefectServer("http://127.0.0.1:9/api", ended, log).wait()


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(
        UserError, match=rf"http://127\.0\.0\.1:{port} does not answer; start it, or unset PREFECT_API_URL"
    ):
        require_prefect_server({"PREFECT_API_URL": f"http://user:secret@127.0.0.1:{port}/api"})


def test_another_kind_of_address_is_refused() -> None:
    with pytest.raises(UserError, match="PREFECT_API_URL: must be an http"):
        require_prefect_server({"PREFECT_API_URL": "file:///etc/passwd"})


ORPHAN = """
import os, sys, threading, time
from flows.servers.embedded_child import _end_with
threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
print(os.getpid(), flush=True)
time.sleep(300)
"""
PARENT = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', sys.argv[1]]); time.sleep(300)"
FLOW = """
import os, signal, sys
from flows.home import Home
from flows.servers.embedded import PrefectServer
Home.open()
server = PrefectServer.of_environment()
from prefect import flow
from flows.steps.runner import as_task
server.wait()
print(server._process.pid, flush=True)

@flow
def doubled(number):
    def double():
        if number == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return 2 * number
    return as_task("double", double)

print(doubled(int(sys.argv[1])), flush=True)
"""


def wait_until_gone(process: int) -> None:
    deadline = time.monotonic() + 60
    while psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def in_project(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(PROJECT), "MIAOTUI_HOME": str(tmp_path)}


def test_the_embedded_server_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, ORPHAN]
    with subprocess.Popen(command, env=in_project(tmp_path), stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    wait_until_gone(child)


@pytest.mark.slow
@pytest.mark.prefect
def test_a_flow_runs_on_the_embedded_server_and_leaves_none_behind(tmp_path: Path) -> None:
    for number, code in ((21, 0), (0, -signal.SIGKILL)):
        command = [sys.executable, "-c", FLOW, str(number)]
        done = subprocess.run(command, env=in_project(tmp_path), stdout=subprocess.PIPE, text=True, timeout=600)
        server, *result = done.stdout.split()
        assert (done.returncode, result) == (code, ["42"] if number else [])
        wait_until_gone(int(server))
