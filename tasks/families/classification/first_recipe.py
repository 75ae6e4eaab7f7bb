"""What text classification could make of a person's table: which column is the text, which the class, and what to begin with."""

import math
from collections.abc import Sequence
from typing import Final

from tasks.base_models.base_model import MINILM
from tasks.data.tables import Column, Table
from tasks.errors import UserError
from tasks.families.proposal import Line, Proposal, Wanted, quoted
from tasks.hints import listed

_TEXTS: Final = (
    "text", "utterance", "sentence", "query", "question", "message", "content", "body", "comment", "review", "request",
    "prompt", "input", "description", "title", "subject",
)  # fmt: skip
_LABELS: Final = (
    "label", "labels", "intent", "class", "category", "target", "topic", "sentiment", "tag", "type", "y", "output", "answer",
)  # fmt: skip
_SLICES: Final = ("domain", "slice", "channel", "language", "lang", "region", "country", "source", "segment")
_OUTSIDE: Final = frozenset({"oos", "ood", "outofscope", "outofdomain"})
_PERHAPS_OUTSIDE: Final = frozenset({"other", "others", "none", "unknown", "fallback", "misc"})
_MOST_SLICES: Final = 30
_PIECES_PER_CHARACTER: Final = 0.3  # word pieces of English have three to five characters
_LENGTHS: Final = (32, 64, 128, 256, 512)


def propose(table: Table, wanted: Wanted) -> Proposal:
    """Raises UserError where no column can be the class, or none the text."""
    label, why_label = _label(table, wanted)
    text, why_text = _text(table, wanted, label)
    if len(label.names) < 2:
        only = f"only {listed(label.names)}" if label.names else "none"
        raise UserError(f"a classifier needs at least two labels; column {label.name!r} has {only}")
    again = len(text.texts) - text.distinct
    why_text += f"; {again:,} rows have a text that comes again, which counts once" if again else ""
    data = [Line("text_column", quoted(text.name), why_text), Line("label_column", quoted(label.name), why_label)]
    data += _outside(label)
    data += _slice(table, {text.name, label.name})
    length = _length(text)
    base = wanted.base_model or MINILM
    why_base = "" if wanted.base_model else "comes with miaotui, for English; or a folder, or owner/name of a hub"
    model = [
        Line("base_model", quoted(base), why_base),
        Line("fine_tune", f"{{max_length: {length}}}", "word pieces of a text that are read; longer texts are cut"),
    ]
    name, share = label.names.most_common(1)[0][0], label.names.most_common(1)[0][1] / sum(label.names.values())
    floor = min(0.99, math.ceil(share * 100) / 100)
    gates = [
        Line("accuracy", f"{floor:g}", f"answering {quoted(name)} every time has {share:.0%}; set what you need"),
        Line("latency_p99_ms", "50"),
        Line("size_mb", "150"),
    ]
    return Proposal(_fit(text, label), tuple(data), tuple(model), tuple(gates))


def _fit(text: Column, label: Column) -> float:
    """A class that few rows share is more likely a text."""
    return 1.0 if label.few_names and text.name != label.name else 0.1


def _label(table: Table, wanted: Wanted) -> tuple[Column, str]:
    if wanted.label_column is not None:
        column = table.column(wanted.label_column)
        return column, _classes(column)
    able = [column for column in table.columns if column.few_names]
    named = _by_name(able, _LABELS)
    # By their content alone, columns of slices look like classes, too.
    found = named or min(
        (column for column in able if column.name.casefold() not in _SLICES and column.name != wanted.text_column),
        key=lambda column: column.mean_characters or math.inf,
        default=None,
    )
    if found is None:
        raise UserError(
            f"no column holds a class (a few values that come again and again); the columns are "
            f"{listed(column.name for column in table.columns)}; name it with --label-column"
        )
    return found, _classes(found)


def _classes(column: Column) -> str:
    fewest = min(column.names, key=lambda name: (column.names[name], name))
    return f"{len(column.names)} labels; the rarest, {quoted(fewest)}, has {column.names[fewest]:,} rows"


def _text(table: Table, wanted: Wanted, label: Column) -> tuple[Column, str]:
    if wanted.text_column is not None:
        return table.column(wanted.text_column), "as you said"
    others = [column for column in table.columns if column.name != label.name and column.texts]
    named = _by_name([column for column in others if column.distinct > len(label.names)], _TEXTS)
    if named is not None:
        return named, "by its name"
    longest = max(others, key=lambda column: column.mean_characters, default=None)
    if longest is None:
        raise UserError(f"no column but {label.name!r} holds text; name it with --text-column")
    return longest, f"the longest texts, {longest.mean_characters:.0f} characters on average"


def _by_name(columns: Sequence[Column], names: Sequence[str]) -> Column | None:
    by_name = {column.name.casefold().strip(): column for column in columns}
    return next((by_name[name] for name in names if name in by_name), None)


def _outside(label: Column) -> list[Line]:
    def bare(name: str) -> str:
        return "".join(character for character in name.casefold() if character.isalnum())

    outside = [name for name in label.names if bare(name) in _OUTSIDE]
    if len(outside) == 1:
        return [Line("out_of_scope_label", quoted(outside[0]), "by its name: what no class is meant for")]
    perhaps = sorted(name for name in label.names if bare(name) in _PERHAPS_OUTSIDE)
    if perhaps:
        return [
            Line("out_of_scope_label", "null", f"{quoted(perhaps[0])}, if that stands for what no class is meant for")
        ]
    return []


def _slice(table: Table, taken: set[str]) -> list[Line]:
    able = [column for column in table.columns if column.name not in taken and 2 <= len(column.names) <= _MOST_SLICES]
    found = _by_name(able, _SLICES)
    if found is None:
        return []
    return [Line("slice_column", quoted(found.name), f"{len(found.names)} slices, each judged and compared by itself")]


def _length(text: Column) -> int:
    """The smallest length that leaves 99 % of the texts whole, as far as their characters tell."""
    characters = sorted(map(len, text.texts))
    pieces = _PIECES_PER_CHARACTER * characters[int(0.99 * (len(characters) - 1))] + 2 if characters else 0
    return next((length for length in _LENGTHS if pieces <= length), _LENGTHS[-1])
