"""Training that begins with a base model: its encoder, fresh heads on it, and the rows; the same in every process of it."""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, logging

from engine.tokenization import TextTokenizer
from tasks.artifact import Workspace
from tasks.errors import UserError
from tasks.model.architecture import layout_of
from tasks.model.examples import examples
from tasks.model.multi_exit import MultiExitClassifier, without_pooler
from tasks.model.training import History, train
from tasks.model.training_job import TrainingJob
from tasks.model_shape import Shape


def train_from_base(job: TrainingJob, workspace: Workspace) -> tuple[MultiExitClassifier, History]:
    """The base model with fresh heads, trained; every process of a training calls it with the same job."""
    snapshot, config = job.snapshot, job.config
    encoder = _base_encoder(job.base_folder, config.max_length)
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


def base_config(folder: Path, max_length: int) -> Any:
    """Of a base model that can be trained on rows of `max_length` tokens; UserError for any other."""
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (ValueError, KeyError, json.JSONDecodeError, OSError) as error:
        raise UserError(f"config.json cannot be used: {error}", file=folder, field="base_model") from error
    layout_of(config.model_type)
    positions = getattr(config, "max_position_embeddings", max_length)
    if max_length > positions:
        raise UserError(
            f"{max_length} tokens, but the base model has {positions} positions", field="fine_tune.max_length"
        )
    return config


def _base_encoder(folder: Path, max_length: int) -> Any:
    config = base_config(folder, max_length)
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # the unused pooler of the base model is no news
    try:
        return AutoModel.from_pretrained(
            folder,
            attn_implementation="eager",
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            **without_pooler(config.model_type),
        )
    finally:
        logging.set_verbosity(verbosity)


def _ffn_widths(encoder: Any) -> tuple[int, ...]:
    layout = layout_of(encoder.config.model_type)
    return tuple(layout.feed_forward(layer).dense_in.out_features for layer in layout.layers(encoder))
