"""Every JSON document of the project is strict: written without NaN, read without it, by one pair of functions."""

import ast
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import strict_json
from tasks.artifact import Record

PROJECT = Path(__file__).parents[2]
ROOMS = ("engine", "tasks", "registry", "flows", "infra")
READS_OTHERS = {
    "engine/generation/json_schema.py": "compares what it is given as JSON",
    "engine/generation/token_bytes.py": "a tokenizer's own state",
    "flows/inbox/unfinished.py": "whether a line of a person's file is whole",
    "flows/servers/health.py": "a server's answer",
    "registry/blessing_child.py": "stands alone, with a model's own code",
    "tasks/base_models/tokenizer.py": "transformers' files",
    "tasks/benchmark/load_log.py": "LoadGen's logs",
    "tasks/labels.py": "a label as a person wrote it",
    "tasks/data/readers.py": "rows as a person wrote them",
    "tasks/families/generation/check_rows.py": "transformers' files, some of which hold Infinity",
    "tasks/families/generation/export.py": "the builder's configuration",
    "tasks/families/generation/decoders/head_padding.py": "transformers' files",
    "tasks/families/generation/precision/search.py": "transformers' files",
    "tasks/families/generation/rows/special_tokens.py": "a tokenizer's file",
    "tasks/families/classification/encoder/training.py": "transformers' files",
    "tasks/families/classification/encoder/shape.py": "transformers' files",
    "tasks/base_models/weight_files.py": "safetensors' headers and indexes",
}
"""Modules that read what is not the project's own with Python's reader, and what that is."""


class Figures(Record):
    value: float
    others: tuple[float, ...] = ()
    bound: float | None = None


def strictly(text: str) -> object:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in {text}")

    return json.loads(text, parse_constant=refuse)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8))
def test_what_is_written_is_strict_and_what_holds_a_nan_is_refused(value: object) -> None:
    finite = "NaN" not in (said := json.dumps([value])) and "Infinity" not in said
    if finite or _in_a_text(value):
        written = strict_json.dumps(value)
        strictly(written)
        assert strict_json.loads(written) == value
    else:
        with pytest.raises(ValueError):
            strict_json.dumps(value)


def _in_a_text(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_in_a_text, value))
    return not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}', "1e999", "[1, -1e400]", "nul", ""])
def test_what_is_not_strict_is_not_read(text: str) -> None:
    with pytest.raises(ValueError):
        strict_json.loads(text)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.5])
def test_a_record_with_a_nan_is_strict_json_and_keeps_it(value: float) -> None:
    record = Figures(value=value, others=(value, 1.0), bound=value)
    strictly(record.model_dump_json())
    strictly(strict_json.dumps(record.as_json()))
    found = Figures.model_validate_json(record.model_dump_json())
    assert repr(found) == repr(record)


def test_half_a_surrogate_pair_can_be_written() -> None:
    assert strict_json.loads(strict_json.dumps(["\ud800"], ascii_only=True).encode()) == ["\ud800"]


def calls(file: Path, *names: str) -> list[ast.Call]:
    """Calls of `json`'s functions of these names."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) in {("json", name) for name in names}
    ]


def sources() -> list[Path]:
    return [file for room in ROOMS for file in sorted((PROJECT / room).rglob("*.py"))]


def test_nothing_is_written_that_could_hold_a_nan() -> None:
    """Nor by a command that is still to come: `--json` prints what these functions write."""
    loose = [
        file.relative_to(PROJECT).as_posix()
        for file in sources()
        for call in calls(file, "dumps", "dump")
        if file.name != "strict_json.py"
        and not any(key.arg == "allow_nan" for key in call.keywords)
        and not any(key.arg == "default" and ast.unparse(key.value) == "str" for key in call.keywords)  # for a message
    ]
    assert loose == [
        "tasks/families/generation/decoders/head_padding.py"
    ]  # a configuration of transformers, as it was read


def test_only_what_others_wrote_is_read_with_pythons_reader() -> None:
    found = {file.relative_to(PROJECT).as_posix() for file in sources() if calls(file, "loads", "load")}
    assert found - {"engine/strict_json.py"} <= READS_OTHERS.keys()
