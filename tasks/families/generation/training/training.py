"""One training loop for decoders: fine-tuning, distillation and recovery after pruning differ in the loss they give it.

Resumes from its last whole checkpoint after a kill, with the same result as without one.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from tasks.artifact import Workspace
from tasks.families.generation.recipe_sections import TrainingConfig
from tasks.families.generation.rows.batches import Batch, training_batches
from tasks.families.generation.rows.examples import Example
from tasks.families.generation.rows.swapped_copies import SwappedCopies
from tasks.families.generation.training.checkpoints import restore, store
from tasks.families.generation.training.gradients import BatchGradients, Loss, parts_of
from tasks.families.generation.training.optimizers import optimizers_of
from tasks.families.generation.training.torch_threads import torch_threads
from tasks.finite import require_finite_loss

_CHECKPOINTS: Final = 10  # in a whole training
_LARGEST_GRADIENT: Final = 1.0
_TOLD_EVERY: Final = 10
_SWAPS: Final = 1  # apart from the numbers that order the batches


@dataclass(frozen=True)
class History:
    """What training did; `train_loss`: mean cross-entropy by learned token (or what the loss gave) over the last tenth."""

    steps: int
    tokens: int
    train_loss: float


def train(
    model: PreTrainedModel,
    examples: Sequence[Example],
    *,
    config: TrainingConfig,
    seed: int,
    workspace: Workspace,
    loss: Loss | None = None,
    swaps: SwappedCopies | None = None,
    phase: str = "",
    section: str = "fine_tune",
) -> History:
    """Trains the model's trainable weights in place, and leaves it in evaluation mode.

    `swaps`: makes another row of each one before it is learned. `phase` begins every progress message; `section` of
    the recipe has the learning rate. Checkpoints lie in the workspace's scratch folder. UserError where the loss is no number.
    """
    steps = steps_of(examples, config, seed)
    optimizers = optimizers_of(
        model,
        config.optimizer,
        learning_rate=config.learning_rate,
        embedding_rate=config.embedding_learning_rate,
        weight_decay=config.weight_decay,
    )
    base_rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    folder = workspace.scratch / "checkpoints"
    done, losses = restore(folder, model, optimizers)
    batches = islice(_batches(examples, config, seed), done, steps)
    interval = max(1, steps // _CHECKPOINTS)
    model.train()
    with torch_threads(parts_of(model)) as run_all:
        gradients = BatchGradients(model, loss or completion_loss, run_all, packed=config.packing)
        for step, rows in enumerate(batches, start=done):
            share = learning_rate_share(step, steps, config.warmup_ratio)
            for optimizer, rates in zip(optimizers, base_rates, strict=True):
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * share
            taken = [examples[row] for row in rows]
            if swaps is not None:
                # Of the step's own, so that a resumed training goes on alike.
                chance = np.random.default_rng([seed, _SWAPS, step])
                taken = [swaps.variant(example, chance) for example in taken]
            losses.append(
                require_finite_loss(
                    gradients.add(taken),
                    step=step + 1,
                    learning_rate=config.learning_rate * share,
                    phase=phase,
                    field=f"{section}.learning_rate",
                )
            )
            torch.nn.utils.clip_grad_norm_(model.parameters(), _LARGEST_GRADIENT)
            run_all([optimizer.step for optimizer in optimizers])
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
            if (step + 1) % interval == 0 and step + 1 < steps:
                store(folder, step + 1, model, optimizers, losses)
            if (step + 1) % _TOLD_EVERY == 0 or step + 1 == steps:
                recent = sum(losses[-_TOLD_EVERY:]) / len(losses[-_TOLD_EVERY:])
                workspace.progress(f"{phase}step {step + 1:,} of {steps:,}, loss {recent:.3f}", (step + 1) / steps)
    model.eval()
    last = losses[-max(1, steps // 10) :]
    return History(steps, steps * config.tokens_per_step, sum(last) / len(last))


def completion_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Mean cross-entropy of the completions' tokens."""
    return functional.cross_entropy(logits.float(), batch.targets)


def steps_of(examples: Sequence[Example], config: TrainingConfig, seed: int) -> int:
    """Steps that make up the configured epochs."""
    seen, steps = 0.0, 0
    for rows in _batches(examples, config, seed):
        seen += len(rows) / len(examples)
        steps += 1
        if seen >= config.epochs - 1e-9:
            break
    return steps


def learning_rate_share(step: int, steps: int, warmup_ratio: float) -> float:
    """Of the configured learning rate: rising linearly over the first steps, then falling linearly to nothing."""
    warmup = math.ceil(warmup_ratio * steps)
    return (step + 1) / (warmup + 1) if step < warmup else (steps - step) / max(1, steps - warmup)


def _batches(examples: Sequence[Example], config: TrainingConfig, seed: int) -> Iterator[list[int]]:
    return training_batches(examples, config.tokens_per_step, seed, packed=config.packing)
