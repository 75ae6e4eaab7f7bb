"""A recipe's schema of valid answers is found beside it and checked before anything is started, and reaches the bundle."""

import json
from pathlib import Path

import pytest
import yaml

from flows.home import Home
from flows.make_bundle import make_bundle
from flows.preparation import PreparedRun, prepare
from tasks.artifact import Artifact
from tasks.errors import UserError
from tasks.families.generation.prompt_format import PromptFormat
from tasks.families.generation.records import GenerationFineTuneResult
from tasks.families.generation.roles import settings_of
from tasks.families.load_recipe import load_recipe
from tests.flows.recording_runner import RecordingRunner, prepared

SCHEMA = {"type": "object", "properties": {"function": {"enum": ["order", "find"]}, "share": {"const": 0.1}}}
RECIPE = {
    "name": "calls",
    "task": "text-generation",
    "data": {"train": "train.jsonl", "correct": "json"},
    "init": {},
    "targets": ["local-cpu"],
    "generation": {"schema": "schemas/calls.json"},
    "distil": {"enabled": False},
}


@pytest.fixture(autouse=True)
def without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.data.sources.resolve_sources", lambda *_args, **_options: ())


def prepared_with(folder: Path, schema: str | None, *overrides: str) -> PreparedRun:
    (folder / "schemas").mkdir()
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    if schema is not None:
        (folder / "schemas" / "calls.json").write_text(schema, encoding="utf-8")
    return prepare(load_recipe(folder / "recipe.yaml", overrides), Home(folder))


def test_the_schema_lies_where_the_recipe_says_and_is_read(tmp_path: Path) -> None:
    assert prepared_with(tmp_path, json.dumps(SCHEMA)).extras == {"schema": SCHEMA}


def test_without_the_field_there_is_none(tmp_path: Path) -> None:
    assert prepared_with(tmp_path, None, "generation.schema=null").extras == {"schema": None}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "not JSON"),
        ("[]", "schema: a JSON schema is an object, not list"),
        ('{"properties":{"a":{"pattern":"b"}}}', "schema.properties.a: 'pattern' is not checked here; known: type,"),
    ],
)
def test_one_that_cannot_be_used_names_the_file_and_the_field(tmp_path: Path, schema: str | None, message: str) -> None:
    with pytest.raises(UserError) as raised:
        prepared_with(tmp_path, schema)
    assert str(raised.value).startswith(f"{tmp_path / 'schemas' / 'calls.json'}: generation.schema: {message}")


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"schemas: generation\.schema: cannot be read"):
        prepared_with(tmp_path, None, "generation.schema=schemas")


def test_the_field_is_called_alike_in_the_recipe_in_overrides_and_in_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    loaded = load_recipe(tmp_path / "recipe.yaml", ["generation.schema=other.json"])
    assert loaded.recipe.model_dump(mode="json")["generation"]["schema"] == "other.json"
    with pytest.raises(UserError, match=r"did you mean generation\.schema\?"):
        load_recipe(tmp_path / "recipe.yaml", ["generation.shema=other.json"])


def test_the_step_that_makes_the_bundle_is_given_what_it_says(tmp_path: Path) -> None:
    runner = RecordingRunner(tmp_path)
    recipe = prepared_with(tmp_path, json.dumps(SCHEMA)).recipe
    run = prepared(recipe, folder=tmp_path)
    make_bundle(run, runner, Home(tmp_path))
    assert runner.given["calibrate-router"]["schema"] == SCHEMA
    assert "schema" not in runner.given["quantize"]  # another schema needs no decoder again


def test_the_bundles_settings_have_it(tmp_path: Path) -> None:
    tuned = GenerationFineTuneResult.model_construct(prompt_format=PromptFormat(prefix="", suffix=""))
    models = {"full": Artifact("fine-tune", tmp_path, "", tuned)}
    assert settings_of(models, "json", 8, SCHEMA).schema == SCHEMA
    assert settings_of(models, "json", 8).schema is None
