"""Consoles that colour only terminals (and never with NO_COLOR), and that never cut a line which a program may read."""

from collections.abc import Sequence
from typing import Final, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

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


def print_rows(console: Console, rows: Sequence[Sequence[str | Text]]) -> None:
    """Rows in aligned columns; on a terminal the last column wraps within itself, elsewhere each row is one line."""
    if console.is_terminal:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for row in rows:
            table.add_row(*row)
        console.print(table)
        return
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (str(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
        console.print("  ".join(cells).rstrip())


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
