"""The sections of a recipe that only the task family text generation has."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.recipe.section import Section, Share

Rate = Annotated[float, Field(gt=0, lt=1)]
Epochs = Annotated[float, Field(gt=0, le=1000)]


class InitConfig(Section):
    """A small Llama and its tokenizer from nothing but the train rows, in the place of a base model.

    `layers`, `heads`: of the decoder, and of each layer's attention. `width`: of the residual stream; `ffn_width`:
    None makes it three times as wide; `vocabulary`: tokens at most; `context`: tokens of prompt and completion
    together.
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
    """Low-rank updates (Hu et al., 2022) of every linear layer but the head, merged into the weights at the end.

    `rank`: of the updates. `alpha`: they are weighted by `alpha / rank`.
    """

    rank: Annotated[int, Field(ge=1, le=1024)] = 16
    alpha: Annotated[int, Field(ge=1, le=4096)] = 32


class TrainingConfig(Section):
    """How a decoder is trained on completions.

    The defaults here are those of a model from nothing; a recipe with a base model has others (see
    training_defaults).

    `epochs`: over the rows. `learning_rate`: the highest, from which it falls to nothing. `embedding_learning_rate`:
    of what Muon leaves to AdamW. `optimizer`: Muon for the matrices of the layers, with AdamW for the rest, or AdamW
    for all. `tokens_per_step`: of whole rows with their padding. `packing`: rows of any length share the sequences of
    a step, without seeing each other; else a step has rows of about one length. `warmup_ratio`: share of the steps
    over which the learning rate rises. `weight_decay`: of all matrices. `max_length`: rows of more tokens, or of more
    than the model's context, are left out and counted.
    """

    epochs: Epochs
    learning_rate: Rate
    embedding_learning_rate: Rate = 3.0e-3
    optimizer: Literal["muon", "adamw"] = "muon"
    tokens_per_step: Annotated[int, Field(ge=16, le=2**22)] = 1024
    packing: bool = False
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.03
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.1
    max_length: Annotated[int, Field(ge=8, le=32768)] = 512


class GenerationFineTuneConfig(TrainingConfig):
    """Training of the full model.

    `swapped_rows`: share of the rows that are learned, each time anew, with other words in the places of those that
    the completion copies from the prompt; for tasks whose answers repeat names and values that may be anything.
    `lora`: low-rank updates in place of all weights.
    """

    epochs: Epochs = 4.0
    learning_rate: Rate = 4.0e-3
    swapped_rows: Annotated[float, Field(ge=0, le=1)] = 0.0
    lora: LoraConfig | None = None

    @model_validator(mode="after")
    def _low_rank_updates_are_trained_with_adamw(self) -> "GenerationFineTuneConfig":
        if self.lora is not None and self.optimizer != "adamw":
            raise ValueError(
                f"fine_tune.optimizer must be adamw with fine_tune.lora, not {self.optimizer}: Muon is for whole matrices"
            )
        return self


class DistilConfig(TrainingConfig):
    """A shallower or narrower student of the full model's token distributions.

    `enabled`: false leaves it out. `layers`: of the student. `width`: of the student; with the teacher's width (None)
    it starts from layers of the teacher, with another one from nothing. `temperature`: softens both distributions.
    `gold_weight`: of cross-entropy on the rows in the loss.
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

    `enabled`: true tries it. `layers`: how many to keep. `depth`: which, those that change the residual stream most,
    one by one (`block_influence`), or all but the block of consecutive ones that together turn it least
    (`angular_distance`). `ffn_share`: of each layer's neurons to keep, those that write most into it;
    `importance_rows`: train rows that all is measured on. `temperature`: softens both distributions. `gold_weight`:
    of cross-entropy on the rows in the loss.
    """

    enabled: bool = False
    epochs: Epochs = 1.0
    learning_rate: Rate = 2.0e-3
    layers: Annotated[int, Field(ge=1, le=64)] = 2
    depth: Literal["block_influence", "angular_distance"] = "block_influence"
    ffn_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    importance_rows: Annotated[int, Field(ge=16)] = 512
    temperature: Annotated[float, Field(gt=0, le=20)] = 1.0
    gold_weight: Annotated[float, Field(ge=0, le=1)] = 0.5


class PrecisionSearchConfig(Section):
    """How the settings of int4 are searched.

    `builds`: graphs at most that are built for each model; 0 tries no int4.
    """

    builds: Annotated[int, Field(ge=0, le=64)] = 8


class GenerationQuantizeConfig(Section):
    """Weight-only quantization; a precision must earn its place on tune and on the target.

    The last three fields say what may be lost against fp32; None is no limit.

    `candidates`: what is tried for each model beside fp32; None tries fp16 (for CUDA targets) and int8, and searches
    int4. `search`: of int4. `max_accuracy_loss`: by an exact paired test at `router.confidence`.
    `max_perplexity_increase`: of the gold completions, a share. `min_agreement`: the share of greedy answers that
    stay word for word the same.
    """

    candidates: tuple[DecoderPrecision, ...] | None = None
    search: PrecisionSearchConfig = PrecisionSearchConfig()
    max_accuracy_loss: Share = 0.01
    max_perplexity_increase: Annotated[float, Field(ge=0, le=10)] | None = 0.05
    min_agreement: Share | None = 0.8


class GenerationConfig(Section):
    """What an answer may be.

    `max_new_tokens`: of an answer, the end token not counted. `schema`: a file with a JSON schema; the router then
    counts an answer as valid where it keeps to it, and not where it is any JSON.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    max_new_tokens: Annotated[int, Field(ge=1, le=32768)] = 96
    # By another name here, because every pydantic model has a method `schema`.
    schema_file: Annotated[str, Field(min_length=1)] | None = Field(default=None, alias="schema")
