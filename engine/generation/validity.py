"""Whether an answer is of the form that a bundle's answers have: one of the features that the router looks at."""

from collections.abc import Callable

from engine.answer_json import is_json, parsed
from engine.generation.json_schema import compiled_schema
from engine.generation.prompts import GenerationSettings


def validity_of(settings: GenerationSettings) -> Callable[[str], bool]:
    """True of all texts where answers are text; of JSON where they are JSON; with a schema, of what keeps to it.

    InputError where the schema is none that can be checked.
    """
    if settings.schema is not None:
        keeps = compiled_schema(settings.schema)

        def valid(text: str) -> bool:
            value = parsed(text)
            return value is not None and keeps(value[0])

        return valid
    return is_json if settings.answers == "json" else lambda _text: True
