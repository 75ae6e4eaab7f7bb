"""A bundle whose answers are made to keep to a JSON schema, as one more contender: what guidance costs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine import AdaptiveModel
from tasks.errors import UserError

if TYPE_CHECKING:
    from engine.generation.completion import Completion
    from engine.generation.model import GenerationModel

GUIDED: Final = "guided"
ANY_OBJECT: Final = '{"type": "object"}'
"""The schema where nobody gives one: whatever answers are, they are JSON objects."""


@dataclass(frozen=True)
class Guided:
    """The same model, asked with a schema."""

    model: "GenerationModel"
    schema: str
    operating_point: str | None = None

    def predict(self, texts: list[str], /) -> "list[Completion]":
        """One answer per text, each of which keeps to the schema."""
        return self.model.predict(texts, schema=self.schema, operating_point=self.operating_point)


def guided(model: AdaptiveModel, schema: object, *, operating_point: str | None = None) -> Guided:
    """`schema`: JSON text or what it parses to. UserError where the model makes no text; InputError for a bad schema."""
    # Imported here: a classifier's process has no use for the engine of generators.
    from engine.generation.guidance import checked_schema
    from engine.generation.model import GenerationModel

    if not isinstance(model, GenerationModel):
        raise UserError("a classifier makes no text that could keep to a schema; leave the schema out", field="schema")
    return Guided(model, checked_schema(schema), operating_point)
