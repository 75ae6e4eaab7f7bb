"""The Prefect server of a run: the one that `PREFECT_API_URL` names, or an embedded one for as long as the process lives.

It is started before Prefect is imported, so that both come up at the same time, and stopped after Prefect's own exit
handlers have sent what they had to send.
"""

import atexit
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tasks.errors import UserError

EMBEDDED: Final = "MIAOTUI_EMBEDDED_PREFECT"
"""The variable that names the embedded server, beside PREFECT_API_URL: nobody can look at its pages."""

_CHILD: Final = Path(__file__).with_name("embedded_child.py")
_ANSWER_TIMEOUT_S: Final = 10.0
_START_TIMEOUT_S: Final = 300.0  # the first start migrates a database: half a minute, and more on a busy machine
_STOP_TIMEOUT_S: Final = 5.0
# As Prefect sets them for a temporary server: no pages to look at, no services that a single run does not need.
_CHILD_ENVIRONMENT: Final = {
    "PREFECT_UI_ENABLED": "false",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
}


class PrefectServer:
    """A server that is being started, or one that is there already."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes] | None") -> None:
        """Use `of_environment`."""
        self.url = url
        self._process = process

    @classmethod
    def of_environment(cls, environment: MutableMapping[str, str] = os.environ) -> "PrefectServer":
        """The server named in `environment`, else an embedded one, which is named there then.

        Call it before prefect is imported. Raises UserError where a named server does not answer.
        """
        named = environment.get("PREFECT_API_URL")
        if named:
            require_prefect_server(environment)
            return cls(named, None)
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            descriptor = listening.fileno()
            process = subprocess.Popen(
                # -P: the script's own folder holds modules that must not stand in for others.
                [sys.executable, "-P", str(_CHILD), str(descriptor), str(os.getpid())],
                env={**environment, **_CHILD_ENVIRONMENT},
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
            )
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
        server = cls(url, process)
        atexit.register(server.stop)
        environment["PREFECT_API_URL"] = environment[EMBEDDED] = url
        return server

    def wait(self) -> None:
        """Returns when the server answers. Raises RuntimeError where an embedded one ends instead, or takes too long."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while self._process is not None:
            if self._process.poll() is not None:
                raise RuntimeError(f"the embedded Prefect server ended with code {self._process.returncode}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"the embedded Prefect server did not answer within {_START_TIMEOUT_S:.0f} s")
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=_ANSWER_TIMEOUT_S).close()  # noqa: S310 - its own URL
            except OSError:
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Ends an embedded server; one that was named goes on."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def require_prefect_server(environment: Mapping[str, str] = os.environ) -> None:
    """Raises UserError where the environment names a Prefect server that does not answer; none named is fine.

    Prefect itself says it with a long traceback.
    """
    url = environment.get("PREFECT_API_URL")
    if not url:
        return
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"must be an http(s) address that ends with /api, not {shown}", file="PREFECT_API_URL")
    request = urllib.request.Request(f"{url.rstrip('/')}/health")  # noqa: S310 - the scheme was checked
    try:
        urllib.request.urlopen(request, timeout=_ANSWER_TIMEOUT_S).close()  # noqa: S310 - the scheme was checked
    except urllib.error.HTTPError:
        return  # whatever it says, something answers
    except OSError as error:
        message = f"the Prefect server at {shown} does not answer; start it, or unset PREFECT_API_URL to run without"
        raise UserError(message) from error
