"""The drift report: fresh labelled rows against the snapshot that the champion was made of.

Label mix and vocabulary are compared with the training rows. Answers and embeddings are compared with the gate rows, which
the champion has not seen either: its embeddings of rows it was trained on differ from those of any others, drift or none.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from tasks.data.rows import SPLITS, UNLABELLED, Row, content_hash
from tasks.drift.answer_shift import Answers, answer_shift
from tasks.drift.embedding_shift import character_features, embedding_shift
from tasks.drift.label_shift import label_shift
from tasks.drift.records import AnswerShift, DriftReport, EmbeddingShift, NewName, VocabularyShift
from tasks.drift.vocabulary_shift import UnknownWords, vocabulary_shift
from tasks.recipe.drift import DriftPolicy


@dataclass(frozen=True)
class _Fresh:
    """New rows that are news: neither repeated among themselves nor known with the same label."""

    rows: list[Row]
    relabelled: int


def assess(
    snapshot_rows: Mapping[str, Sequence[Row]],
    new_rows: Sequence[Row],
    answer: Callable[[list[str]], Answers],
    embed: Callable[[list[str]], ArrayLike] | None,
    *,
    out_of_scope_label: str | None,
    policy: DriftPolicy,
    seed: int,
    classes: bool = True,
) -> DriftReport:
    """Compare `new_rows`, in any order, with the snapshot's rows by split (`train` and `gate` at least).

    `answer`: texts to the champion's labels, None where it abstains. `embed`: texts to an array (texts, dimensions); None
    takes hashed character n-grams. With fewer fresh rows than `policy.min_rows` neither is called. `classes`: whether the
    labels are a few classes; completions are all known, and it is the mix of domains that is compared then. Raises
    ValueError for a snapshot without training or gate rows, or new rows without labels.
    """
    if not snapshot_rows.get("train") or not snapshot_rows.get("gate"):
        raise ValueError("drift is measured against training and gate rows; the snapshot has none")
    if any(row.label == UNLABELLED for row in new_rows):
        raise ValueError("drift is judged on labelled rows; leave the rows without a label out")
    train, gate = snapshot_rows["train"], snapshot_rows["gate"]
    fresh = _fresh_rows(snapshot_rows, new_rows)
    labels = {row.label for row in (train if classes else [*train, *gate, *fresh.rows])}
    mixed = [row for row in fresh.rows if row.label in labels] if classes else [row for row in fresh.rows if row.slice]
    enough = len(fresh.rows) >= policy.min_rows
    permutations = policy.permutations

    def sample(rows: Sequence[Row]) -> list[str]:
        return _texts(_in_drawn_order(rows, seed)[: policy.sample_rows])

    def vocabulary() -> VocabularyShift:
        unknown = UnknownWords.of(_texts(train), _texts(gate), _texts(fresh.rows))
        return vocabulary_shift(sample(train), sample(fresh.rows), unknown, permutations=permutations, seed=seed)

    def embedding() -> EmbeddingShift:
        features = embed or character_features
        old, new = features(sample(gate)), features(sample(fresh.rows))
        return embedding_shift(old, new, permutations=permutations, seed=seed)

    def answers() -> AnswerShift:
        return answer_shift(
            (gate, answer(_texts(gate))),
            (fresh.rows, answer(_texts(fresh.rows))),
            labels=labels,
            out_of_scope_label=out_of_scope_label,
            policy=policy,
        )

    return DriftReport(
        rows=len(new_rows),
        repeated=len(new_rows) - len(fresh.rows),
        relabelled=fresh.relabelled,
        fresh=len(fresh.rows),
        new_names=_new_names(snapshot_rows, fresh.rows, out_of_scope_label, classes=classes),
        labels=label_shift(_mix(train, classes), _mix(mixed, classes), permutations=permutations, seed=seed)
        if enough and mixed
        else None,
        vocabulary=vocabulary() if enough else None,
        # The kernel test needs two rows of each sample.
        embedding=embedding() if enough and len(gate) > 1 else None,
        answers=answers() if enough else None,
        seed=seed,
    )


def _fresh_rows(snapshot_rows: Mapping[str, Sequence[Row]], new_rows: Sequence[Row]) -> _Fresh:
    """The snapshot has no text twice either, and the champion knows by heart what it was trained on."""
    labels_of: dict[str, set[str]] = {}
    for split in SPLITS:
        for row in snapshot_rows.get(split, ()):
            labels_of.setdefault(row.text, set()).add(row.label)
    distinct = {(row.text, row.label): row for row in new_rows}
    rows = [row for (text, label), row in distinct.items() if label not in labels_of.get(text, ())]
    return _Fresh(_in_drawn_order(rows, None), sum(row.text in labels_of for row in rows))


def _in_drawn_order(rows: Sequence[Row], seed: int | None) -> list[Row]:
    """In an order that depends on the rows and the seed alone; the first n are a fair sample."""
    return sorted(rows, key=lambda row: (content_hash(row, seed), row.slice or ""))


def _new_names(
    snapshot_rows: Mapping[str, Sequence[Row]], fresh: Sequence[Row], out_of_scope_label: str | None, *, classes: bool
) -> tuple[NewName, ...]:
    """Labels that no training row has, and domains that no split has; the out-of-scope label is never new."""
    labels = {row.label for row in snapshot_rows["train"]} | {out_of_scope_label}
    domains = {row.slice for rows in snapshot_rows.values() for row in rows if row.slice is not None}
    new_labels = Counter(row.label for row in fresh if classes and row.label not in labels)
    # A snapshot without domains was made without a slice column; then no domain is new.
    new_domains = Counter(row.slice for row in fresh if domains and row.slice is not None and row.slice not in domains)
    return (
        *(NewName(kind="label", name=name, rows=count) for name, count in sorted(new_labels.items())),
        *(NewName(kind="domain", name=name, rows=count) for name, count in sorted(new_domains.items()) if name),
    )


def _mix(rows: Sequence[Row], classes: bool) -> list[str]:
    """What the rows are a mix of."""
    return [row.label if classes else row.slice or "" for row in rows]


def _texts(rows: Sequence[Row]) -> list[str]:
    return [row.text for row in rows]
