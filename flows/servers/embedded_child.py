"""The embedded Prefect server's process: serves on a socket it was given, and ends when its parent is gone.

Prefect's own temporary server outlives a run that is killed, keeps its memory and holds the database against the next one.
Called as `python -P embedded_child.py SOCKET_DESCRIPTOR PARENT_PID`.
"""

import os
import signal
import socket
import sys
import threading
import time
from typing import Final

_LOOK_EVERY_S: Final = 0.5
_GRACE_S: Final = 5.0


def main(descriptor: int, parent: int) -> None:
    """Serves until terminated or orphaned."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    import uvicorn

    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        log_level="error",
        lifespan="on",
        timeout_graceful_shutdown=int(_GRACE_S),
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(2 * _GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
