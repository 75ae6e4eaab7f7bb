"""Consoles that colour only terminals (and never with NO_COLOR), and that never cut a line which a program may read."""

from typing import Final, TextIO

from rich.console import Console

OUTCOME_STYLES: Final = {
    "PASS": "bold green",
    "INCONCLUSIVE": "bold yellow",
    "FAIL": "bold red",
    "INVALID": "bold magenta",
}
_WIDTH_OF_A_FILE: Final = 10_000


def console_for(stream: TextIO) -> Console:
    """A console on `stream`: rich's own rules for colour and width on a terminal, plain and unwrapped elsewhere."""
    width = None if stream.isatty() else _WIDTH_OF_A_FILE
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`, `1 h 02 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
