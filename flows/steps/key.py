"""What identifies a step's result: its inputs' content, its configuration, its code, and for measurements the machine.

Two results with one key are interchangeable. Paths, times and names of runs are no part of a key.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from pydantic import BaseModel

from flows.steps.code_digest import Code
from tasks.artifact import Artifact
from tasks.step import HasCacheKey, Keyed, Step

_FORMAT: Final = 1  # of the store's layout; another number makes every stored result a miss


def key_parts(step: Step[Any], inputs: Mapping[str, object], code: Code, machine: str | None) -> dict[str, object]:
    """All that the key depends on, as JSON. `machine`: fingerprint of the host, for steps that measure."""
    return {
        "format": _FORMAT,
        "step": step.name,
        "function": step.function,
        "code": code.digest,
        "packages": code.packages,
        "machine": machine,
        "inputs": {name: _encoded(value) for name, value in sorted(inputs.items())},
    }


def key_of(parts: Mapping[str, object]) -> str:
    """The key: half of a SHA-256 over the parts, in hexadecimal."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _encoded(value: object) -> object:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot be part of a step's key")
        return value
    if isinstance(value, Keyed):
        return _encoded(value.key)
    if isinstance(value, Artifact):
        return {"artifact": value.step, "digest": value.digest}
    if isinstance(value, BaseModel):
        return {"model": type(value).__name__, "fields": value.model_dump(mode="json")}
    if isinstance(value, HasCacheKey):
        return _encoded(value.cache_key())
    if isinstance(value, Mapping):
        return {str(name): _encoded(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encoded(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {"record": type(value).__name__} | {
            field.name: _encoded(getattr(value, field.name)) for field in fields(value)
        }
    raise TypeError(f"{type(value).__name__} cannot be part of a step's key; wrap it in Keyed")
