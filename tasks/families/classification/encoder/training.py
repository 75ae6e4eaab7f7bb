"""One training loop for fine-tuning and for recovery after pruning: transformers' Trainer with our loss and progress."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from transformers import (
    EarlyStoppingCallback,
    EvalPrediction,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from tasks.artifact import Workspace
from tasks.families.classification.encoder.batches import collator
from tasks.families.classification.encoder.multi_exit import MultiExitClassifier
from tasks.families.classification.recipe import FineTuneConfig
from tasks.finite import require_finite_loss

HEAD_RATE: Final = 10
Loss = Callable[[MultiExitClassifier, dict[str, Tensor]], Tensor]


@dataclass(frozen=True)
class History:
    """What training did; epochs count from 1."""

    epochs_run: int
    best_epoch: int
    train_loss: float


class _Examples(torch.utils.data.Dataset):
    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


class _Progress(TrainerCallback):
    def __init__(self, workspace: Workspace, phase: str) -> None:
        self.workspace = workspace
        self.phase = phase

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        epoch = min(int(state.epoch or 0) + 1, int(args.num_train_epochs))
        message = f"{self.phase}epoch {epoch} of {int(args.num_train_epochs)}"
        self.workspace.progress(message, state.global_step / max(state.max_steps, 1))

    def on_evaluate(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        accuracy = kwargs.get("metrics", {}).get("eval_accuracy")
        if accuracy is not None:
            self.workspace.progress(f"{self.phase}tune accuracy {accuracy:.4f} after epoch {state.epoch:g}", None)


class _Stages(TrainerCallback):
    """Lets the early exits train the encoder from a share of the steps on.

    From the first step on they would pull a barely adapted encoder towards shallow features: the last head was measured to
    learn several times slower.
    """

    def __init__(self, model: MultiExitClassifier, exit_start: float) -> None:
        self.model = model
        self.exit_start = exit_start

    def on_step_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.model.exits_train_encoder = state.global_step >= self.exit_start * state.max_steps


class _EarlyStopping(EarlyStoppingCallback):
    """Counts epochs without gain only once the exits train the encoder: before that, the model is not finished."""

    def __init__(self, model: MultiExitClassifier, patience: int) -> None:
        super().__init__(early_stopping_patience=patience)
        self.model = model

    def check_metric_value(self, *arguments: Any) -> None:
        if self.model.exits_train_encoder:
            super().check_metric_value(*arguments)


class _LossTrainer(Trainer):
    """Trainer with a loss of our own and a higher learning rate for the heads, which start from nothing."""

    def __init__(
        self, model: MultiExitClassifier, *, loss: Loss | None, section: str, phase: str, **options: Any
    ) -> None:
        super().__init__(model=model, **options)
        self.classifier = model
        self._loss = loss
        self._section, self._phase = section, phase

    def create_optimizer(self, *_: Any, **__: Any) -> torch.optim.Optimizer:
        if self.optimizer is None:
            rate, decay = self.args.learning_rate, self.args.weight_decay
            decaying = set(self.get_decay_parameter_names(self.classifier))
            encoder = [(name, p) for name, p in self.classifier.named_parameters() if not name.startswith("heads.")]
            groups = [
                {"params": [p for name, p in encoder if name in decaying], "lr": rate, "weight_decay": decay},
                {"params": [p for name, p in encoder if name not in decaying], "lr": rate, "weight_decay": 0.0},
                {"params": self.classifier.heads.parameters(), "lr": rate * HEAD_RATE, "weight_decay": decay},
            ]
            self.optimizer = torch.optim.AdamW(groups, lr=rate, fused=True)
        return self.optimizer

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Tensor | Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Any:
        if self._loss is not None and model.training:
            loss = self._finite(self._loss(self.classifier, inputs))
            return (loss, {"loss": loss}) if return_outputs else loss
        outputs = model(**inputs)
        loss = self._finite(outputs["loss"])
        return (loss, outputs) if return_outputs else loss

    def _finite(self, loss: Tensor) -> Tensor:
        assert self.optimizer is not None
        require_finite_loss(
            loss.item(),
            step=self.state.global_step + 1,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            phase=self._phase,
            field=f"{self._section}.learning_rate",
        )
        return loss


def train(
    model: MultiExitClassifier,
    splits: dict[str, list[dict[str, Any]]],
    *,
    config: FineTuneConfig,
    seed: int,
    workspace: Workspace,
    exit_start: float = 0.0,
    loss: Loss | None = None,
    phase: str = "",
    section: str = "fine_tune",
) -> tuple[MultiExitClassifier, History]:
    """Train on splits["train"], keep the epoch with the best full-depth accuracy on splits["tune"].

    `exit_start`: share of the steps after which the early exits train the encoder, too. `loss` replaces the model's joint
    loss in training. `phase` begins every progress message; `section` of the recipe has the learning rate. Checkpoints lie in
    the workspace's scratch folder. UserError where the loss is no number.
    """
    checkpoints = workspace.scratch / "checkpoints"
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        per_device_train_batch_size=config.batch_size // config.processes,
        per_device_eval_batch_size=64,
        warmup_ratio=config.warmup_ratio,
        weight_decay=config.weight_decay,
        lr_scheduler_type="linear",
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="score",
        greater_is_better=True,
        group_by_length=True,
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        seed=seed,
        data_seed=seed,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=False,
        remove_unused_columns=False,
    )
    # On a machine of several GPUs Trainer would spread every step over all of them, with as many times the rows.
    arguments._n_gpu = min(1, arguments.n_gpu)
    trainer = _LossTrainer(
        model,
        args=arguments,
        loss=loss,
        section=section,
        phase=phase,
        train_dataset=_Examples(splits["train"]),
        eval_dataset=_Examples(splits["tune"]),
        data_collator=collator(model.encoder.config.pad_token_id or 0),
        compute_metrics=partial(_scores, model),
        callbacks=[
            _Progress(workspace, phase),
            _Stages(model, exit_start),
            _EarlyStopping(model, config.patience),
        ],
    )
    for callback in list(trainer.callback_handler.callbacks):
        if type(callback).__name__ in {"PrinterCallback", "ProgressCallback"}:
            trainer.remove_callback(callback)
    output = trainer.train(resume_from_checkpoint=last_whole_checkpoint(checkpoints))
    best = trainer.state.best_global_step or trainer.state.global_step
    steps_per_epoch = max(1, -(-len(splits["train"]) // config.batch_size))
    history = History(
        epochs_run=round(trainer.state.epoch or 0),
        best_epoch=max(1, round(best / steps_per_epoch)),
        train_loss=float(output.training_loss),
    )
    return model.eval(), history


def last_whole_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that was written to its end; what a kill left half-written is removed.

    Trainer writes `trainer_state.json` last; a checkpoint without a readable one is not whole.
    """
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    for checkpoint in found:
        try:
            json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(checkpoint)
        else:
            return str(checkpoint)
    return None


def _scores(model: MultiExitClassifier, prediction: EvalPrediction) -> dict[str, float]:
    """Full-depth accuracy; as `score` it counts one less while the exits are not trained yet, so that no such epoch is kept."""
    logits = np.asarray(prediction.predictions)
    accuracy = float((logits[:, -1].argmax(-1) == prediction.label_ids).mean())
    return {"accuracy": accuracy, "score": accuracy - (not model.exits_train_encoder)}
