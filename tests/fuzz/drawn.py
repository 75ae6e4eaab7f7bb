"""One case of the fuzz run while it is drawn: a recipe, data files, a base model, and what is expected to come of them."""

import csv
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.fuzz.base import Expected
from tests.fuzz.rows import OUT_OF_SCOPE, Record, classified, completed

Family = Literal["text-classification", "text-generation"]
Depth = Literal["prepared", "probed", "full"]
"""How far it is taken: up to the training, up to the exported graphs, or through the whole command line."""

ROLES: Final = ("train", "validation", "test")


@dataclass
class Drawn:
    """What a case is made of.

    `places`: where the rows of each role go; `files`: by path relative to its folder; `names`: words of which a refusal has one.
    """

    number: int
    chance: random.Random
    family: Family
    depth: Depth
    base: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, list[Record]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    yaml: bytes | None = None
    recipe_file: str = "recipe.yaml"
    overrides: list[str] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)
    expected: Expected = "fine"
    names: tuple[str, ...] = ()

    @property
    def classes(self) -> bool:
        """Whether it is a classifier's."""
        return self.family == "text-classification"

    @property
    def text(self) -> str:
        """The column of the texts or prompts."""
        return "text" if self.classes else "prompt"

    @property
    def answer(self) -> str:
        """The column of the labels or completions."""
        return "label" if self.classes else "completion"

    @property
    def data(self) -> dict[str, Any]:
        """The recipe's section."""
        section: dict[str, Any] = self.recipe["data"]
        return section


@dataclass(frozen=True)
class Oddity:
    """Something unusual that is done to a case."""

    apply: Callable[[Drawn], None]
    expected: Expected = "error"
    names: tuple[str, ...] = ()


def draw_rows(case: Drawn) -> None:
    """Good rows for some of the roles, written in one of the formats."""
    chance = case.chance
    roles = chance.choice([ROLES, ROLES, ("train",), ("train", "validation"), ("train", "test")])
    counts = {"train": 400 if len(roles) < len(ROLES) else 240, "validation": 240, "test": 120}
    as_json = chance.random() < 0.7
    for role in roles:
        case.rows[role] = (
            classified(counts[role], chance) if case.classes else completed(counts[role], chance, as_json=as_json)
        )
    suffix = chance.choice(["jsonl", "jsonl", "csv", "parquet"])
    case.places = {role: f"{role}.{suffix}" for role in roles}
    case.recipe["data"] = dict(case.places)
    case.data["near_duplicate_similarity"] = 1.0
    if case.classes:
        case.data["out_of_scope_label"] = OUT_OF_SCOPE
    elif as_json:
        case.data["correct"] = chance.choice(["json", "exact"])
    if chance.random() < 0.6:
        case.data["slice_column"] = "domain"


def write_rows(case: Drawn) -> None:
    """The rows as files, but those that an oddity has written itself."""
    for role, rows in case.rows.items():
        place = case.places[role]
        if place not in case.files:
            case.files[place] = encoded(rows, place.rpartition(".")[2])


def encoded(rows: list[Record], suffix: str) -> bytes:
    """Rows in a format; JSON lines for a suffix that is none."""
    if suffix == "csv":
        return separated(rows, ",").encode("utf-8", "surrogatepass")
    if suffix == "parquet":
        import pyarrow
        import pyarrow.parquet

        sink = io.BytesIO()
        try:
            table = pyarrow.Table.from_pylist(rows)
        except (pyarrow.ArrowException, UnicodeError, OverflowError):  # several types in a column, or half a surrogate
            table = pyarrow.table({name: _unchecked([row.get(name) for row in rows]) for name in rows[0]})
        pyarrow.parquet.write_table(table, sink)
        return sink.getvalue()
    return b"".join(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n" for row in rows)


def _unchecked(values: list[Any]) -> Any:
    """Strings as Parquet writers put them down that check nothing."""
    import pyarrow

    encoded = [None if value is None else str(value).encode("utf-8", "surrogatepass") for value in values]
    return pyarrow.array(encoded, pyarrow.binary()).view(pyarrow.string())


def separated(rows: list[Record], delimiter: str, end: str = "\n") -> str:
    """Rows as CSV."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=delimiter, lineterminator=end)
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if row.get(name) is None else row[name] for name in columns])
    return sink.getvalue()
