"""Which port a server listens on: the one that was asked for, else the usual one, else any that is free."""

import socket
from typing import Final

from tasks.errors import UserError

HOST: Final = "127.0.0.1"


def choose_port(asked: int | None, usual: int, *, field: str) -> int:
    """A port of loopback that is free now; `asked` 0 stands for any.

    Raises UserError, naming `field`, where the one asked for is taken. Somebody may still take it before the server
    does, which then says so in its log.
    """
    if asked:
        if not _free(asked):
            raise UserError(f"port {asked} of {HOST} is taken; name another one, or 0 for any", field=field)
        return asked
    if asked is None and _free(usual):
        return usual
    with socket.socket() as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])


def _free(port: int) -> bool:
    with socket.socket() as tried:
        # As servers do it: what a server left behind a moment ago does not count.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError:
            return False
        return True
