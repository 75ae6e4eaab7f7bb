"""Fine-tune the base encoder and its exit heads jointly on the train split; tune decides when to stop.

The loop is transformers' Trainer: it resumes from its last whole checkpoint after a kill, stops early, and ends with
the weights of the best epoch. With `processes` above one, accelerate's launcher runs it in as many processes.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.bundle import TOKENIZER_FILE
from engine.tokenization import TextTokenizer
from tasks.artifact import Artifact, Workspace
from tasks.base_models.base_model import BaseModelFiles
from tasks.base_models.tokenizer import write_base_tokenizer
from tasks.errors import UserError
from tasks.families.classification.encoder.examples import examples
from tasks.families.classification.encoder.training_job import TrainingJob
from tasks.families.classification.recipe import FineTuneConfig
from tasks.families.classification.records import FineTuneResult
from tasks.records import SnapshotResult

if TYPE_CHECKING:
    from tasks.families.classification.encoder.multi_exit import MultiExitClassifier
    from tasks.families.classification.encoder.training import History


def fine_tune(
    snapshot: Artifact[SnapshotResult],
    *,
    base: BaseModelFiles,
    config: FineTuneConfig,
    seed: int,
    workspace: Workspace,
) -> FineTuneResult:
    """Train, keep the epoch with the best full-depth accuracy on tune, and save it as safetensors."""
    from tasks.families.classification.encoder.base_encoder import base_config
    from tasks.families.classification.encoder.batches import exit_logits
    from tasks.families.classification.encoder.multi_exit import save_model

    tokenizer_file = workspace.out / TOKENIZER_FILE
    write_base_tokenizer(base.folder, tokenizer_file, config.max_length, tell=workspace.remark)
    encoder_config = base_config(base.folder)
    layers, padding_id = encoder_config.num_hidden_layers, encoder_config.pad_token_id or 0
    exits = choose_exits(config.exits, layers)
    job = TrainingJob.of(snapshot, base=base, tokenizer=tokenizer_file, config=config, seed=seed, exits=exits)
    model, history = _trained(job, workspace)
    save_model(model, workspace.out)
    tune = examples(snapshot, "tune", TextTokenizer(tokenizer_file, config.max_length))
    rows, truth = [row["input_ids"] for row in tune], np.array([row["labels"] for row in tune])
    correct = exit_logits(model, rows, padding_id).argmax(-1) == truth[:, None]
    plain_accuracy = None
    if config.compare_plain:
        without = job.model_copy(update={"exits": (layers,), "exit_start": 0.0, "phase": "without early exits, "})
        plain, _ = _trained(without, replace(workspace, scratch=workspace.scratch / "plain"))
        plain_accuracy = float((exit_logits(plain, rows, padding_id)[:, -1].argmax(-1) == truth).mean())
    return FineTuneResult(
        base_model=base.name,
        base_digest=base.digest,
        exits=exits,
        layers=layers,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        epochs_run=history.epochs_run,
        best_epoch=history.best_epoch,
        train_loss=history.train_loss,
        accuracy={name: float(correct[:, i].mean()) for i, name in enumerate(model.shape.exit_names)},
        plain_accuracy=plain_accuracy,
    )


def choose_exits(configured: tuple[int, ...] | None, layers: int) -> tuple[int, ...]:
    """The 1-based layers with a head, the last one included; UserError for a layer that is not there."""
    early = {round(layers / 6), round(layers / 3), round(layers / 2)} if configured is None else set(configured)
    too_deep = sorted(layer for layer in early if layer >= layers and configured is not None)
    if too_deep:
        raise UserError(
            f"exit at layer {too_deep[0]}, but the base model has {layers} layers and the last is always an exit; "
            f"choose from 1 to {layers - 1}",
            field="fine_tune.exits",
        )
    return (*sorted(layer for layer in early if 1 <= layer < layers), layers)


def _trained(job: TrainingJob, workspace: Workspace) -> "tuple[MultiExitClassifier, History]":
    from tasks.families.classification.encoder.from_base import train_from_base
    from tasks.families.classification.encoder.processes import train_in_processes

    return train_in_processes(job, workspace) if job.config.processes > 1 else train_from_base(job, workspace)
