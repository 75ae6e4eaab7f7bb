"""What a registered model may be asked beside its texts, declared in its signature: MLflow passes on nothing else."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.models import ModelSignature


def with_parameters(signature: "ModelSignature", wishes: Mapping[str, int | str | None]) -> "ModelSignature":
    """The signature with a parameter for each wish, whose default is the bundle's; one without a default is a text."""
    from mlflow.models import ModelSignature
    from mlflow.types import DataType, ParamSchema, ParamSpec

    declared = [
        ParamSpec(name, DataType.long if isinstance(default, int) else DataType.string, default)
        for name, default in wishes.items()
    ]
    return ModelSignature(inputs=signature.inputs, outputs=signature.outputs, params=ParamSchema(declared))
