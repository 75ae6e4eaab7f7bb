"""Counts, before any training, what the model will not see of the rows: those that are cut, and that become equal by it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from tokenizers import Tokenizer

from engine.tokenization import Ids, TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.base_models.base_model import BaseModelFiles
from tasks.base_models.tokenizer import write_base_tokenizer
from tasks.data.rows import SPLITS, Row, read_rows
from tasks.families.classification.files import tokenizer_file_in
from tasks.families.classification.records import CutRows
from tasks.records import SnapshotResult

MOST_CUT: Final = 0.05
"""The share of rows from which on it is a warning."""
_ENOUGH_FOR: Final = 0.99


def check_rows(
    snapshot: Artifact[SnapshotResult], *, base: BaseModelFiles, max_length: int, workspace: Workspace
) -> CutRows:
    """Cut the rows of all splits as the model will be given them, and count. What is lost is remarked."""
    file = tokenizer_file_in(workspace.scratch)
    workspace.progress("tokenizer", None)
    write_base_tokenizer(base.folder, file, max_length, tell=workspace.remark)
    workspace.progress("lengths in tokens", None)
    rows = {split: read_rows(snapshot, split) for split in SPLITS}
    whole = Tokenizer.from_file(str(file))
    whole.no_truncation()
    everything = [row for split in SPLITS for row in rows[split]]
    texts = [row.text for row in everything]
    lengths = [len(encoding.ids) for encoding in whole.encode_batch_fast(texts)]
    counted = count_cut(rows, lengths, TextTokenizer(file, max_length).encode_batch(texts), max_length)
    if sentence := cut_sentence(counted):
        workspace.remark(sentence)
    return counted


def count_cut(
    rows: Mapping[str, Sequence[Row]], lengths: Sequence[int], seen: Sequence[Ids], max_length: int
) -> CutRows:
    """`rows` by split; `lengths` and `seen`, (tokens,) as they are cut, of all rows in the order of the splits."""
    everything = [(split, row) for split, own in rows.items() for row in own]
    alike: defaultdict[bytes, set[tuple[str, str]]] = defaultdict(set)
    for (_, row), ids in zip(everything, seen, strict=True):
        alike[ids.tobytes()].add((row.text, row.label))
    cut, equal, contradicting = Counter[str](), 0, 0
    for (split, _), length, ids in zip(everything, lengths, seen, strict=True):
        if length > max_length:
            cut[split] += 1
            same = alike[ids.tobytes()]
            equal += len(same) > 1
            contradicting += len({label for _, label in same}) > 1
    ordered = sorted(lengths)
    return CutRows(
        max_length=max_length,
        rows={split: len(own) for split, own in rows.items()},
        cut={split: cut[split] for split in rows},
        equal=equal,
        contradicting=contradicting,
        enough=ordered[min(len(ordered) - 1, int(_ENOUGH_FOR * len(ordered)))],
    )


def cut_sentence(counted: CutRows) -> str:
    """What is lost, for a person; empty where nothing is. From 5 % of the rows on it is a warning."""
    rows, cut = sum(counted.rows.values()), sum(counted.cut.values())
    if not cut:
        return ""
    by_split = ", ".join(f"{count:,} {split}" for split, count in counted.cut.items() if count)
    sentence = (
        f"{cut:,} of {rows:,} rows ({cut / rows:.1%}; {by_split}) have more than fine_tune.max_length = "
        f"{counted.max_length} tokens and are cut"
    )
    if counted.equal:
        sentence += f"; {counted.equal:,} of them then read as another row does"
        sentence += f", {counted.contradicting:,} as one of another label" if counted.contradicting else ""
    if cut / rows > MOST_CUT:
        return f"warning: {sentence}; {counted.enough} tokens would do for {_ENOUGH_FOR:.0%} of the rows"
    return sentence
