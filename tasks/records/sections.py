"""What a task family says of what it made, as data: model card and report show it and ask no family anything."""

from dataclasses import dataclass
from typing import Literal

Chapter = Literal["techniques", "cost", "lineage"]
"""Chapters of the report to which a family may add sections."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A named value, as it is to be read."""

    term: str
    value: str


@dataclass(frozen=True, slots=True)
class TableRow:
    """`cells`: one for each column, the first names the row. `chosen`: the one that the run went on with."""

    cells: tuple[str, ...]
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; all but the first column hold numbers."""

    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a chapter: what there is to show, then a `note` on it, or that it is `missing` and why.

    `title`: none where it goes on with what stands before it.
    """

    chapter: Chapter
    title: str = ""
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    note: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How a family words what it made.

    `kind`: what the bundle is. `origin`: how its full model came about, a sentence. `accuracy`: what the share of right rows is
    called in the field; `right`: when a row is right, a sentence. `outputs`: what two graphs are compared by. `budget`: what a
    technique may lose, to follow "no more than". `answer`: the fields of a served answer; `examples`: more ways to ask for one,
    as lines of Python.
    """

    kind: str
    origin: str
    accuracy: str
    right: str
    outputs: str
    budget: str
    answer: tuple[str, ...]
    examples: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()

    def chapter(self, chapter: Chapter) -> tuple[Section, ...]:
        """The family's sections of one chapter, in order."""
        return tuple(section for section in self.sections if section.chapter == chapter)
