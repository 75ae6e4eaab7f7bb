"""The pyfunc model that is logged with every bundle (models-from-code: no pickle, only this file and the engine).

MLflow copies this file into the model, so it stands alone: whoever loads it has MLflow and the `engine` package from
the model's `code` folder, but not the rest of the project.
"""

from typing import TYPE_CHECKING, Any

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

if TYPE_CHECKING:
    from engine import AdaptiveModel


class AdaptiveClassifier(PythonModel):
    """Answers texts with the bundle that lies in the model's artifacts."""

    model: "AdaptiveModel"

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle; the engine verifies every digest and replays the golden set."""
        from engine import AdaptiveModel

        self.model = AdaptiveModel.load(
            context.artifacts["bundle"], manifest_sha256=context.model_config["manifest_sha256"]
        )

    def predict(
        self, context: PythonModelContext, model_input: list[str], params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """One answer per text: `label` (None when abstained), `confidence`, `path` that answered, `abstained`."""
        return [
            {
                "label": answer.label,
                "confidence": answer.confidence,
                "path": answer.path,
                "abstained": answer.abstained,
            }
            for answer in self.model.predict(model_input)
        ]


set_model(AdaptiveClassifier())
