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
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

from flows.servers.errors import ServersError, with_tail
from flows.servers.health import ask
from flows.servers.named import require_prefect_server
from tasks.machine.waiting import waiting_for

EMBEDDED: Final = "MIAOTUI_EMBEDDED_PREFECT"
"""The variable that names the embedded server, beside PREFECT_API_URL: nobody can look at its pages."""

_CHILD: Final = Path(__file__).with_name("embedded_child.py")
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

    def __init__(self, url: str, process: "subprocess.Popen[bytes] | None", log: Path | None) -> None:
        """Use `of_environment`."""
        self.url = url
        self._process = process
        self._log = log

    @classmethod
    def of_environment(
        cls, environment: MutableMapping[str, str] = os.environ, *, log: Path | None = None
    ) -> "PrefectServer":
        """The server named in `environment`, else an embedded one, which is named there then.

        `log`: the file to which this process, and so the embedded one, prints.

        Call it before prefect is imported. Raises UserError where a named server does not answer.
        """
        named = environment.get("PREFECT_API_URL")
        if named:
            require_prefect_server(environment)
            return cls(named, None, log)
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
        server = cls(url, process, log)
        atexit.register(server.stop)
        environment["PREFECT_API_URL"] = environment[EMBEDDED] = url
        return server

    def wait(self) -> None:
        """Returns when the server answers. Raises ServersError where an embedded one ends instead, or takes too long."""
        if self._process is None:
            return
        deadline = time.monotonic() + _START_TIMEOUT_S
        with waiting_for("the embedded Prefect server, which makes its database at the first start"):
            while ask(f"{self.url}/health") is None:
                if self._process.poll() is not None:
                    raise self._failed(f"ended with code {self._process.returncode}")
                if time.monotonic() > deadline:
                    raise self._failed(f"did not answer within {_START_TIMEOUT_S:.0f} s")
                time.sleep(0.05)

    def _failed(self, how: str) -> ServersError:
        message = f"the embedded Prefect server {how}"
        return ServersError(with_tail(message, self._log) if self._log else message)

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
