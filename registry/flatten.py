"""Records as MLflow wants them: metrics and parameters under flat, readable, comparable names.

Levels are joined with `/`, by which MLflow groups its charts. Entries of a list are called by what identifies them,
not by their position, so that the same thing has the same name in every run.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final

from pydantic import BaseModel

from engine import strict_json
from tasks.records import Figure, Interval, Percentile, Ratio
from tasks.records.figures import Number

_NOT_ALLOWED: Final = re.compile(r"[^\w.\- :]")
_IDENTIFIERS: Final = ("name", "domain", "graph", "target", "epsilon", "percentile", "location")
_MAX_KEY: Final = 250
_MAX_VALUE: Final = 6000


def metrics_of(record: BaseModel) -> dict[str, float]:
    """All finite numbers of a record, by path. Lists of bare numbers are data and no metrics; they are left out.

    An interval gives `name`, `name_low` and `name_high`, a ratio likewise; a percentile `p99_ms` and
    `p99_upper_bound_ms`.
    """
    return {key[:_MAX_KEY]: value for key, value in _numbers("", record) if math.isfinite(value)}


def parameters_of(settings: BaseModel | Mapping[str, object]) -> dict[str, str]:
    """All settings by dotted path, as text. Lists are written as JSON; what is too long for MLflow is cut short."""
    values = settings.model_dump(mode="json") if isinstance(settings, BaseModel) else settings
    return {key[:_MAX_KEY]: _clipped(text) for key, text in _texts("", values)}


def safe_key(text: str) -> str:
    """`text` as one level of a metric's name. Where characters are replaced, a short digest keeps names apart."""
    safe = _NOT_ALLOWED.sub("_", text).strip(". ") or "_"
    return safe if safe == text else f"{safe}-{sha256(text.encode()).hexdigest()[:6]}"


def numbered(name: str, number: Number) -> str:
    """What a figure's number is called: by its name alone, or `macro_f1_low`."""
    return name if number == "value" else f"{name}_{number}"


def _numbers(path: str, value: object) -> Iterator[tuple[str, float]]:
    match value:
        case bool() | int() | float():
            yield path, float(value)
        case Interval() | Ratio():
            yield path, value.value
            yield f"{path}_low", value.low
            yield f"{path}_high", value.high
        case Percentile():
            # `scenarios/Server/p99_ms` and `tokens/first/p99_ms`, without the level of the percentile.
            base = _joined(path.rpartition("/")[0].removesuffix("/percentiles"), f"p{value.percentile:g}")
            yield f"{base}_ms", value.value_ms
            if value.upper_bound_ms is not None:
                yield f"{base}_upper_bound_ms", value.upper_bound_ms
        case Figure():
            # `macro_f1` and `generation/token_f1`, without the level of the list.
            yield from _figure(value)
        case BaseModel():
            for name in type(value).model_fields:
                yield from _numbers(_joined(path, name), getattr(value, name))
        case Mapping():
            for key, entry in value.items():
                yield from _numbers(_joined(path, str(key)), entry)
        case str():
            return
        case Sequence():
            for entry in value:
                if isinstance(entry, BaseModel):
                    yield from _numbers(_joined(path, _identifier(entry)), entry)


def _figure(figure: Figure) -> Iterator[tuple[str, float]]:
    name = figure.series or figure.name
    yield from ((numbered(name, number), value) for number, value in figure.numbers.items())
    if figure.reference is not None:
        yield from _numbers(f"reference_{name}", figure.reference)


def _texts(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if isinstance(value, Mapping) and (value or not path):
        for key, entry in value.items():
            yield from _texts(f"{path}.{key}" if path else str(key), entry)
    elif isinstance(value, str):
        yield path, value
    else:
        yield path, strict_json.dumps(value, default=str)


def _identifier(entry: BaseModel) -> str:
    for name in _IDENTIFIERS:
        if name in type(entry).model_fields:
            found = getattr(entry, name)
            return f"{found:g}" if isinstance(found, float) else str(found)
    raise TypeError(f"entries of type {type(entry).__name__} have nothing that names them")


def _joined(path: str, name: str) -> str:
    return f"{path}/{safe_key(name)}" if path else safe_key(name)


def _clipped(text: str) -> str:
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…"
