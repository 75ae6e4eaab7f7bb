"""The pyfunc model that is logged with every bundle (models-from-code: no pickle, only this file and the engine).

MLflow copies this file into the model, so it stands alone: whoever loads it has MLflow and the `engine` package from
the model's `code` folder, but not the rest of the project.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

if TYPE_CHECKING:
    from engine import AdaptiveModel


class ServedBundle(PythonModel):
    """Answers texts with the bundle that lies in the model's artifacts."""

    model: "AdaptiveModel"
    wishes: tuple[str, ...]
    """What it may be asked beside texts; its signature declares them."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle; the engine verifies every digest and replays the golden set."""
        from engine import AdaptiveModel

        bundle = context.artifacts["bundle"]
        self.model = AdaptiveModel.load(bundle, manifest_sha256=context.model_config["manifest_sha256"])
        self.wishes = tuple(self.model.wishes_in(Path(bundle)))

    def predict(
        self, context: PythonModelContext, model_input: list[str], params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """One answer per text: `confidence`, `path` that answered, and what the bundle's task family answers.

        Of a classifier `label` (None when abstained) and `abstained`. Of a generator `completion`, its `tokens`, whether it
        `finished` by itself, and `cost_ms` by the bundle's own table. A row that cannot be asked has its `error`, and neither
        label nor completion; the others are answered.
        `params` of a generator: `max_new_tokens`, and `schema`, a JSON schema (as text) that the completions keep to.
        MlflowException (INVALID_PARAMETER_VALUE, a scoring server's 400) where one of them is wrong.
        """
        from engine.errors import InputError

        wishes = self._wishes(params or {})
        try:
            answers = self.model.predict(model_input, **wishes)
        except InputError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        return [answer.served() for answer in answers]

    def _wishes(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if unknown := sorted(set(params) - set(self.wishes)):
            takes = f"takes {' and '.join(self.wishes)}" if self.wishes else "takes no params"
            raise MlflowException.invalid_parameter_value(f"params: {', '.join(unknown)}: this model {takes}")
        return {name: value for name, value in params.items() if value is not None}


set_model(ServedBundle())
