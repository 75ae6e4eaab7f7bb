"""Training that begins with a base model: its encoder, fresh heads on it, and the rows; the same in every process of it."""

from typing import Any

import torch

from engine.tokenization import TextTokenizer
from tasks.artifact import Workspace
from tasks.families.classification.encoder.architecture import layout_of
from tasks.families.classification.encoder.base_encoder import open_encoder
from tasks.families.classification.encoder.examples import examples
from tasks.families.classification.encoder.multi_exit import MultiExitClassifier
from tasks.families.classification.encoder.shape import Shape
from tasks.families.classification.encoder.training import History, train
from tasks.families.classification.encoder.training_job import TrainingJob


def train_from_base(job: TrainingJob, workspace: Workspace) -> tuple[MultiExitClassifier, History]:
    """The base model with fresh heads, trained; every process of a training calls it with the same job."""
    snapshot, config = job.snapshot, job.config
    encoder = open_encoder(job.base_folder, job.tokenizer, config.max_length, tell=workspace.remark)
    shape = Shape(
        labels=snapshot.result.labels,
        exits=job.exits,
        layers=tuple(range(1, encoder.config.num_hidden_layers + 1)),
        ffn_widths=_ffn_widths(encoder),
        max_length=config.max_length,
    )
    tokenizer = TextTokenizer(job.tokenizer, config.max_length)
    torch.manual_seed(job.seed)
    return train(
        MultiExitClassifier(encoder, shape),
        {name: examples(snapshot, name, tokenizer) for name in ("train", "tune")},
        config=config,
        seed=job.seed,
        workspace=workspace,
        exit_start=job.exit_start,
        phase=job.phase,
    )


def _ffn_widths(encoder: Any) -> tuple[int, ...]:
    layout = layout_of(encoder.config.model_type)
    return tuple(layout.feed_forward(layer).dense_in.out_features for layer in layout.layers(encoder))
