"""The runtime: load a bundle, route each text to the cheapest path that suffices, answer.

Needs numpy, onnxruntime and tokenizers, and nothing else. The names are imported on first use, so that looking up a digest
or an error type does not load a runtime.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.adaptive_model import AdaptiveModel
    from engine.classification.static_model import StaticModel
    from engine.errors import BundleError, EngineError, InputError
    from engine.generation.completion import Completion
    from engine.prediction import Prediction

_HOMES = {
    "AdaptiveModel": "engine.adaptive_model",
    "BundleError": "engine.errors",
    "Completion": "engine.generation.completion",
    "EngineError": "engine.errors",
    "InputError": "engine.errors",
    "Prediction": "engine.prediction",
    "StaticModel": "engine.classification.static_model",
}

__all__ = ["AdaptiveModel", "BundleError", "Completion", "EngineError", "InputError", "Prediction", "StaticModel"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
