"""Trains the full model on the train split's completions: a base model's weights, low-rank updates of them, or from nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.artifact import Artifact, Workspace
from tasks.base_model import BaseModelFiles
from tasks.data.rows import Row, read_rows
from tasks.errors import UserError
from tasks.generation.examples import Example, to_examples
from tasks.generation.prompt_format import prompt_format
from tasks.generation.records import DecoderShape, DecoderTraining, GenerationFineTuneResult
from tasks.recipe.text_generation import GenerationFineTuneConfig, InitConfig
from tasks.records import SnapshotResult

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from tasks.generation.training import History


def fine_tune(
    snapshot: Artifact[SnapshotResult],
    *,
    start: BaseModelFiles | InitConfig,
    config: GenerationFineTuneConfig,
    seed: int,
    workspace: Workspace,
) -> GenerationFineTuneResult:
    """Train, score on tune, and save a transformers folder; `start`: a base model, or the shape of a new one.

    Raises UserError where the base model or its tokenizer cannot be used, or no row is short enough.
    """
    from tasks.generation.lora import add_lora, merge_lora
    from tasks.generation.model_files import write_model
    from tasks.generation.scoring import score_completions
    from tasks.generation.swapped_copies import SwappedCopies
    from tasks.generation.training import train

    rows = read_rows(snapshot, "train")
    workspace.progress("tokenizer and model", None)
    model, tokenizer = _start(start, rows, config, seed)
    examples, left_out = fitting(to_examples(rows, tokenizer), config.max_length, field="fine_tune.max_length")
    if config.lora is not None:
        add_lora(model, config.lora)
    swaps = SwappedCopies.of(examples, tokenizer, config.swapped_rows) if config.swapped_rows else None
    history = train(model, examples, config=config, seed=seed, workspace=workspace, swaps=swaps)
    if config.lora is not None:
        merge_lora(model)
    workspace.progress("scores on tune", None)
    tune = score_completions(model, to_examples(read_rows(snapshot, "tune"), tokenizer))
    write_model(workspace.out, model, tokenizer)
    from_nothing = isinstance(start, InitConfig)
    return GenerationFineTuneResult(
        base_model="init" if isinstance(start, InitConfig) else start.name,
        base_digest=None if isinstance(start, InitConfig) else start.digest,
        method="init" if from_nothing else "full" if config.lora is None else "lora",
        shape=shape_of(model),
        training=training_record(history, rows=len(examples), left_out=left_out),
        prompt_format=prompt_format(tokenizer),
        tune=tune,
    )


def fitting(examples: Sequence[Example], max_length: int, *, field: str) -> tuple[list[Example], int]:
    """The examples of at most `max_length` tokens and how many others there are; UserError where none fits."""
    kept = [example for example in examples if len(example) <= max_length]
    if not kept:
        shortest = min(map(len, examples), default=0)
        raise UserError(f"{max_length} tokens, but the shortest train row has {shortest}", field=field)
    return kept, len(examples) - len(kept)


def shape_of(model: "PreTrainedModel") -> DecoderShape:
    """The sizes of a model."""
    layers = model.get_decoder().layers
    return DecoderShape(
        layers=len(layers),
        width=model.config.hidden_size,
        ffn_widths=tuple(layer.mlp.gate_proj.out_features for layer in layers),
        vocabulary=model.config.vocab_size,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
    )


def training_record(history: "History", *, rows: int, left_out: int) -> DecoderTraining:
    """What a training did, with the rows it had."""
    return DecoderTraining(
        rows=rows, left_out=left_out, steps=history.steps, tokens=history.tokens, train_loss=history.train_loss
    )


def _start(
    start: BaseModelFiles | InitConfig, rows: Sequence[Row], config: GenerationFineTuneConfig, seed: int
) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    from tasks.generation.initialise import initialise
    from tasks.generation.model_files import open_model, open_tokenizer
    from tasks.generation.train_tokenizer import train_tokenizer

    if isinstance(start, InitConfig):
        if config.lora is not None:
            raise UserError("low-rank updates need a base model; leave it out for init", field="fine_tune.lora")
        tokenizer = train_tokenizer(
            (text for row in rows for text in (row.text, row.label)), start.vocabulary, start.context
        )
        return initialise(start, tokenizer, seed), tokenizer
    model = open_model(start.folder)
    positions = model.config.max_position_embeddings
    if config.max_length > positions:
        raise UserError(
            f"{config.max_length} tokens, but the base model has {positions} positions", field="fine_tune.max_length"
        )
    return model, open_tokenizer(start.folder)
