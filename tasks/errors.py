"""The one exception for everything that a person's recipe, data or machine caused."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LONGEST: Final = 300


class UserError(Exception):
    """One clear line: what is wrong, where (file, field, row), and the way out. Exit code 2."""

    def __init__(self, message: str, *, file: Path | str | None = None, field: str | None = None) -> None:
        """`file` and `field` are put before the message, as `file: field: message`."""
        self.file = str(file) if file is not None else None
        self.field = field
        super().__init__(": ".join(part for part in (self.file, field, message) if part))


@contextmanager
def naming(file: Path) -> Iterator[None]:
    """Puts `file` before a UserError that names none: what knows a field's value need not know the recipe that it stands in."""
    try:
        yield
    except UserError as error:
        if error.file is not None:
            raise
        raise UserError(str(error), file=file) from error


def one_line(error: object) -> str:
    """What a library's exception says, on one line and no longer than a person reads."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
