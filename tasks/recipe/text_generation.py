"""The sections of a recipe that only the task family text generation has."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from tasks.recipe.decoder_precision import DecoderPrecision
from tasks.recipe.section import Section, Share

Rate = Annotated[float, Field(gt=0, lt=1)]
Epochs = Annotated[float, Field(gt=0, le=1000)]


class InitConfig(Section):
    """A small Llama and its tokenizer from nothing but the train rows, in the place of a base model.

    `width`: of the residual stream; `ffn_width`: None makes it three times as wide; `vocabulary`: tokens at most;
    `context`: tokens of prompt and completion together.
    """

    layers: Annotated[int, Field(ge=2, le=64)] = 4
    width: Annotated[int, Field(ge=32, le=4096)] = 128
    heads: Annotated[int, Field(ge=1, le=64)] = 4
    ffn_width: Annotated[int, Field(ge=16, le=16384)] | None = None
    vocabulary: Annotated[int, Field(ge=512, le=65536)] = 2048
    context: Annotated[int, Field(ge=32, le=32768)] = 512

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> "InitConfig":
        if self.width % (self.heads * 16):
            raise ValueError(
                f"init.width must be a multiple of 16 times init.heads, so that the runtime's attention takes the heads; "
                f"{self.width} is none of {self.heads * 16}"
            )
        return self


class LoraConfig(Section):
    """Low-rank updates (Hu et al., 2022) of every linear layer but the head, merged into the weights at the end."""

    rank: Annotated[int, Field(ge=1, le=1024)] = 16
    alpha: Annotated[int, Field(ge=1, le=4096)] = 32


class TrainingConfig(Section):
    """How a decoder is trained on completions, the learning rate rising over `warmup_ratio` and then falling to nothing.

    `tokens_per_step`: of whole rows with their padding. `optimizer`: Muon for the matrices of the layers, with AdamW at
    `embedding_learning_rate` for the rest, or AdamW for all. `max_length`: rows of more tokens are left out, and counted.
    """

    epochs: Epochs
    learning_rate: Rate
    embedding_learning_rate: Rate = 3.0e-3
    optimizer: Literal["muon", "adamw"] = "muon"
    tokens_per_step: Annotated[int, Field(ge=16, le=2**22)] = 1024
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.03
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.1
    max_length: Annotated[int, Field(ge=8, le=32768)] = 512


class GenerationFineTuneConfig(TrainingConfig):
    """Training of the full model, of all weights or, with `lora`, of low-rank updates.

    `swapped_rows`: share of the rows that are learned, each time anew, with other words in the places of those that the
    completion copies from the prompt; for tasks whose answers repeat names and values that may be anything.
    """

    epochs: Epochs = 4.0
    learning_rate: Rate = 4.0e-3
    swapped_rows: Annotated[float, Field(ge=0, le=1)] = 0.0
    lora: LoraConfig | None = None


class DistilConfig(TrainingConfig):
    """A shallower or narrower student of the full model's token distributions.

    `layers`, `width`: of the student; with the teacher's width (None) it starts from layers of the teacher, with another
    one from nothing. `temperature` softens both distributions; `gold_weight` of the loss is cross-entropy on the rows.
    """

    enabled: bool = True
    epochs: Epochs = 2.0
    learning_rate: Rate = 4.0e-3
    layers: Annotated[int, Field(ge=1, le=64)] = 2
    width: Annotated[int, Field(ge=32, le=4096)] | None = None
    temperature: Annotated[float, Field(gt=0, le=20)] = 1.0
    gold_weight: Annotated[float, Field(ge=0, le=1)] = 0.5


class GenerationPruneConfig(TrainingConfig):
    """Whole layers and neurons of the full model taken out, with recovery by distillation.

    `layers`: how many to keep, those that change the residual stream most; `ffn_share`: of each layer's neurons to keep,
    those that write most into it; `importance_rows`: train rows that both are measured on.
    """

    enabled: bool = False
    epochs: Epochs = 1.0
    learning_rate: Rate = 2.0e-3
    layers: Annotated[int, Field(ge=1, le=64)] = 2
    ffn_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    importance_rows: Annotated[int, Field(ge=16)] = 512
    temperature: Annotated[float, Field(gt=0, le=20)] = 1.0
    gold_weight: Annotated[float, Field(ge=0, le=1)] = 0.5


class GenerationQuantizeConfig(Section):
    """Weight-only quantization; a candidate must earn its place on tune and on the target.

    `candidates`: tried for each model beside fp32. `max_accuracy_loss`: the budget against fp32 (exact paired test at
    `router.confidence`).
    """

    candidates: tuple[DecoderPrecision, ...] = (
        DecoderPrecision(weights="int8"),
        DecoderPrecision(weights="int4", head="int8"),
    )
    max_accuracy_loss: Share = 0.01


class GenerationConfig(Section):
    """`max_new_tokens`: of an answer, the end token not counted.

    `schema`: a file with a JSON schema; the router then counts an answer as valid where it keeps to it, and not where it is
    any JSON.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    max_new_tokens: Annotated[int, Field(ge=1, le=32768)] = 96
    # By another name here, because every pydantic model has a method `schema`.
    schema_file: Annotated[str, Field(min_length=1)] | None = Field(default=None, alias="schema")
