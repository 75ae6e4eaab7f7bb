"""The field that a person most likely meant: the nearest known one, by its full dotted path."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel


def field_paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Dotted paths of all fields of a model, those of its sections included, in the order of declaration."""
    for attribute, field in model.model_fields.items():
        name = field.alias or attribute
        yield prefix + name
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from field_paths(kind, f"{prefix}{name}.")


def nearest_field(path: Sequence[str], model: type[BaseModel]) -> str | None:
    """The known field nearest to the unknown `path`; None where nothing is near.

    Looked for in the same section first, then by its last word in any section, then by the whole path; a section that is right
    says nothing about a last word that is like none.
    """
    wanted = ".".join(path).lower().replace("-", "_").replace(" ", "_")
    leaf = wanted.rpartition(".")[2]
    everywhere = {_leaf(field): field for field in reversed(list(field_paths(model)))}
    beside = {_leaf(field): field for field in fields_beside(path, model)}
    whole = {field: field for field in everywhere.values() if get_close_matches(leaf, [_leaf(field)], n=1, cutoff=0.5)}
    return (
        _nearest(leaf, beside, 0.6)
        or _nearest(leaf, everywhere, 0.8)
        or _nearest(wanted, whole, 0.6)
        or _nearest(leaf, everywhere, 0.6)
    )


def fields_beside(path: Sequence[str], model: type[BaseModel]) -> list[str]:
    """Dotted paths of the known fields of the section in which the unknown `path` stands."""
    section = ".".join(path[:-1])
    return [field for field in field_paths(model) if field.rpartition(".")[0] == section]


def _leaf(field: str) -> str:
    return field.rpartition(".")[2]


def _nearest(word: str, fields: Mapping[str, str], cutoff: float) -> str | None:
    found = get_close_matches(word, fields, n=1, cutoff=cutoff)
    return fields[found[0]] if found else None
