"""What ends the servers without being a mistake in a recipe, its data or the command line."""

from pathlib import Path
from typing import Final

_TAIL_LINES: Final = 12


class ServersError(Exception):
    """A server does not start, does not answer, or keeps dying. Exit code 1, in one message without a traceback."""


def with_tail(message: str, log: Path) -> str:
    """The message, and how the log ends."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        return f"{message} ({log} cannot be read: {error.strerror})"
    tail = "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:]) or "  (it is empty)"
    return f"{message}; the end of {log}:\n{tail}"
