"""The runtime: load a bundle, route each text to the cheapest path that suffices, answer.

Needs numpy, onnxruntime and tokenizers, and nothing else.
"""

from engine.adaptive_model import AdaptiveModel
from engine.errors import BundleError, EngineError, InputError
from engine.prediction import Prediction
from engine.static_model import StaticModel

__all__ = ["AdaptiveModel", "BundleError", "EngineError", "InputError", "Prediction", "StaticModel"]
