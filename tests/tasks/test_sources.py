"""Where a recipe's data come from: paths, globs, the project's own grammar, the hub."""

import json
from pathlib import Path

import datasets
import pyarrow.parquet
import pytest

from engine.digests import file_digest
from tasks.data.sources import Source, resolve_sources
from tasks.errors import UserError
from tasks.recipe.data import DataConfig


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a recipe and a few data files."""
    (tmp_path / "data").mkdir()
    for name in ("train-b.jsonl", "train-a.jsonl", "test.csv"):
        (tmp_path / "data" / name).write_text(f"content of {name}")
    (tmp_path / "recipe.yaml").write_text("")
    return tmp_path


def resolve(project: Path, train: str | list[str], **fields: object) -> tuple[Source, ...]:
    config = DataConfig.model_validate({"train": train, **fields})
    return resolve_sources(config, recipe_file=project / "recipe.yaml", home=project / "home")


def refusal(project: Path, train: str | list[str], **fields: object) -> str:
    with pytest.raises(UserError) as caught:
        resolve(project, train, **fields)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(project / "recipe.yaml"))
    return message


def test_paths_are_relative_to_the_recipe_and_carry_digests(project: Path) -> None:
    sources = resolve(project, "data/train-a.jsonl", test="data/test.csv")
    assert [(source.role, source.location, source.format) for source in sources] == [
        ("train", "data/train-a.jsonl", "jsonl"),
        ("test", "data/test.csv", "csv"),
    ]
    assert sources[0].path == (project / "data" / "train-a.jsonl").resolve()
    assert sources[0].sha256 == file_digest(project / "data" / "train-a.jsonl")


def test_a_glob_gives_its_matches_sorted_and_each_file_once(project: Path) -> None:
    sources = resolve(project, ["data/train*.jsonl", "data/train-a.jsonl"])
    assert [source.location for source in sources] == ["data/train-a.jsonl", "data/train-b.jsonl"]


def test_a_recipe_folder_with_glob_characters_is_no_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "[2024] data"
    folder.mkdir()
    (folder / "a.jsonl").write_text("{}")
    (folder / "b [1].jsonl").write_text("{}")
    (folder / "recipe.yaml").write_text("")
    assert len(resolve(folder, "*.jsonl")) == 2
    assert [source.location for source in resolve(folder, "b [1].jsonl")] == ["b [1].jsonl"]


def test_absolute_paths_and_globs_are_allowed(project: Path) -> None:
    assert len(resolve(project, str(project / "data" / "train-*.jsonl"))) == 2


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("data/train-c.jsonl", "the nearest there is 'train-b.jsonl'"),
        ("data/trian*.jsonl", "no file matches data/trian*.jsonl"),
        ("nowhere/train.jsonl", "there is no folder 'nowhere'"),
        ("x" * 5000 + ".jsonl", "cannot be looked up"),
        ("~no-such-user/train.jsonl", "cannot be looked up"),
        ("data", "data is a folder"),
        ("recipe.yaml", "not in a known format; the suffix is one of .jsonl, .json, .ndjson, .csv, .tsv, .parquet"),
        ("s3://bucket/train.jsonl", "none of a path, a glob, grammar://… and hf://…"),
        ("grammar://support-assistant/train", "not of the form grammar://NAME@SEED/PART"),
        ("hf://owner/name", "names no revision; pin a commit or a tag, as in hf://owner/name@COMMIT"),
        ("hf://owner/name@main", "names the moving branch 'main'"),
        ("hf://owner/na me@v1", "not of the form hf://OWNER/NAME@REVISION[/SPLIT]"),
    ],
)
def test_what_is_not_there_is_named_with_the_recipes_field(project: Path, location: str, expected: str) -> None:
    message = refusal(project, location)
    assert "data.train" in message
    assert expected in message


def test_the_field_of_the_right_role_is_named(project: Path) -> None:
    assert "data.test: nothing.csv does not exist" in refusal(project, "data/train-a.jsonl", test="nothing.csv")


def test_a_file_cannot_have_two_roles(project: Path) -> None:
    message = refusal(project, "data/train-a.jsonl", validation="data/*.jsonl")
    assert "data.validation: data/train-a.jsonl is given as train data already" in message


# ---------------------------------------------------------------- generated data


@pytest.fixture
def grammar_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Counts how often data are generated; the grammar itself is tested elsewhere."""
    import tasks.example_data

    calls: list[tuple[str, int]] = []

    def write_grammar(name: str, seed: int, folder: Path) -> dict[str, Path]:
        calls.append((name, seed))
        if name != "small":
            raise UserError(f"there is no grammar {name!r}")
        folder.mkdir(parents=True, exist_ok=True)
        files = {part: folder / f"{part}.jsonl" for part in ("train", "validation", "test", "held_back")}
        for part, file in files.items():
            file.write_text(json.dumps({"text": f"{part} {seed}", "label": "x"}) + "\n")
        return files

    monkeypatch.setattr(tasks.example_data, "write_grammar", write_grammar)
    return calls


def test_generated_data_are_made_once_and_again_when_damaged(project: Path, grammar_calls: list[object]) -> None:
    fields = {"validation": "grammar://small@3/validation", "test": "grammar://small@3/test"}
    first = resolve(project, "grammar://small@3/train", **fields)
    assert [source.location for source in first] == [
        f"grammar://small@3/{part}" for part in ("train", "validation", "test")
    ]
    assert first[0].path.parent == (project / "home" / "data" / "small-3").resolve()
    assert len(grammar_calls) == 1
    assert resolve(project, "grammar://small@3/train", **fields) == first
    assert len(grammar_calls) == 1
    first[1].path.write_text("cut sh")
    assert resolve(project, "grammar://small@3/train", **fields) == first
    assert len(grammar_calls) == 2


def test_generated_data_are_made_again_when_the_grammar_changes(
    project: Path, grammar_calls: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(project, "grammar://small@3/train")
    monkeypatch.setattr("tasks.data.generated._code_digest", lambda: "another")
    resolve(project, "grammar://small@3/train")
    assert len(grammar_calls) == 2


def test_an_unknown_grammar_or_part_is_one_clear_line(project: Path, grammar_calls: list[object]) -> None:
    assert "there is no grammar 'large'" in refusal(project, "grammar://large@3/train")
    assert "no part is called 'tset'; the parts are 'train'" in refusal(project, "grammar://small@3/tset")
    assert resolve(project, "grammar://small@3/held-back")[0].path.name == "held_back.jsonl"


def test_an_unwritable_home_is_one_clear_line(project: Path, grammar_calls: list[object]) -> None:
    (project / "home").write_text("a file where the folder should be")
    assert "cannot be written" in refusal(project, "grammar://small@3/train")


# ---------------------------------------------------------------- the hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Stands for the network: answers with a real data set and remembers what was asked for."""
    asked: list[tuple[str, str, str]] = []

    def load_dataset(name: str, *, revision: str, split: str) -> datasets.Dataset:
        asked.append((name, revision, split))
        if name == "owner/offline":
            raise ConnectionError("Couldn't reach 'owner/offline' on the Hub (OfflineModeIsEnabled)\nmore")
        if name == "owner/script":
            raise RuntimeError("Dataset scripts are no longer supported, but found script.py")
        features = datasets.Features(
            {
                "text": datasets.Value("string"),
                "label": datasets.ClassLabel(names=["cancel", "order"]),
                "tags": datasets.List(datasets.Value("string")),
            }
        )
        rows = {"text": ["one", "two", "three"], "label": [1, 0, -1], "tags": [["a"], [], []]}
        return datasets.Dataset.from_dict(rows, features=features).select([2, 1, 0])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return asked


def test_a_hub_dataset_is_fetched_once_pinned_with_names_for_class_labels(project: Path, hub: list[object]) -> None:
    sources = resolve(project, "hf://owner/name@abc123", test="hf://owner/name@abc123/dev")
    assert hub == [("owner/name", "abc123", "train"), ("owner/name", "abc123", "dev")]
    assert sources[0].format == "parquet"
    assert pyarrow.parquet.read_table(sources[0].path).to_pylist() == [
        {"text": "three", "label": None, "tags": []},
        {"text": "two", "label": "cancel", "tags": []},
        {"text": "one", "label": "order", "tags": ["a"]},
    ]
    assert resolve(project, "hf://owner/name@abc123", test="hf://owner/name@abc123/dev") == sources
    assert len(hub) == 2


def test_a_damaged_copy_of_a_hub_dataset_is_fetched_again(project: Path, hub: list[object]) -> None:
    (before,) = resolve(project, "hf://owner/name@v1.0")
    before.path.write_bytes(before.path.read_bytes()[:-10])
    assert resolve(project, "hf://owner/name@v1.0") == (before,)
    assert len(hub) == 2


def test_an_unreachable_hub_is_one_clear_line_and_leaves_nothing(project: Path, hub: list[object]) -> None:
    message = refusal(project, "hf://owner/offline@v1")
    assert "cannot be reached" in message
    assert "run once with network, or name local files instead" in message
    assert "Dataset scripts are no longer supported" in refusal(project, "hf://owner/script@v1")
    assert not list(project.glob("home/**/*.parquet"))
