"""Duplicates: within a split they are merged, across splits they leak, and with several labels they contradict.

Two texts are the same if they are equal after Unicode normalisation (NFKC), case folding and white space; they are
duplicates of one another if they are equal without punctuation too, and near duplicates from an edit similarity on
(`edit_similarity`). Rows leak only to rows of their own label: a near twin with another label ("from savings to checking",
"from checking to savings"; "sort in C#", "sort in C++") gives no answer away, it is the contrast that a model has to learn.
Labels are the same where they have the same form: a class is its own, a completion may be spelled in several ways.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tasks.data.completions import AnswerForm
from tasks.data.edit_similarity import similar_texts
from tasks.data.rows import Row

# A row leaves for a row of a split that stands before its own: the gate loses nothing, train yields to all others.
PROTECTION: Final = ("gate", "certify", "tune", "train")


@dataclass(frozen=True, slots=True)
class Leak:
    """`row` of `split` (nearly) repeats `other` of the better protected `other_split`; the similarity is 1 for duplicates."""

    split: str
    row: Row
    other_split: str
    other: Row
    similarity: float
    exact: bool


def without_contradictions(
    rows_by_role: Mapping[str, Sequence[Row]], form: AnswerForm = str
) -> tuple[dict[str, list[Row]], dict[str, tuple[str, ...]]]:
    """The rows without those whose text has several labels anywhere, and these texts with their labels."""
    keys = {role: [same_text_key(row.text) for row in rows] for role, rows in rows_by_role.items()}
    labels: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for role, rows in rows_by_role.items():
        for row, key in zip(rows, keys[role], strict=True):
            answer = form(row.label)
            labels[key][answer] = min(row.label, labels[key].get(answer, row.label))
    contradicting = {key: tuple(sorted(names.values())) for key, names in labels.items() if len(names) > 1}
    kept = {
        role: [row for row, key in zip(rows, keys[role], strict=True) if key not in contradicting]
        for role, rows in rows_by_role.items()
    }
    return kept, contradicting


def without_duplicates(rows: Sequence[Row], form: AnswerForm = str) -> list[Row]:
    """One row of each set of duplicates with one label: the first by text, whatever the order of `rows`."""
    kept: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (form(row.label), duplicate_key(row.text))
        other = kept.get(key)
        if other is None or _by_text(row) < _by_text(other):
            kept[key] = row
    return list(kept.values())


def without_leaks(
    splits: Mapping[str, Sequence[Row]], *, similarity: float, form: AnswerForm = str
) -> tuple[dict[str, list[Row]], list[Leak]]:
    """The splits without the rows that (nearly) repeat a row of a better protected split, and these rows.

    A row that has left its split protects nothing any more.
    """
    kept: dict[str, list[Row]] = {}
    leaks: list[Leak] = []
    protected: list[_Keyed] = []
    for split in PROTECTION:
        keyed = _keyed(split, splits[split], form)
        found = _leaks(keyed, protected, similarity)
        leaks.extend(found.values())
        remaining = [entry for position, entry in enumerate(keyed) if position not in found]
        kept[split] = [entry.row for entry in remaining]
        protected.extend(remaining)
    return kept, leaks


@dataclass(frozen=True)
class Repeats:
    """Rows that repeat what was there before: `leaks` those of another split, `same_split` how many of their own."""

    leaks: list[Leak]
    same_split: int


def without_repeats(
    added: Mapping[str, Sequence[Row]],
    present: Mapping[str, Sequence[Row]],
    *,
    similarity: float,
    form: AnswerForm = str,
) -> tuple[dict[str, list[Row]], Repeats]:
    """The added rows of each split without those that repeat a present row, and how many those were.

    Present rows stay whatever their split: an added row goes where it repeats one, or nearly repeats one of another split.
    """
    kept: dict[str, list[Row]] = {}
    leaks: list[Leak] = []
    same_split = 0
    keyed = {split: _keyed(split, rows, form) for split, rows in present.items()}
    for split, rows in added.items():
        own = {(entry.answer, entry.key) for entry in keyed[split]}
        entries = _keyed(split, rows, form)
        news = [entry for entry in entries if (entry.answer, entry.key) not in own]
        same_split += len(entries) - len(news)
        found = _leaks(news, [entry for other in PROTECTION if other != split for entry in keyed[other]], similarity)
        leaks.extend(found.values())
        kept[split] = [entry.row for position, entry in enumerate(news) if position not in found]
    return kept, Repeats(leaks, same_split)


def count_leaking_rows(splits: Mapping[str, Sequence[Row]], *, similarity: float, form: AnswerForm = str) -> int:
    """How many rows (nearly) repeat a row of a better protected split; 0 for every snapshot that was sealed."""
    return len(without_leaks(splits, similarity=similarity, form=form)[1])


def same_text_key(text: str) -> str:
    """What two spellings of the same text have in common: NFKC, case folded, white space collapsed, invisible marks gone."""
    # Folding case may undo the normal form, which is taken twice therefore (Unicode 3.13, compatibility caseless match).
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.translate(_INVISIBLE).split())


def duplicate_key(text: str) -> str:
    """`same_text_key` without punctuation; a text of nothing but punctuation keeps it. Symbols (+, $, <, emoji) stay."""
    same = same_text_key(text)
    return " ".join(same.translate(_PUNCTUATION).split()) or same


@dataclass(frozen=True, slots=True)
class _Keyed:
    """`key`: of its text; `answer`: the form of its label."""

    split: str
    row: Row
    key: str
    answer: str


def _keyed(split: str, rows: Sequence[Row], form: AnswerForm) -> list[_Keyed]:
    return [_Keyed(split, row, duplicate_key(row.text), form(row.label)) for row in rows]


def _leaks(rows: Sequence[_Keyed], protected: Sequence[_Keyed], similarity: float) -> dict[int, Leak]:
    """The leaking rows by their position."""
    originals: dict[tuple[str, str], _Keyed] = {}
    for other in protected:
        originals.setdefault((other.answer, other.key), other)
    found: dict[int, Leak] = {}
    for position, entry in enumerate(rows):
        original = originals.get((entry.answer, entry.key))
        if original is not None:
            found[position] = _leak(entry, original, 1.0, exact=True)
    unsettled = [position for position in range(len(rows)) if position not in found]
    matches = similar_texts(
        [rows[position].key for position in unsettled],
        [other.key for other in protected],
        query_groups=[rows[position].answer for position in unsettled],
        reference_groups=[other.answer for other in protected],
        threshold=similarity,
    )
    for query, match in matches.items():
        position = unsettled[query]
        found[position] = _leak(rows[position], protected[match.reference], match.similarity, exact=False)
    return dict(sorted(found.items()))


def _leak(entry: _Keyed, other: _Keyed, similarity: float, *, exact: bool) -> Leak:
    return Leak(entry.split, entry.row, other.split, other.row, similarity, exact)


def _by_text(row: Row) -> tuple[str, str, str]:
    return row.text, row.slice or "", row.label


class _WithoutPunctuation(dict[int, str | None]):
    """Translation table: apostrophes vanish, other punctuation parts words. Filled as characters are met."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        is_punctuation = unicodedata.category(character).startswith("P")
        self[code] = ("" if character in "'’ʼ" else " ") if is_punctuation or character == "ʼ" else character
        return self[code]


class _WithoutInvisible(dict[int, str | None]):
    """Translation table: format characters (zero-width spaces, soft hyphens, byte order marks) vanish."""

    def __missing__(self, code: int) -> str | None:
        self[code] = "" if unicodedata.category(chr(code)) == "Cf" else chr(code)
        return self[code]


_INVISIBLE: Final = _WithoutInvisible()
_PUNCTUATION: Final = _WithoutPunctuation()
