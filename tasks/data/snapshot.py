"""The steps that make snapshots: immutable, checked versions of the data with their four splits.

Rows are read and checked, contradictions and duplicates dropped, splits assigned, leaking rows removed, landed rows added, and
the disjointness of what was written is verified once more from the files. The digest over the content of the splits is the
data's identity.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer

from engine import strict_json
from tasks.artifact import Artifact, Workspace
from tasks.base_models.base_model import BaseModelFiles
from tasks.base_models.tokenizer import base_tokenizer
from tasks.data.checked import read_checked
from tasks.data.completions import answer_form
from tasks.data.duplicates import Leak, count_leaking_rows
from tasks.data.landed import Extension, extension
from tasks.data.parted import LANDED, locations_of, part_rows, refuse_unfit_rows
from tasks.data.remarks import remarks_on_labels, remarks_on_rows
from tasks.data.rows import (
    SPLITS,
    Row,
    content_digest,
    in_content_order,
    read_row_file,
    read_rows,
    split_file,
    write_row_file,
)
from tasks.data.sources import Source
from tasks.data.validation import Placed, Rejected, write_quarantine
from tasks.recipe.data import AnyData
from tasks.records import LandedRows, SnapshotResult

_CONTRADICTING: Final = "contradicting.jsonl"


def take_snapshot(
    config: AnyData,
    *,
    sources: tuple[Source, ...],
    seed: int,
    workspace: Workspace,
    special_tokens: tuple[str, ...] = (),
    base: BaseModelFiles | None = None,
) -> SnapshotResult:
    """Write `train.jsonl`, `tune.jsonl`, `certify.jsonl`, `gate.jsonl`, and what was left out, into `workspace.out`.

    Sources of the role `landed` are added to the splits of the others. `special_tokens`: what no row may spell out, since the
    model's tokenizer would take it for its own; `base`: whose tokenizer has to read the rows. `quarantine.jsonl` has the rows
    that cannot be used, `contradicting.jsonl` the texts with several labels, `leaking.jsonl` the rows that left a split because
    a better protected one has (nearly) the same text with the same label.
    Raises UserError for data that no model should be made of.
    """
    placed, rejected, files = read_checked(
        config, sources, workspace.progress, special_tokens, _tokenizer(base, workspace)
    )
    locations = locations_of(sources)
    refuse_unfit_rows(placed, rejected, config, locations)

    workspace.progress("looking for duplicates and leaks", 0.5)
    parted = part_rows(placed, config, locations, seed=seed)
    splits = parted.splits
    landed = [entry.row for entry in placed if entry.role == LANDED] if LANDED in locations else None
    added = extension(splits, landed, config, seed=seed) if landed is not None else None
    if added is not None:
        splits = {split: [*splits[split], *added.added[split]] for split in SPLITS}
    contradicting = parted.contradicting | (added.contradicting if added else {})
    _write_left_out(workspace.out, rejected, contradicting, [*parted.leaks, *(added.leaks if added else ())])
    splits = _write_splits(workspace, splits, config)
    _remark_on_rows(workspace, placed, rejected)
    if config.classes:
        for sentence in remarks_on_labels({entry.row.label for entry in placed}, config.out_of_scope_label):
            workspace.remark(sentence)
    return SnapshotResult(
        labels=_labels(splits["train"], config.out_of_scope_label) if config.classes else (),
        sources=files,
        quarantined=len(rejected),
        quarantine_reasons=_reasons(rejected),
        duplicates=parted.consistent - parted.distinct,
        contradicting=parted.read - parted.consistent,
        leaking_exact=sum(leak.exact for leak in parted.leaks),
        leaking_near=sum(not leak.exact for leak in parted.leaks),
        landed=_landed_rows(added, len(landed)) if added is not None and landed is not None else None,
        **_contents(splits, config),
    )


def extend_snapshot(
    snapshot: Artifact[SnapshotResult],
    config: AnyData,
    *,
    sources: tuple[Source, ...],
    seed: int,
    workspace: Workspace,
    special_tokens: tuple[str, ...] = (),
    base: BaseModelFiles | None = None,
) -> SnapshotResult:
    """The same training rows with more landed rows to tune, certify and judge by: what recalibration is made from.

    Landed rows that would be trained on stay out, and so do those whose label the model was not trained for.
    """
    placed, rejected, files = read_checked(
        config, sources, workspace.progress, special_tokens, _tokenizer(base, workspace)
    )
    known = snapshot.result
    rows = [entry.row for entry in placed]
    present = {split: read_rows(snapshot, split) for split in SPLITS}
    added = extension(present, rows, config, seed=seed, trained=False)
    splits = {split: [*present[split], *added.added[split]] for split in SPLITS}
    _write_left_out(workspace.out, rejected, added.contradicting, added.leaks)
    splits = _write_splits(workspace, splits, config)
    _remark_on_rows(workspace, placed, rejected)
    return known.model_copy(
        update={
            "sources": (*known.sources, *files),
            "quarantined": known.quarantined + len(rejected),
            "quarantine_reasons": _summed(known.quarantine_reasons, _reasons(rejected)),
            "landed": _together(known.landed, _landed_rows(added, len(rows))),
            **_contents(splits, config),
        }
    )


def _remark_on_rows(workspace: Workspace, placed: Sequence[Placed], rejected: Sequence[Rejected]) -> None:
    for sentence in remarks_on_rows(placed, rejected):
        workspace.remark(sentence)


def _tokenizer(base: BaseModelFiles | None, workspace: Workspace) -> Tokenizer | None:
    """The base model's, uncut, where the rows are read by one that is there already."""
    if base is None:
        return None
    tokenizer = base_tokenizer(base.folder, tell=workspace.remark)
    tokenizer.no_truncation()
    return tokenizer


def _write_splits(workspace: Workspace, splits: Mapping[str, Sequence[Row]], config: AnyData) -> dict[str, list[Row]]:
    """Writes and verifies them; returns them in the order of their files."""
    ordered = {split: in_content_order(splits[split]) for split in SPLITS}
    for split in SPLITS:
        write_row_file(split_file(workspace.out, split), ordered[split])
    workspace.progress("verifying that the splits are disjoint", 0.8)
    _verify(workspace.out, ordered, config)
    return ordered


def _contents(splits: Mapping[str, Sequence[Row]], config: AnyData) -> dict[str, Any]:
    """The fields of the record that tell what the splits hold."""
    outside = config.out_of_scope_label
    return {
        "rows": {split: len(splits[split]) for split in SPLITS},
        "out_of_scope_rows": {split: sum(row.label == outside for row in splits[split]) for split in SPLITS},
        "out_of_scope_label": outside,
        "slices": tuple(sorted({row.slice for rows in splits.values() for row in rows if row.slice is not None})),
        "content_digest": content_digest(splits),
    }


def _together(before: LandedRows | None, more: LandedRows) -> LandedRows:
    if before is None:
        return more
    return LandedRows(
        rows=before.rows + more.rows,
        added={split: before.added[split] + more.added[split] for split in SPLITS},
        repeated=before.repeated + more.repeated,
        contradicting=before.contradicting + more.contradicting,
        thin=_summed(before.thin, more.thin),
        untrained=before.untrained + more.untrained,
    )


def _summed(before: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return dict(Counter(before) + Counter(more))


def _reasons(rejected: Iterable[Rejected]) -> dict[str, int]:
    return dict(Counter(entry.reason for entry in rejected).most_common())


def _landed_rows(added: Extension, rows: int) -> LandedRows:
    return LandedRows(
        rows=rows,
        added={split: len(added.added[split]) for split in SPLITS},
        repeated=added.repeated + len(added.leaks),
        contradicting=added.contradicting_rows,
        thin=added.thin,
        untrained=added.untrained,
    )


def _labels(train: Iterable[Row], out_of_scope_label: str | None) -> tuple[str, ...]:
    """The trained labels, sorted, the out-of-scope label last."""
    return tuple(sorted({row.label for row in train}, key=lambda label: (label == out_of_scope_label, label)))


def _verify(folder: Path, splits: Mapping[str, Sequence[Row]], config: AnyData) -> None:
    """Invariant 4, on the bytes that were written."""
    written = {split: read_row_file(split_file(folder, split)) for split in SPLITS}
    if any(written[split] != splits[split] for split in SPLITS):
        raise RuntimeError("the snapshot's files do not hold the rows that were written to them")
    leaking = count_leaking_rows(written, similarity=config.near_duplicate_similarity, form=answer_form(config))
    if leaking:
        raise RuntimeError(f"{leaking} rows still occur in more than one split of the snapshot")


def _write_left_out(
    folder: Path,
    rejected: Iterable[Rejected],
    contradicting: Mapping[str, Sequence[str]],
    leaks: Iterable[Leak],
) -> None:
    write_quarantine(folder / "quarantine.jsonl", rejected)
    _write_contradicting(folder / _CONTRADICTING, contradicting)
    _write_leaking(folder / "leaking.jsonl", leaks)


def _write_contradicting(file: Path, contradicting: Mapping[str, Sequence[str]]) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        for text, labels in sorted(contradicting.items()):
            stream.write(strict_json.dumps({"text": text, "labels": labels}) + "\n")


def _write_leaking(file: Path, leaks: Iterable[Leak]) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        for leak in leaks:
            line = {
                "split": leak.split,
                "text": leak.row.text,
                "label": leak.row.label,
                "other_split": leak.other_split,
                "other_text": leak.other.text,
                "similarity": round(leak.similarity, 4),
                "exact": leak.exact,
            }
            stream.write(strict_json.dumps(line) + "\n")
