"""What a recipe of text generation trains with by default depends on what the training starts from, and what contradicts itself
is refused before anything runs."""

from pathlib import Path

import pytest
import yaml

from tasks.errors import UserError
from tasks.families.generation.recipe import TextGenerationRecipe
from tasks.families.load_recipe import load_recipe

CONFIGS = Path(__file__).parents[2] / "configs"
FIELDS = {"name": "calls", "task": "text-generation", "data": {"train": "train.jsonl"}, "targets": ["local-cpu"]}


def recipe(tmp_path: Path, *overrides: str, **changes: object) -> TextGenerationRecipe:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(FIELDS | changes), encoding="utf-8")
    loaded = load_recipe(file, overrides).recipe
    assert isinstance(loaded, TextGenerationRecipe)
    return loaded


def rates(training: object) -> tuple[str, float]:
    return training.optimizer, training.learning_rate


def test_a_model_from_nothing_learns_fast_with_muon(tmp_path: Path) -> None:
    made = recipe(tmp_path, init={})
    assert rates(made.fine_tune) == rates(made.distil) == ("muon", 4e-3)
    assert (made.fine_tune.embedding_learning_rate, made.fine_tune.epochs) == (3e-3, 4)


def test_a_pretrained_model_is_tuned_gently_in_every_training(tmp_path: Path) -> None:
    made = recipe(tmp_path, base_model="owner/name")
    assert rates(made.fine_tune) == ("adamw", 1e-4)
    assert rates(made.distil) == ("adamw", 3e-4)
    assert rates(made.prune) == ("adamw", 1e-4)
    assert made.fine_tune.weight_decay == 0.1


def test_a_student_from_nothing_learns_as_a_model_from_nothing(tmp_path: Path) -> None:
    assert rates(recipe(tmp_path, base_model="owner/name", distil={"width": 128}).distil) == ("muon", 4e-3)


def test_low_rank_updates_take_more_and_have_one_optimizer(tmp_path: Path) -> None:
    made = recipe(tmp_path, base_model="owner/name", fine_tune={"lora": {}})
    assert rates(made.fine_tune) == ("adamw", 2e-4)
    with pytest.raises(UserError, match=r"fine_tune\.optimizer must be adamw with fine_tune\.lora, not muon"):
        recipe(tmp_path, base_model="owner/name", fine_tune={"lora": {}, "optimizer": "muon"})


def test_what_is_given_stays_and_an_override_of_the_start_brings_its_defaults(tmp_path: Path) -> None:
    made = recipe(tmp_path, "base_model=owner/name", "fine_tune.learning_rate=3e-5", fine_tune={"optimizer": "muon"})
    assert rates(made.fine_tune) == ("muon", 3e-5)
    assert made.fine_tune.embedding_learning_rate == 1e-4


def test_the_projects_own_recipe_trains_as_it_says() -> None:
    made = load_recipe(CONFIGS / "function-calls.yaml").recipe
    assert isinstance(made, TextGenerationRecipe)
    assert rates(made.fine_tune) == ("muon", 1.7e-3)
    assert rates(made.distil) == ("muon", 2e-3)
    assert made.fine_tune.embedding_learning_rate == made.distil.embedding_learning_rate == 3e-3


@pytest.mark.parametrize("section", ["fine_tune", "distil", "prune"])
def test_a_section_that_is_none_is_named(tmp_path: Path, section: str) -> None:
    with pytest.raises(UserError, match=rf"{section}: must be a section of fields, like .*, not 3"):
        recipe(tmp_path, base_model="owner/name", **{section: 3})


def test_low_rank_updates_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"fine_tune: low-rank updates need a base model; leave fine_tune\.lora out"):
        recipe(tmp_path, init={}, fine_tune={"lora": {}, "optimizer": "adamw"})


def test_an_answer_as_long_as_the_context_leaves_no_room_for_a_prompt(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"generation\.max_new_tokens must be less than init\.context = 64, .*, not 96"):
        recipe(tmp_path, init={"context": 64})
    assert recipe(tmp_path, init={"context": 64}, generation={"max_new_tokens": 63}).fine_tune.max_length == 512
