"""A Prefect server that is named but not there is one line at once, not a traceback after a minute."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from flows.prefect_server import require_prefect_server
from tasks.errors import UserError


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/health" else 401)
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


@pytest.mark.parametrize("path", ["/api", "/api/", "/behind/a/login"])
def test_a_server_that_answers_whatever_it_says_is_fine(server: str, path: str) -> None:
    require_prefect_server({"PREFECT_API_URL": server + path})


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
