"""An error of a person names the file it stands in, once."""

from pathlib import Path

import pytest

from tasks.errors import UserError, naming


def test_a_field_that_is_wrong_is_told_with_the_recipe_it_stands_in() -> None:
    with (
        pytest.raises(UserError, match=r"^recipe\.yaml: fine_tune\.exits: no such layer$"),
        naming(Path("recipe.yaml")),
    ):
        raise UserError("no such layer", field="fine_tune.exits")


def test_an_error_that_names_a_file_keeps_it() -> None:
    with pytest.raises(UserError, match=r"^base/config\.json: base_model: broken$"), naming(Path("recipe.yaml")):
        raise UserError("broken", file="base/config.json", field="base_model")


def test_what_is_no_persons_fault_stays_as_it_is() -> None:
    with pytest.raises(KeyError), naming(Path("recipe.yaml")):
        raise KeyError("x")
