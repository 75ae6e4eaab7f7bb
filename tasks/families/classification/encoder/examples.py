"""The rows of a split as a classifier learns them."""

from typing import Any

from engine.tokenization import TextTokenizer
from tasks.artifact import Artifact
from tasks.data.rows import read_rows
from tasks.records import SnapshotResult


def examples(snapshot: Artifact[SnapshotResult], split: str, tokenizer: TextTokenizer) -> list[dict[str, Any]]:
    """The split's rows that have a trained label, as {"input_ids": (tokens,), "labels": id}."""
    label_ids = {label: index for index, label in enumerate(snapshot.result.labels)}
    rows = [row for row in read_rows(snapshot, split) if row.label in label_ids]
    ids = tokenizer.encode_batch([row.text for row in rows])
    return [{"input_ids": row_ids, "labels": label_ids[row.label]} for row_ids, row in zip(ids, rows, strict=True)]
