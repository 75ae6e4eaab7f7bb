"""How the page writes names, digests and moments."""

import re
from datetime import datetime
from typing import Final

from markupsafe import Markup

from tasks.formatting import NOT_MEASURED

_LONGEST_NAME: Final = 64


def short_digest(digest: str | None) -> str:
    """The first twelve characters of a digest: enough to compare by eye."""
    return digest[:12] if digest else NOT_MEASURED


def moment(when: datetime) -> str:
    """Date and time to the minute, with the zone where it is known."""
    return when.strftime("%Y-%m-%d %H:%M %Z").strip()


def clipped(name: object) -> str:
    """A name from the data, shortened in the middle so that one long label cannot break the page."""
    text = str(name)
    if len(text) <= _LONGEST_NAME:
        return text
    half = _LONGEST_NAME // 2
    return f"{text[: half - 1]}…{text[-half:]}"


def breakable(name: object) -> Markup:
    """A clipped name that may be broken after slashes and underscores."""
    parts = re.split(r"(?<=[/_])", clipped(name))
    return Markup("<wbr>").join(parts)
