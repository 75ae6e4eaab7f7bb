"""What a registered generator may be asked beside its prompts, declared in its signature: MLflow passes on nothing else."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.models import ModelSignature


def is_generator(bundle: Path) -> bool:
    """Whether a bundle makes text: it has the settings of one that does."""
    from engine.generation.prompts import SETTINGS_FILE

    return (bundle / SETTINGS_FILE).is_file()


def with_parameters(signature: "ModelSignature", bundle: Path) -> "ModelSignature":
    """The signature of a generator's pyfunc with `max_new_tokens`, whose default is the bundle's, and `schema`, JSON text."""
    from mlflow.models import ModelSignature
    from mlflow.types import DataType, ParamSchema, ParamSpec

    from engine.generation.prompts import GenerationSettings

    most = GenerationSettings.load(bundle).max_new_tokens
    declared = [ParamSpec("max_new_tokens", DataType.long, most), ParamSpec("schema", DataType.string, None)]
    return ModelSignature(inputs=signature.inputs, outputs=signature.outputs, params=ParamSchema(declared))
