"""The models of a generation run by the part that they play, and how any of them is asked."""

from collections.abc import Mapping
from typing import Final, Literal

from engine.generation.prompts import GenerationSettings
from tasks.artifact import Artifact
from tasks.data.completions import Correctness
from tasks.families.generation.records import GenerationFineTuneResult, StudentResult

FULL: Final = "full"
SMALL: Final = "small"
REFERENCE: Final = "reference"
"""The full model in fp32; also the name of its folder."""
STATIC: Final = "static"
"""Folder of the full model as it is fastest without drafts."""
TrainedModel = Artifact[GenerationFineTuneResult] | Artifact[StudentResult]
PHRASE_ROWS: Final = 4096


def settings_of(
    models: Mapping[str, TrainedModel],
    correct: Correctness,
    max_new_tokens: int,
    schema: Mapping[str, object] | None = None,
) -> GenerationSettings:
    """How the models are asked: in the format that the full one was trained with, which is the small one's, too.

    `schema`: what valid answers keep to.
    """
    result = models[FULL].result
    assert isinstance(result, GenerationFineTuneResult)
    layout = result.prompt_format
    answers: Literal["text", "json"] = "json" if correct == "json" else "text"
    return GenerationSettings(layout.prefix, layout.suffix, max_new_tokens, answers, schema)
