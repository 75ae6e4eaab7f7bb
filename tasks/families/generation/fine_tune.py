"""Trains the full model on the train split's completions: a base model's weights, low-rank updates of them, or from nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.artifact import Artifact, Workspace
from tasks.base_models.base_model import BaseModelFiles
from tasks.data.rows import Row, read_rows
from tasks.errors import UserError
from tasks.families.generation.prompt_format import prompt_format
from tasks.families.generation.recipe_sections import GenerationFineTuneConfig, InitConfig
from tasks.families.generation.records import DecoderShape, DecoderTraining, GenerationFineTuneResult
from tasks.families.generation.rows.examples import Example, to_examples
from tasks.records import SnapshotResult

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from tasks.families.generation.training.training import History


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
    from tasks.families.generation.rows.swapped_copies import SwappedCopies
    from tasks.families.generation.training.lora import add_lora, merge_lora
    from tasks.families.generation.training.model_files import context_of, write_model
    from tasks.families.generation.training.scoring import score_completions
    from tasks.families.generation.training.training import train

    rows, tune_rows = read_rows(snapshot, "train"), read_rows(snapshot, "tune")
    workspace.progress("tokenizer and model", None)
    tokenizer = tokenizer_for(start, rows)
    model = _model(start, tokenizer, config.max_length, seed, workspace)
    layout = prompt_format(tokenizer)
    all_examples, tune = to_examples(rows, tokenizer, layout), to_examples(tune_rows, tokenizer, layout)
    examples, left_out = fitting(all_examples, config.max_length, context_of(model), field="fine_tune.max_length")
    if config.lora is not None:
        add_lora(model, config.lora)
    swaps = SwappedCopies.of(examples, tokenizer, config.swapped_rows) if config.swapped_rows else None
    history = train(model, examples, config=config, seed=seed, workspace=workspace, swaps=swaps)
    if config.lora is not None:
        merge_lora(model)
    workspace.progress("scores on tune", None)
    scores = score_completions(model, tune)
    write_model(workspace.out, model, tokenizer)
    from_nothing = isinstance(start, InitConfig)
    return GenerationFineTuneResult(
        base_model="init" if isinstance(start, InitConfig) else start.name,
        base_digest=None if isinstance(start, InitConfig) else start.digest,
        method="init" if from_nothing else "full" if config.lora is None else "lora",
        shape=shape_of(model),
        training=training_record(history, rows=len(examples), left_out=left_out),
        prompt_format=layout,
        tune=scores,
    )


def tokenizer_for(start: BaseModelFiles | InitConfig, rows: Sequence[Row]) -> "PreTrainedTokenizerFast":
    """The base model's, or one of the project's own that is trained on the train rows."""
    from tasks.families.generation.rows.train_tokenizer import train_tokenizer
    from tasks.families.generation.training.model_files import open_tokenizer

    if isinstance(start, InitConfig):
        return train_tokenizer(
            (text for row in rows for text in (row.text, row.label)), start.vocabulary, start.context
        )
    return open_tokenizer(start.folder)


def fitting(examples: Sequence[Example], max_length: int, context: int, *, field: str) -> tuple[list[Example], int]:
    """The examples of at most `max_length` tokens and of the model's context, and how many others there are.

    Raises UserError where none fits.
    """
    longest = min(max_length, context)
    kept = [example for example in examples if len(example) <= longest]
    if not kept:
        shortest = min(map(len, examples), default=0)
        of = " (the model's context)" if context < max_length else ""
        raise UserError(f"{longest} tokens{of}, but the shortest train row has {shortest}", field=field)
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


def _model(
    start: BaseModelFiles | InitConfig,
    tokenizer: "PreTrainedTokenizerFast",
    max_length: int,
    seed: int,
    workspace: Workspace,
) -> "PreTrainedModel":
    from tasks.families.generation.training.initialise import initialise
    from tasks.families.generation.training.model_files import on_accelerator, open_base

    if isinstance(start, InitConfig):
        return initialise(start, tokenizer, seed)
    return on_accelerator(open_base(start.folder, tokenizer, max_length, tell=workspace.remark))
