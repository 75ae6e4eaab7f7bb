"""What a person asks of a first recipe, and what a family proposes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine import strict_json
from tasks.data.tables import Table

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_NO_TEXT: Final = frozenset({"true", "false", "null"})


@dataclass(frozen=True)
class Wanted:
    """What the person said; None or empty where nothing was said. `base_model`: a folder or a hub's id."""

    family: str | None = None
    text_column: str | None = None
    label_column: str | None = None
    base_model: str | None = None
    name: str | None = None
    targets: tuple[str, ...] = ("local-cpu",)


@dataclass(frozen=True)
class Line:
    """One line of the recipe: a field, its value in YAML, and why it is so."""

    field: str
    value: str
    why: str = ""


@dataclass(frozen=True)
class Proposal:
    """What a family could make of a table.

    `fit`: how well, above 0; `data`: lines of the data section behind the files'; `model`: those of the sections that say what
    is trained; `gates`: those of the gates.
    """

    fit: float
    data: tuple[Line, ...]
    model: tuple[Line, ...]
    gates: tuple[Line, ...]


Propose = Callable[[Table, Wanted], Proposal]
"""Raises UserError, without a file, where the family can make nothing of the table."""


def quoted(value: str) -> str:
    """A text as YAML has it: plain where it cannot be taken for anything else."""
    if _PLAIN.fullmatch(value) and value.lower() not in _NO_TEXT:
        return value
    return strict_json.dumps(value)
