"""Miaotui by its one public name: `from miaotui import AdaptiveModel`.

The runtime itself is the package `engine`, the pipeline's rooms are `tasks`, `registry` and `flows`; where packages of somebody
else's with these names stand in their way, that is said here and not found out later.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from engine import AdaptiveModel, BundleError, Completion, EngineError, InputError, Prediction, StaticModel

__all__ = ["AdaptiveModel", "BundleError", "Completion", "EngineError", "InputError", "Prediction", "StaticModel"]

_OWN: Final = {
    "engine": "adaptive_model.py",
    "tasks": "step.py",
    "registry": "verdict.py",
    "flows": "pipeline.py",
}
"""The rooms, each with a file by which ours is told from another's."""


def require_own(*rooms: str) -> None:
    """Raises ImportError where one of the packages that miaotui is made of is missing, or is somebody else's."""
    for room in rooms or tuple(_OWN):
        spec = find_spec(room)
        places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
        if any((place / _OWN[room]).is_file() for place in places):
            continue
        found = next(iter(places), None) or (spec.origin if spec else None)
        if found is None:
            raise ImportError(f"miaotui's package {room!r} is not installed; install miaotui anew")
        raise ImportError(
            f"miaotui needs its own package {room!r}, but Python finds another of that name first: {found}; start Python "
            "elsewhere, rename that package, or give miaotui an environment of its own"
        )


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'miaotui' has no attribute {name!r}")
    require_own("engine")
    return getattr(import_module("engine"), name)
