"""The recipes of all task families, told apart by their field `task`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from tasks.recipe.data import PromptDataConfig
from tasks.recipe.schema import FamilyGates, FamilyRecipe, Fraction, Positive, TextClassificationRecipe
from tasks.recipe.text_generation import (
    DistilConfig,
    GenerationConfig,
    GenerationFineTuneConfig,
    GenerationPruneConfig,
    GenerationQuantizeConfig,
    InitConfig,
)


class GenerationGates(FamilyGates):
    """The gates of text generation; `accuracy` is the share of right completions, as `data.correct` tells right from wrong.

    `ttft_p99_ms`: time to the first token; `tpot_p99_ms`: time per further token, both per request; `tokens_per_second`:
    completion tokens. All three are judged on requests one after the other and in LoadGen's Server scenario, where the last
    is at the highest rate of requests that meets `benchmark.server_ttft_ms` and `server_tpot_ms`.
    """

    token_f1: Fraction | None = None
    rouge_l: Fraction | None = None
    json_validity: Fraction | None = None
    ttft_p99_ms: Positive | None = None
    tpot_p99_ms: Positive | None = None
    tokens_per_second: Positive | None = None


class TextGenerationRecipe(FamilyRecipe):
    """A recipe of the task family `text-generation`: a base model to fine-tune, or one that is trained from nothing."""

    task: Literal["text-generation"]
    data: PromptDataConfig
    base_model: Annotated[str, Field(min_length=1)] | None = None
    init: Annotated[InitConfig | None, Field(validate_default=True)] = None
    fine_tune: GenerationFineTuneConfig = GenerationFineTuneConfig()
    distil: DistilConfig = DistilConfig()
    prune: GenerationPruneConfig = GenerationPruneConfig()
    quantize: GenerationQuantizeConfig = GenerationQuantizeConfig()
    generation: GenerationConfig = GenerationConfig()
    gates: GenerationGates = GenerationGates()

    @field_validator("init")
    @classmethod
    def _is_where_no_base_model_is(cls, init: InitConfig | None, info: ValidationInfo) -> InitConfig | None:
        if (init is None) == (info.data.get("base_model") is None):
            raise ValueError(
                "give either base_model, a model to fine-tune, or init, the shape of one to train from nothing"
            )
        return init


Recipe = TextClassificationRecipe | TextGenerationRecipe

FAMILIES: Final[Mapping[str, type[Recipe]]] = MappingProxyType(
    {"text-classification": TextClassificationRecipe, "text-generation": TextGenerationRecipe}
)
