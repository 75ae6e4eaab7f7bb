"""Results of the steps of text generation."""

from collections.abc import Mapping
from typing import Literal

from tasks.artifact import Measurement, Record
from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.families.generation.prompt_format import PromptFormat
from tasks.records import FineTuned, GraphParity, Technique


class CompletionScores(Record):
    """A model on gold completions, each token predicted from the gold ones before it.

    `exact_match`: share of rows whose every token is the likeliest, which is that of greedy answers with the gold's tokens;
    `perplexity`: by token.
    """

    rows: int
    exact_match: float
    token_accuracy: float
    perplexity: float


class DecoderShape(Record):
    """`parameters`: all, the embeddings among them; `ffn_widths`: by layer."""

    layers: int
    width: int
    ffn_widths: tuple[int, ...]
    vocabulary: int
    parameters: int


class DecoderTraining(Record):
    """What a training did.

    `left_out`: train rows longer than `max_length` or the model's context; `train_loss`: over the last tenth of the steps.
    """

    rows: int
    left_out: int
    steps: int
    tokens: int
    train_loss: float


class GenerationFineTuneResult(FineTuned):
    """The full model: a transformers folder."""

    method: Literal["init", "full", "lora"]
    shape: DecoderShape
    training: DecoderTraining
    prompt_format: PromptFormat
    tune: CompletionScores


class StudentResult(Record):
    """A smaller model of the full one's answers: a transformers folder with the same tokenizer and prompt format.

    `layers_kept`: the full model's, 1-based, that it started from, empty for a student from nothing. `influence`: of each
    of the full model's layers, where that chose them; `agreement`: share of the tune rows' tokens that both find likeliest.
    """

    method: Literal["distilled", "pruned"]
    layers_kept: tuple[int, ...]
    influence: tuple[float, ...] = ()
    shape: DecoderShape
    parent_shape: DecoderShape
    training: DecoderTraining
    prompt_format: PromptFormat
    tune: CompletionScores
    parent_tune: CompletionScores
    agreement: float


class RowLengths(Record):
    """How long the rows to tune and judge by are in tokens, before anything is trained.

    `context`: what the model has positions for; `completions`: how many rows have a completion of so many tokens (its end
    token not counted), by split; `beyond_context`: rows whose prompt and completion are longer than that, by split. `train`: how
    many rows to train on have so many tokens, their end token counted.
    """

    context: int
    completions: Mapping[str, Mapping[int, int]]
    beyond_context: Mapping[str, int]
    train: Mapping[int, int]


class DecoderExport(Record):
    """One decoder as ONNX: `folder`, in the step's, with graphs, weights and tokenizer; `size_mb` of graph and weights."""

    folder: str
    precision: DecoderPrecision
    parity: tuple[GraphParity, ...]
    size_mb: float


class StudentChoice(Measurement):
    """Which of the smaller models is the ladder's first path, by its method; None where none earns its place."""

    chosen: Literal["distilled", "pruned"] | None
    techniques: tuple[Technique, ...]
