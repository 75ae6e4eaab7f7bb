"""Looks at rows as the model will be given them, before any training: special tokens spelled out, and lengths in tokens.

Rows that are too long to train on are left out there; how many is told here, before. What is too long is measured here and judged
by the recipe (see row_lengths), so that another limit needs no new measurement.
"""

import json
from collections import Counter
from typing import Final

from tasks.artifact import Artifact, Workspace
from tasks.base_models.base_model import BaseModelFiles
from tasks.data.rows import SPLITS, read_rows
from tasks.errors import UserError
from tasks.families.generation.fine_tune import tokenizer_for
from tasks.families.generation.prompt_format import prompt_format
from tasks.families.generation.recipe_sections import InitConfig
from tasks.families.generation.records import RowLengths
from tasks.families.generation.rows.examples import refuse_special_tokens, to_examples
from tasks.records import SnapshotResult

_MEASURED: Final = ("tune", "certify", "gate")


def check_rows(
    snapshot: Artifact[SnapshotResult], *, start: BaseModelFiles | InitConfig, workspace: Workspace
) -> RowLengths:
    """Measure the rows. Raises UserError where a row of any split spells out a special token."""
    rows = {split: read_rows(snapshot, split) for split in SPLITS}
    workspace.progress("tokenizer", None)
    tokenizer = tokenizer_for(start, rows["train"])
    layout, context = prompt_format(tokenizer), _context(start)
    for split in SPLITS:
        refuse_special_tokens(rows[split], tokenizer, split)
    completions, beyond = {}, {}
    workspace.progress("lengths", None)
    for split in _MEASURED:
        examples = to_examples(rows[split], tokenizer, layout)
        lengths = Counter(len(example.completion) - 1 for example in examples)
        completions[split] = dict(sorted(lengths.items()))
        beyond[split] = sum(len(example) > context for example in examples)
    train = Counter(len(example) for example in to_examples(rows["train"], tokenizer, layout))
    return RowLengths(
        context=context, completions=completions, beyond_context=beyond, train=dict(sorted(train.items()))
    )


def _context(start: BaseModelFiles | InitConfig) -> int:
    """By the configuration alone: the weights are not opened for this."""
    if isinstance(start, InitConfig):
        return start.context
    file = start.folder / "config.json"
    try:
        return int(json.loads(file.read_text(encoding="utf-8"))["max_position_embeddings"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"no max_position_embeddings here ({error})", file=file, field="base_model") from error
