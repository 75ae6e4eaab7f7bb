"""Small helpers for error messages: the nearest known name, and values quoted so that a message stays one short line."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Final

EXCERPT_CHARACTERS: Final = 200
_QUOTE_CHARACTERS: Final = 60
_NAMES_SHOWN: Final = 12
_FILES_SHOWN: Final = 3


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, if any is like it at all."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.5)
    return by_folded[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'X'?`, or nothing."""
    match = nearest(name, known)
    return f"; did you mean {match!r}?" if match else ""


def listed(names: Iterable[str]) -> str:
    """Names as a short list in quotes."""
    quoted = [quote(name) for name in names]
    more = f" and {len(quoted) - _NAMES_SHOWN} more" if len(quoted) > _NAMES_SHOWN else ""
    return ", ".join(quoted[:_NAMES_SHOWN]) + more if quoted else "none"


def shortened(files: Sequence[str]) -> str:
    """The first few of a list of files."""
    return ", ".join(files[:_FILES_SHOWN]) + (", …" if len(files) > _FILES_SHOWN else "")


def excerpt(value: object) -> str:
    """The beginning of a value as text, for the quarantine file; never more than `EXCERPT_CHARACTERS` characters."""
    if isinstance(value, bytes):
        return value[:EXCERPT_CHARACTERS].decode("utf-8", errors="replace")
    try:
        return (value if isinstance(value, str) else repr(value))[:EXCERPT_CHARACTERS]
    except RecursionError:
        return f"{type(value).__name__}, nested too deeply to be shown"


def quote(text: str) -> str:
    """A text in quotes, on one line, without control characters, shortened."""
    shown = text[:_QUOTE_CHARACTERS]
    return ascii_if_unprintable(repr(shown)) + ("…" if len(text) > len(shown) else "")


def ascii_if_unprintable(text: str) -> str:
    """The text itself, or with every character that cannot be shown escaped."""
    return text if text.isprintable() else text.encode("ascii", errors="backslashreplace").decode("ascii")
