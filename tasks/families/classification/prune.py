"""Prune the fine-tuned encoder to smaller dense modules, and let it recover by distillation from its parent.

FFN widths and whole layers are chosen by first-order importance against a latency table measured on the target
(tasks.families.classification.pruning.latency). Whether the
result earns its place is decided later, against its parent at the same precision (tasks.families.classification.quantize).
"""

import shutil
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from engine.bundle import TOKENIZER_FILE
from engine.tokenization import TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.families.classification.encoder.examples import examples
from tasks.families.classification.files import tokenizer_file
from tasks.families.classification.recipe import FineTuneConfig, PruneConfig
from tasks.families.classification.records import FineTuneResult, LatencyTable, PruneResult
from tasks.records import SnapshotResult

IMPORTANCE_BATCH: Final = 16
HARD_LABEL_WEIGHT: Final = 0.5


def prune(
    snapshot: Artifact[SnapshotResult],
    fine_tuned: Artifact[FineTuneResult],
    *,
    config: PruneConfig,
    fine_tune_config: FineTuneConfig,
    table: LatencyTable,
    seed: int,
    workspace: Workspace,
) -> PruneResult:
    """Choose, cut, recover, save. `table`: how long a layer takes on the target, of which the shares alone count."""
    from tasks.families.classification.encoder.batches import exit_logits
    from tasks.families.classification.encoder.multi_exit import load_model, save_model
    from tasks.families.classification.encoder.training import train
    from tasks.families.classification.pruning.importance import measure_importance
    from tasks.families.classification.pruning.selection import closest_plan

    parent = load_model(fine_tuned.folder)
    padding_id = parent.encoder.config.pad_token_id or 0
    tokenizer = TextTokenizer(tokenizer_file(fine_tuned), parent.shape.max_length)
    splits: dict[str, list[dict[str, Any]]] = {name: examples(snapshot, name, tokenizer) for name in ("train", "tune")}

    workspace.progress("importance of neurons and layers", None)
    importance = measure_importance(parent, _batches(splits["train"], config.importance_rows, padding_id, seed))
    shares = table.shares
    full = float(len(parent.layers))
    plan = closest_plan(importance.neurons, importance.layers, parent.shape.exits, shares, full, config.target_speedup)
    student = cut(parent, plan.widths, importance.neurons)
    workspace.progress("answers of the parent on train", None)
    teacher = exit_logits(parent, [row["input_ids"] for row in splits["train"]], padding_id)
    for row, logits in zip(splits["train"], teacher, strict=True):
        row["teacher"] = logits
    recovery = FineTuneConfig(
        epochs=config.recovery_epochs,
        learning_rate=config.learning_rate,
        batch_size=fine_tune_config.batch_size,
        max_length=fine_tune_config.max_length,
        patience=config.recovery_epochs,
    )
    student, _ = train(
        student,
        splits,
        config=recovery,
        seed=seed,
        workspace=workspace,
        loss=_distillation,
        phase="recovery, ",
        section="prune",
    )
    save_model(student, workspace.out)
    shutil.copyfile(tokenizer_file(fine_tuned), workspace.out / TOKENIZER_FILE)
    logits = exit_logits(student, [row["input_ids"] for row in splits["tune"]], padding_id)
    correct = logits.argmax(-1) == np.array([row["labels"] for row in splits["tune"]])[:, None]
    return PruneResult(
        layers=student.shape.layers,
        ffn_widths=student.shape.ffn_widths,
        exits=student.shape.exits,
        parameters=sum(parameter.numel() for parameter in student.parameters()),
        parent_parameters=sum(parameter.numel() for parameter in parent.parameters()),
        latency_table=table.milliseconds,
        predicted_speedup=full / plan.latency_ms,
        accuracy={name: float(correct[:, i].mean()) for i, name in enumerate(student.shape.exit_names)},
    )


def cut(parent: Any, widths: Sequence[int], importance: Sequence[np.ndarray]) -> Any:
    """A physically smaller copy of the model: the most important neurons of each layer, layers of width 0 dropped."""
    import copy
    from dataclasses import replace

    import torch

    from tasks.families.classification.encoder.architecture import narrowed
    from tasks.families.classification.encoder.multi_exit import keep_layers

    student = copy.deepcopy(parent)
    for layer, width, own in zip(student.layers, widths, importance, strict=True):
        if 0 < width < len(own):
            feed_forward = student.layout.feed_forward(layer)
            kept = torch.from_numpy(np.sort(np.argsort(-own, kind="stable")[:width]))
            feed_forward.replace(*narrowed(feed_forward.dense_in, feed_forward.dense_out, kept))
    kept_layers = [index for index, width in enumerate(widths) if width]
    keep_layers(student.encoder, kept_layers)
    shape = parent.shape
    student.shape = replace(
        shape,
        layers=tuple(shape.layers[index] for index in kept_layers),
        ffn_widths=tuple(widths[index] for index in kept_layers),
        exits=tuple(sum(index < depth for index in kept_layers) for depth in shape.exits),
    )
    return student


def _batches(rows: Sequence[dict[str, Any]], wanted: int, padding_id: int, seed: int) -> Iterator[dict[str, Any]]:
    from tasks.families.classification.encoder.batches import collator

    order = np.random.default_rng(seed).permutation(len(rows))[:wanted]
    collate = collator(padding_id)
    for start in range(0, len(order), IMPORTANCE_BATCH):
        yield collate([rows[row] for row in order[start : start + IMPORTANCE_BATCH]])


def _distillation(model: Any, inputs: dict[str, Any]) -> Any:
    """KL to the parent's answer at the same exit, deeper exits weighing more, and cross-entropy on the labels."""
    from torch.nn import functional

    logits = model(inputs["input_ids"], inputs["attention_mask"])["logits"]
    teacher = inputs["teacher"]
    depth = model.shape.exits[-1]
    loss = 0.0
    for number, exit_layer in enumerate(model.shape.exits):
        own = logits[:, number]
        divergence = functional.kl_div(
            functional.log_softmax(own, dim=-1), functional.softmax(teacher[:, number], dim=-1), reduction="batchmean"
        )
        loss = loss + exit_layer / depth * (
            divergence + HARD_LABEL_WEIGHT * functional.cross_entropy(own, inputs["labels"])
        )
    return loss
