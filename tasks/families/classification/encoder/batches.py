"""Rows as padded batches of token ids for PyTorch, sorted by length where order does not matter."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.tokenization import Ids
from tasks.families.classification.encoder.multi_exit import MultiExitClassifier
from tasks.finite import finite


def pad(ids: Sequence[Ids], padding_id: int) -> tuple[Tensor, Tensor]:
    """(rows, longest) ids and mask."""
    longest = max(len(row) for row in ids)
    padded = torch.full((len(ids), longest), padding_id, dtype=torch.long)
    mask = torch.zeros((len(ids), longest), dtype=torch.long)
    for index, row in enumerate(ids):
        padded[index, : len(row)] = torch.from_numpy(row)
        mask[index, : len(row)] = 1
    return padded, mask


def collator(padding_id: int) -> Callable[[list[dict[str, Any]]], dict[str, Tensor]]:
    """A data collator for examples {"input_ids", "labels"} and, for distillation, {"teacher"} logits (exits, labels)."""

    def collate(examples: list[dict[str, Any]]) -> dict[str, Tensor]:
        input_ids, mask = pad([example["input_ids"] for example in examples], padding_id)
        labels = torch.tensor([example["labels"] for example in examples])
        batch = {"input_ids": input_ids, "attention_mask": mask, "labels": labels}
        if "teacher" in examples[0]:
            batch["teacher"] = torch.from_numpy(np.stack([example["teacher"] for example in examples]))
        return batch

    return collate


def by_length(ids: Sequence[Ids], batch_size: int) -> Iterator[NDArray[np.int64]]:
    """Row indices in batches of similar length."""
    order = np.argsort([len(row) for row in ids], kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def exit_logits(
    model: MultiExitClassifier, ids: Sequence[Ids], padding_id: int, batch_size: int = 64
) -> NDArray[np.float32]:
    """Logits of all exits for all rows: (rows, exits, labels), finite."""
    device = next(model.parameters()).device
    logits = np.zeros((len(ids), len(model.shape.exits), len(model.shape.labels)), dtype=np.float32)
    with torch.inference_mode():
        for rows in by_length(ids, batch_size):
            input_ids, mask = pad([ids[row] for row in rows], padding_id)
            logits[rows] = model(input_ids.to(device), mask.to(device))["logits"].cpu().numpy()
    return finite("logits [row, exit, label] of the model", logits)
