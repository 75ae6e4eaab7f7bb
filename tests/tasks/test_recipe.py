"""A recipe is either valid or one line that names file, field, value and the way out."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.errors import UserError
from tasks.families.classification.recipe import TextClassificationRecipe
from tasks.families.load_recipe import load_recipe
from tasks.recipe.load_target import load_target
from tasks.recipe.suggest import field_paths, nearest_field

MINIMAL = """\
name: support-intents
task: text-classification
data: {train: train.jsonl}
base_model: some/model
fine_tune: {epochs: 3, learning_rate: 1e-4}
targets: [local-cpu]
"""
CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    file = tmp_path / "recipe.yaml"
    file.write_text(MINIMAL, encoding="utf-8")
    return file


def message_of(file: Path, *overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        load_recipe(file, overrides)
    text = str(caught.value)
    assert "\n" not in text
    return text.replace(str(file), "recipe.yaml")


def test_defaults_fill_what_is_not_given(recipe_file: Path) -> None:
    loaded = load_recipe(recipe_file)
    assert loaded.recipe.fine_tune.epochs == 3
    assert loaded.recipe.fine_tune.batch_size == 32
    assert loaded.recipe.data.train == ("train.jsonl",)
    assert loaded.folder == recipe_file.parent


def test_numbers_with_an_exponent_and_words_like_no_are_read_as_written(recipe_file: Path) -> None:
    overrides = [
        "data.out_of_scope_label=no",
        "name=2026-11-22",
        "fine_tune.weight_decay='1e-3'",
        "prune.learning_rate=2E-5",
    ]
    recipe = load_recipe(recipe_file, overrides).recipe
    assert recipe.fine_tune.learning_rate == 1e-4
    assert recipe.prune.learning_rate == 2e-5
    assert recipe.fine_tune.weight_decay == 1e-3
    assert recipe.data.out_of_scope_label == "no"
    assert recipe.name == "2026-11-22"


def test_on_is_a_field_and_not_a_truth_value(recipe_file: Path) -> None:
    recipe_file.write_text(MINIMAL + "notify: {blocks: [slack-webhook/team], on: [failure]}\n", encoding="utf-8")
    notify = load_recipe(recipe_file).recipe.notify
    assert (notify.blocks, notify.on) == (("slack-webhook/team",), ("failure",))


def test_overrides_set_values_lists_sections_and_null(recipe_file: Path) -> None:
    overrides = [
        "data.train=[a.jsonl, b.csv]",
        "fine_tune.exits=[1, 2]",
        "gates={accuracy: 0.9}",
        "fine_tune.exits=null",
    ]
    recipe = load_recipe(recipe_file, overrides).recipe
    assert recipe.data.train == ("a.jsonl", "b.csv")
    assert recipe.fine_tune.exits is None
    assert recipe.gates.accuracy == 0.9


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("fine_tune.epochz=3", "--set fine_tune.epochz: unknown field; did you mean fine_tune.epochs?"),
        ("finetune.epochs=3", "--set finetune.epochs: unknown field; did you mean fine_tune.epochs?"),
        ("epochs=3", "--set epochs: unknown field; did you mean fine_tune.epochs?"),
        ("gates.p99_ms=3", "--set gates.p99_ms: unknown field; did you mean gates.latency_p99_ms?"),
        ("fine_tune={epochz: 3}", "--set fine_tune: fine_tune.epochz: unknown field; did you mean fine_tune.epochs?"),
        ("fine_tune.epochs=0", "--set fine_tune.epochs: must be at least 1, not 0"),
        ("fine_tune.epochs=true", "--set fine_tune.epochs: must be a number, not true or false"),
        ("fine_tune.epochs=many", '--set fine_tune.epochs: must be a whole number, not "many"'),
        ("fine_tune.epochs=.nan", "--set fine_tune.epochs: must be a finite number, not NaN"),
        ("fine_tune.epochs.x=1", "--set fine_tune.epochs.x: fine_tune.epochs is 3, not a section of fields"),
        ("targets=local-cpu", '--set targets: must be a list, like [a, b], not "local-cpu"'),
        ("targets=[]", "--set targets: must have at least one entry, not []"),
        ("data.train=7", "--set data.train: must be a list, like [a, b], not 7"),
        (
            "notify.blocks=[team]",
            '--set notify.blocks: must be TYPE/NAME like "slack-webhook/team", not "team"',
        ),
        ("notify={blocks: [a/b, a/b]}", '--set notify: notify.blocks: names "a/b" more than once'),
        ("notify.on=[]", "--set notify.on: must have at least one entry, not []"),
        (
            "notify.on=[verdikt]",
            "--set notify.on: notify.on[0]: must be 'verdict', 'nothing-new', 'failure' or 'late', not \"verdikt\"",
        ),
        (
            "task=poetry",
            '--set task: unknown task family; must be text-classification or text-generation, not "poetry"',
        ),
    ],
)
def test_a_wrong_override_names_itself_the_value_and_what_is_allowed(
    recipe_file: Path, override: str, expected: str
) -> None:
    assert message_of(recipe_file, override) == expected


@pytest.mark.parametrize("field", ["data.encoding", "data.separator", "fine_tune.lr"])
def test_a_field_that_is_like_none_gets_the_list_of_those_there_are(recipe_file: Path, field: str) -> None:
    section = field.partition(".")[0]
    assert f"--set {field}: unknown field; known here: {section}." in message_of(recipe_file, f"{field}=x")


@pytest.mark.parametrize(
    "override", ["fine_tune.epochs", "=3", "a..b=1", "data.train.0=x", "data.train[0]=x", "data.train=*.jsonl"]
)
def test_an_override_of_another_form_is_explained(recipe_file: Path, override: str) -> None:
    assert message_of(recipe_file, override).startswith("--set ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "recipe.yaml: not a recipe: must be fields of the form `name: value`, but the file is empty"),
        ("- a", 'recipe.yaml: not a recipe: must be fields of the form `name: value`, but it holds ["a"]'),
        ("name: a\ntask: [", "recipe.yaml: line 2, column 8: not valid YAML"),
        ("name: a\nname: b", "recipe.yaml: line 2, column 1: not valid YAML: the key 'name' is given twice"),
        ("name: a\n5: b", "recipe.yaml: line 2, column 1: not valid YAML: the key 5 is not text"),
        (
            "name: &a b\nx: *a",
            "recipe.yaml: line 1, column 7: not valid YAML: anchors (&) and aliases",
        ),
        ("name: !!python/object:os.system x", "recipe.yaml: line 1, column 7: not valid YAML: the tag "),
        ("[" * 5000, "recipe.yaml: nested too deeply"),
        ("name: a", "recipe.yaml: task: this field is required; must be text-classification"),
        (
            MINIMAL.replace("epochs", "epochz"),
            "recipe.yaml: fine_tune.epochz: unknown field; did you mean fine_tune.epochs?",
        ),
        (MINIMAL.replace("[local-cpu]", "[1]"), "recipe.yaml: targets[0]: must be text (put quotes around it), not 1"),
        (MINIMAL.replace("base_model: some/model\n", ""), "recipe.yaml: base_model: this field is required"),
        (MINIMAL + "data: {}\n", "recipe.yaml: line 7, column 1: not valid YAML: the key 'data' is given twice"),
    ],
)
def test_a_wrong_file_names_the_place(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    assert message_of(file).startswith(expected)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("4", "4"), ("4.0", "4"), ("true", "true"), ("'001'", "001"), ("' oos '", "oos"), ("null", None)],
)
def test_an_out_of_scope_label_may_be_written_as_in_the_rows(
    recipe_file: Path, given: str, expected: str | None
) -> None:
    assert load_recipe(recipe_file, [f"data.out_of_scope_label={given}"]).recipe.data.out_of_scope_label == expected


@pytest.mark.parametrize(
    ("given", "expected"), [("';'", ";"), ("tab", "\t"), (r"\t", "\t"), ('"\\t"', "\t"), ("null", None)]
)
def test_a_delimiter_may_be_written_as_a_person_writes_it(recipe_file: Path, given: str, expected: str | None) -> None:
    assert load_recipe(recipe_file, [f"data.delimiter={given}"]).recipe.data.delimiter == expected


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("data.out_of_scope_label=[a, b]", "must be a label as rows have it; \"['a', 'b']\" is a list of labels"),
        ("data.out_of_scope_label=4.5", "must be a label as rows have it; '4.5' is a number with a fraction"),
        ("data.out_of_scope_label=''", "must be a label as rows have it; '' is empty"),
        ("data.delimiter=ab", "must be one character, such as ',', ';', '|' or tab, not 'ab'"),
        ("data.delimiter=1", "must be one character, such as ',', ';', '|' or tab, not 1"),
    ],
)
def test_what_is_no_label_or_delimiter_is_told(recipe_file: Path, override: str, expected: str) -> None:
    assert expected in message_of(recipe_file, override)


def test_shares_that_leave_nothing_to_train_on_are_refused(recipe_file: Path) -> None:
    assert "leave some for training" in message_of(recipe_file, "data.shares={tune: 0.5, certify: 0.4}")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x01")
    for name, reason in (("none.yaml", "no such file"), ("binary.yaml", "not UTF-8 text"), (".", "is a folder")):
        with pytest.raises(UserError, match=reason):
            load_recipe(tmp_path / name)


def test_a_target_is_found_beside_the_recipe_before_the_projects_own(recipe_file: Path) -> None:
    assert load_target("local-cpu", recipe_file).threads == 1
    folder = recipe_file.parent / "targets"
    folder.mkdir()
    (folder / "local-cpu.yaml").write_text("name: local-cpu\nthreads: 2\n", encoding="utf-8")
    assert load_target("local-cpu", recipe_file).threads == 2
    (folder / "other.yaml").write_text("name: another\n", encoding="utf-8")
    with pytest.raises(UserError, match=r'other\.yaml: name: must be the file.s name, "other"'):
        load_target("other", recipe_file)


@pytest.mark.parametrize("name", ["nowhere", "../targets/local-cpu", ""])
def test_an_unknown_target_names_the_known_ones(recipe_file: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"targets: unknown target .*; known: .*local-cpu"):
        load_target(name, recipe_file)


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.name)
def test_the_projects_own_recipes_are_valid(file: Path) -> None:
    recipe = load_recipe(file).recipe
    for target in recipe.targets:
        load_target(target, file)


@settings(deadline=None)
@given(st.sampled_from(sorted(field_paths(TextClassificationRecipe))), st.data())
def test_one_letter_too_many_still_finds_the_field(field: str, data: st.DataObject) -> None:
    leaf = field.rpartition(".")[2]
    place = data.draw(st.integers(1, len(leaf)))
    misspelt = leaf[:place] + "x" + leaf[place:]
    assert nearest_field((*field.split(".")[:-1], misspelt), TextClassificationRecipe) == field


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.integers(), inner, max_size=3),
    max_leaves=8,
)
overwritten = st.dictionaries(st.sampled_from(sorted(field_paths(TextClassificationRecipe))), values, max_size=4)


def assert_recipe_or_user_error(file: Path, *overrides: str) -> None:
    line = ""
    try:
        load_recipe(file, overrides)
    except UserError as error:
        line = str(error)
    assert "\n" not in line


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=overwritten)
def test_any_value_in_any_field_gives_a_recipe_or_one_line(tmp_path: Path, changes: dict[str, object]) -> None:
    data = yaml.safe_load(MINIMAL)
    for path, value in changes.items():
        *sections, leaf = path.split(".")
        section = data
        for name in sections:
            section = section.setdefault(name, {}) if isinstance(section, dict) else {}
        if isinstance(section, dict):
            section[leaf] = value
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8", errors="surrogatepass")
    assert_recipe_or_user_error(file)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"#%,?\n\t 019.e", max_size=40).map(str.encode))
def test_any_bytes_give_a_recipe_or_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_bytes(content)
    assert_recipe_or_user_error(file)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    override=st.text(max_size=20) | st.tuples(st.sampled_from(["name", "data.train", "gates"]), st.text()).map("=".join)
)
def test_any_override_gives_a_recipe_or_one_line(recipe_file: Path, override: str) -> None:
    assert_recipe_or_user_error(recipe_file, override)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("scale_out.runner=spark", "--set scale_out.runner: must be 'threads', 'dask' or 'ray', not \"spark\""),
        ("scale_out.workers=0", "--set scale_out.workers: must be at least 1, not 0"),
        (
            "scale_out.address=tcp://there:8786",
            "--set scale_out.address: is the address of a cluster; set scale_out.runner to "
            '"dask" or "ray", or leave it out',
        ),
        ("fine_tune.seeds=[]", "--set fine_tune.seeds: must have at least one entry, not []"),
        ("fine_tune.seeds=[1, 2, 1]", "--set fine_tune.seeds: must differ from one another, not [1, 2, 1]"),
        ("fine_tune.processes=3", "--set fine_tune.processes: must divide batch_size, 32, without a rest, not 3"),
    ],
)
def test_what_cannot_be_spread_out_is_refused(recipe_file: Path, override: str, message: str) -> None:
    assert message_of(recipe_file, override) == message


def test_a_cluster_is_named_by_runner_and_address(recipe_file: Path) -> None:
    overrides = ["scale_out={runner: dask, workers: 4, address: 'tcp://there:8786'}", "fine_tune.seeds=[0, 1]"]
    recipe = load_recipe(recipe_file, overrides).recipe
    assert (recipe.scale_out.runner, recipe.scale_out.workers, recipe.fine_tune.seeds) == ("dask", 4, (0, 1))
    assert load_recipe(recipe_file).recipe.scale_out.workers == 1
