"""A bundle whose answers are made to keep to a JSON schema, as one more contender: what guidance costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine import AdaptiveModel, Prediction
from tasks.errors import UserError

GUIDED: Final = "guided"


@dataclass(frozen=True)
class Guided:
    """The same model, asked with a schema. `model`: one that writes text."""

    model: AdaptiveModel
    schema: str
    operating_point: str | None = None

    def predict(self, texts: list[str], /) -> Sequence[Prediction]:
        """One answer per text, each of which keeps to the schema."""
        wishes: Mapping[str, Any] = {"schema": self.schema}
        return self.model.predict(texts, operating_point=self.operating_point, **wishes)


def guided(model: AdaptiveModel, schema: object, *, operating_point: str | None = None) -> Guided:
    """`schema`: JSON text or what it parses to. UserError where the model makes no text; InputError for a bad schema."""
    # Imported here: a classifier's process has no use for the engine of generators.
    from engine.generation.guidance import checked_schema

    if not model.writes_text:
        raise UserError("a classifier makes no text that could keep to a schema; leave the schema out", field="schema")
    return Guided(model, checked_schema(schema), operating_point)
