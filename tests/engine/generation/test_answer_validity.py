"""Which answers count as valid: strict JSON, and with a schema what keeps to it, alike in the engine and in calibration."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adaptive_model import AdaptiveModel
from engine.answer_json import is_json, parsed
from engine.bundle import read_manifest, write_manifest
from engine.errors import BundleError, InputError
from engine.generation.confidence import FEATURES
from engine.generation.decoding import Decoded
from engine.generation.json_schema import compiled_schema
from engine.generation.prompts import GenerationSettings
from engine.generation.validity import validity_of
from tasks.families.generation.decoders.greedy import GreedyDecoder
from tasks.families.generation.routing.phrases import Phrases
from tasks.families.generation.routing.trial import Answers, Trial
from tasks.recipe.target import Target
from tests.tiny_decoder import PREFIX, SUFFIX, TinyDecoders

CALLS = {
    "title": "a function call",
    "type": "object",
    "properties": {
        "function": {"enum": ["order", "find"]},
        "arguments": {
            "type": "object",
            "properties": {"amount": {"type": "integer"}, "what": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            "required": ["amount"],
            "additionalProperties": {"type": "array", "items": {"type": ["number", "boolean"]}},
        },
    },
    "required": ["function", "arguments"],
    "additionalProperties": False,
}
KNOWN = '{"function":"order","arguments":{"amount":3,"what":null,"sizes":[1,2.5,true]}}'
UNKNOWN_FUNCTION = KNOWN.replace("order", "orders")
TEXT = GenerationSettings(PREFIX, SUFFIX, 24)
JSON = replace(TEXT, answers="json")
WITH_SCHEMA = replace(JSON, schema=CALLS)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ('{"a":1}', True),
        (" [1, -2e5, null] ", True),
        ("{", False),
        ("", False),
        ("[" * 100_000, False),
        ('{"a":NaN}', False),
        ("[Infinity]", False),
        ('{"a":1,"b":{"c":1,"c":2}}', False),
        ("1e" + "9" * 30, False),
        ("\ufeff1", False),
    ],
)
def test_json_is_told_from_text_and_from_what_python_alone_takes_for_it(text: str, is_one: bool) -> None:
    assert is_json(text) is is_one
    assert validity_of(JSON)(text) is is_one
    assert validity_of(TEXT)(text)


@pytest.mark.parametrize(
    "answer",
    [
        UNKNOWN_FUNCTION,
        KNOWN.replace(":3", ":3.5"),
        KNOWN.replace(":3", ":true"),
        KNOWN.replace('"amount":3,', ""),
        KNOWN.replace("null", "7"),
        KNOWN.replace("2.5", '"2.5"'),
        KNOWN.replace('"function"', '"note":1,"function"'),
        KNOWN[:-1],
        "[]",
        "null",
    ],
)
def test_json_that_does_not_keep_to_the_schema_is_not_valid(answer: str) -> None:
    assert not validity_of(WITH_SCHEMA)(answer)
    assert validity_of(WITH_SCHEMA)(KNOWN)
    assert validity_of(WITH_SCHEMA)(KNOWN.replace(":3", ":3.0"))


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({}, ["1", "null", "{}"], []),
        ({"const": {"a": [1, True]}}, ['{"a":[1.0,true]}'], ['{"a":[1,1]}', '{"a":[1]}', "null"]),
        ({"enum": [1, "1", None]}, ["1.0", '"1"', "null"], ["true", '"null"', "0"]),
        ({"enum": [0.1]}, ["0.1", "0.10", "1e-1"], ["0.11"]),
        ({"type": "number"}, ["1", "1.5"], ["true", '"1"']),
        ({"type": "integer"}, ["1", "1.0", "1e3"], ["1.5", "true"]),
        ({"required": ["a"]}, ['{"a":1}', "[]"], ["{}"]),
        ({"items": False}, ["[]", "{}"], ["[1]"]),
        ({"properties": {"a": True, "b": False}}, ['{"a":1}', '{"c":1}'], ['{"b":1}']),
        ({"type": "object", "additionalProperties": False}, ["{}"], ['{"a":1}', "[]"]),
        ({"anyOf": [{"type": "string"}, {"const": 3}]}, ['"a"', "3"], ["4"]),
    ],
)
def test_each_keyword_means_what_the_standard_says(schema: object, good: list[str], bad: list[str]) -> None:
    keeps = compiled_schema(schema)
    assert [keeps(parsed(text)[0]) for text in good] == [True] * len(good)
    assert [keeps(parsed(text)[0]) for text in bad] == [False] * len(bad)


VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.5, "a", "b"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)
SCHEMAS = st.recursive(
    st.sampled_from([{"type": "string"}, {"type": ["integer", "null"]}, {"type": "number"}, True, False])
    | st.builds(lambda value: {"const": value}, VALUES)
    | st.builds(lambda values: {"enum": values}, st.lists(VALUES, min_size=1, max_size=3)),
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(lambda each: {"anyOf": each}, st.lists(inner, min_size=1, max_size=2))
        | st.builds(
            lambda named, others, names: {"properties": named, "additionalProperties": others, "required": names},
            st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            inner,
            st.lists(st.sampled_from("ab"), max_size=1),
        )
    ),
    max_leaves=5,
).map(lambda schema: schema if isinstance(schema, dict) else {"anyOf": [schema]})


@given(schema=SCHEMAS, value=VALUES)
def test_it_agrees_with_the_reference_implementation(schema: dict[str, object], value: object) -> None:
    reference = pytest.importorskip("jsonschema").Draft202012Validator(schema)
    assert compiled_schema(schema)(parsed(json.dumps(value))[0]) == reference.is_valid(value)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"pattern": "a"}, "schema: 'pattern' is not checked here; known: type, properties"),
        ({"properties": {"a": {"$ref": "#"}}}, "schema.properties.a: '$ref' is not checked here"),
        ({"items": [{}]}, "schema.items: a JSON schema is an object, not "),
        ({"type": "text"}, "schema.type: one or several of object, array"),
        ({"type": []}, "schema.type: "),
        ({"required": "a"}, "schema.required: a list is needed"),
        ({"required": [1]}, "schema.required: a list of names is needed"),
        ({"anyOf": []}, "schema.anyOf: at least one schema"),
        ({"properties": []}, "schema.properties: an object of schemas by name"),
        ({"enum": 3}, "schema.enum: a list is needed"),
        ([], "schema: a JSON schema is an object, not list"),
        ({"const": {1}}, "schema: not JSON"),
        ({"const": float("nan")}, "schema: not JSON"),
        ({"type": 1.5}, "schema.type: one or several of"),
    ],
)
def test_a_schema_that_cannot_be_checked_says_where(schema: object, message: str) -> None:
    with pytest.raises(InputError) as raised:
        compiled_schema(schema)
    assert str(raised.value).startswith(message)


def test_settings_are_kept_on_disk_and_those_without_a_schema_do_not_mention_one(tmp_path: Path) -> None:
    for settings in (JSON, WITH_SCHEMA):
        settings.save(tmp_path)
        assert GenerationSettings.load(tmp_path) == settings
        assert ("schema" in (tmp_path / "generation.json").read_text(encoding="utf-8")) is (settings is WITH_SCHEMA)


def test_calibration_and_engine_hold_the_same_answers_for_valid(tiny_decoders: TinyDecoders) -> None:
    path = GreedyDecoder.open(tiny_decoders.small, WITH_SCHEMA, Target(name="here"))
    trial = Trial.of({"small": path}, Phrases.none(), "json")
    texts = [KNOWN, UNKNOWN_FUNCTION, "no JSON"]
    answers = Answers([Decoded([1], [-0.1], ended=True)] * 3, texts, right=None)
    assert trial.features(answers)[:, FEATURES.index("valid")].tolist() == [1.0, 0.0, 0.0]
    engine = trial.model("small")
    assert [engine._valid(text) for text in texts] == [True, False, False]


def test_a_bundle_whose_answers_are_valid_by_its_schema_stops_earlier(
    tiny_generation_bundle: Path, tmp_path: Path
) -> None:
    """The stop score is told by `valid` alone: the small model's answers are not JSON, and so not valid."""
    document = json.loads((tiny_generation_bundle / "router.json").read_text(encoding="utf-8"))
    for rule in document["paths"]:
        rule["coefficients"] = {name: float(name == "valid") for name in FEATURES}
    for point in document["points"]:
        point["steps"] = [{**step, "stop": 0.5 if step["stop"] is not None else None} for step in point["steps"]]
    paths = {}
    for name, schema in (("text", None), ("none", CALLS)):
        folder = tmp_path / name
        shutil.copytree(tiny_generation_bundle, folder)
        (folder / "router.json").write_text(json.dumps(document), encoding="utf-8")
        replace(GenerationSettings.load(folder), schema=schema).save(folder)
        write_manifest(folder, read_manifest(folder))
        model = AdaptiveModel.load(folder, replay_golden=False)
        paths[name] = model.predict("order 1 coffee for Ada", operating_point="half")[0].path
    assert paths == {"text": "small", "none": "full"}


def test_a_bundle_with_a_schema_that_nobody_checks_is_not_loaded(tiny_generation_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_generation_bundle, folder)
    replace(GenerationSettings.load(folder), schema={"pattern": "a"}).save(folder)
    write_manifest(folder, read_manifest(folder))
    with pytest.raises(BundleError, match=r"generation\.json: schema: 'pattern' is not checked here"):
        AdaptiveModel.load(folder)
