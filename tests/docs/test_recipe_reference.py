"""The reference of the recipe is what the models say now, and says something of every field."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from tasks.families.family import families
from tasks.families.recipe_reference import meanings, reference
from tasks.recipe.target import Target
from tests.docs.pages import page


def sections_of(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and all sections below it."""
    yield model
    for field in model.model_fields.values():
        for section in models_in(field.annotation):
            yield from sections_of(section)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in models_in(argument)]


def named(model: type[BaseModel]) -> set[str]:
    """Its fields as YAML has them."""
    return {field.alias or name for name, field in model.model_fields.items()}


SECTIONS = {
    section for model in (Target, *(family.recipe for family in families().values())) for section in sections_of(model)
}


def test_the_page_is_what_the_models_say() -> None:
    assert page("docs/recipe.md").text == reference(), "run: python -m tasks.families.recipe_reference > docs/recipe.md"


@pytest.mark.parametrize("section", sorted(SECTIONS, key=str), ids=lambda section: section.__name__)
def test_a_section_says_what_each_of_its_fields_means(section: type[BaseModel]) -> None:
    said = meanings(section)
    assert named(section) <= said.keys()
    assert all(len(said[name]) > 2 for name in named(section))


def test_the_page_shows_types_defaults_bounds_and_meanings() -> None:
    text = page("docs/recipe.md").text
    assert (
        "| `confidence` | number | `0.95` | > 0.5, < 1 | 1 - delta, of the certificate and of all intervals |" in text
    )
    assert "| `mode` | text | `auto` | `auto`, `review` |" in text
    assert "| `targets` | list of text | required | at least 1 of them |" in text
    assert "\n#### `quantize.search` of text-generation\n" in text


def test_every_field_of_every_section_is_in_the_page() -> None:
    text = page("docs/recipe.md").text
    for section in SECTIONS:
        for name in named(section):
            assert f"| `{name}` |" in text
