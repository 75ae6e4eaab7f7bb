"""The step that takes rows out of certify that attempts have looked at too often: the rest is a certify set of its own.

The other splits stay as they are; what has left certify is used for nothing else, since models were chosen by it.
"""

import numpy as np

from tasks.artifact import Artifact, Workspace
from tasks.data.row_sets import RowSet, row_keys
from tasks.data.rows import SPLITS, content_digest, read_rows, split_file, write_row_file
from tasks.records import SnapshotResult


def without_retired(snapshot: Artifact[SnapshotResult], *, retired: RowSet, workspace: Workspace) -> SnapshotResult:
    """The snapshot without the certify rows that are `retired`."""
    known = snapshot.result
    splits = {split: read_rows(snapshot, split) for split in SPLITS}
    stays = ~np.isin(row_keys(splits["certify"]), retired)
    splits["certify"] = [row for row, kept in zip(splits["certify"], stays.tolist(), strict=True) if kept]
    for split in SPLITS:
        write_row_file(split_file(workspace.out, split), splits[split])
    outside = sum(row.label == known.out_of_scope_label for row in splits["certify"])
    return known.model_copy(
        update={
            "rows": known.rows | {"certify": len(splits["certify"])},
            "out_of_scope_rows": known.out_of_scope_rows | {"certify": outside},
            "content_digest": content_digest(splits),
            "retired": int((~stays).sum()),
        }
    )
