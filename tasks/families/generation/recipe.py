"""The recipe of text generation: a base model to fine-tune or one to train from nothing, and what its answers are judged by."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tasks.families.generation.recipe_sections import (
    DistilConfig,
    GenerationConfig,
    GenerationFineTuneConfig,
    GenerationPruneConfig,
    GenerationQuantizeConfig,
    InitConfig,
)
from tasks.families.generation.training_defaults import with_training_defaults
from tasks.recipe.data import PromptDataConfig
from tasks.recipe.schema import FamilyGates, Fraction, Positive, Recipe


class GenerationGates(FamilyGates):
    """The gates of text generation; an answer is right as `data.correct` tells right from wrong.

    The last three are judged on requests one after the other and in LoadGen's Server scenario, where tokens per
    second are those of the highest rate of requests that meets `benchmark.server_ttft_ms` and
    `benchmark.server_tpot_ms`.

    `token_f1`: of the answers' tokens, against the completions'. `rouge_l`: by longest common subsequences.
    `json_validity`: the share of answers that are JSON, or keep to `generation.schema`. `ttft_p99_ms`: time to the
    first token, per request. `tpot_p99_ms`: time per further token, per request. `tokens_per_second`: completion
    tokens.
    """

    token_f1: Fraction | None = None
    rouge_l: Fraction | None = None
    json_validity: Fraction | None = None
    ttft_p99_ms: Positive | None = None
    tpot_p99_ms: Positive | None = None
    tokens_per_second: Positive | None = None


class TextGenerationRecipe(Recipe):
    """A recipe of the task family `text-generation`: a base model to fine-tune, or one that is trained from nothing.

    What the trainings use by default depends on that: tasks/families/generation/training_defaults.py.

    `init`: the shape of a model to train from nothing; give it or `base_model`. `fine_tune`: training of the full
    model. `distil`: a small model that learns from it. `prune`: a small model cut out of it. `quantize`: what the
    weights are kept in. `generation`: what an answer may be.
    """

    task: Literal["text-generation"]
    data: PromptDataConfig
    base_model: Annotated[str, Field(min_length=1)] | None = None
    init: Annotated[InitConfig | None, Field(validate_default=True)] = None
    fine_tune: GenerationFineTuneConfig = GenerationFineTuneConfig()
    distil: DistilConfig = DistilConfig()
    prune: GenerationPruneConfig = GenerationPruneConfig()
    quantize: GenerationQuantizeConfig = GenerationQuantizeConfig()
    generation: Annotated[GenerationConfig, Field(validate_default=True)] = GenerationConfig()
    gates: GenerationGates = GenerationGates()

    @model_validator(mode="before")
    @classmethod
    def _trainings_fit_their_start(cls, given: object) -> object:
        return with_training_defaults(given) if isinstance(given, Mapping) else given

    @field_validator("init")
    @classmethod
    def _is_where_no_base_model_is(cls, init: InitConfig | None, info: ValidationInfo) -> InitConfig | None:
        if (init is None) == (info.data.get("base_model") is None):
            raise ValueError(
                "give either base_model, a model to fine-tune, or init, the shape of one to train from nothing"
            )
        return init

    @field_validator("fine_tune")
    @classmethod
    def _low_rank_updates_have_a_base_model(
        cls, fine_tune: GenerationFineTuneConfig, info: ValidationInfo
    ) -> GenerationFineTuneConfig:
        if fine_tune.lora is not None and info.data.get("init") is not None:
            raise ValueError("low-rank updates need a base model; leave fine_tune.lora out for init")
        return fine_tune

    @field_validator("generation")
    @classmethod
    def _leaves_room_for_a_prompt(cls, generation: GenerationConfig, info: ValidationInfo) -> GenerationConfig:
        init = info.data.get("init")
        if isinstance(init, InitConfig) and generation.max_new_tokens >= init.context:
            raise ValueError(
                f"generation.max_new_tokens must be less than init.context = {init.context}, which holds prompt and "
                f"completion, not {generation.max_new_tokens}"
            )
        return generation
