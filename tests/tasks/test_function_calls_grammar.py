"""The data of the text-generation quickstart: requests whose calls can be derived from them, and from them alone."""

import calendar
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engine.digests import folder_files
from tasks.data.duplicates import count_leaking_rows, same_text_key, without_duplicates
from tasks.data.rows import Row
from tasks.example_data import HELD_BACK, write_grammar
from tasks.example_data.function_calls import (
    FUNCTIONS,
    HELD_BACK_FUNCTIONS,
    NAME,
    REFUSED,
    SIZES,
    call_schema,
    generate,
    generate_calls,
)
from tasks.example_data.function_calls.function import call
from tasks.example_data.function_calls.phrases import SHORT_FRAMES
from tasks.example_data.function_calls.requests import Speaker
from tasks.example_data.function_calls.values import copied

PARTS = ("train", "validation", "test")
Rows = dict[str, list[dict[str, str]]]
BY_NAME = {function.name: function for function in (*FUNCTIONS, *HELD_BACK_FUNCTIONS)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of seed 0."""
    folder = tmp_path_factory.mktemp("calls")
    write_grammar(NAME, 0, folder)
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> Rows:
    return {part: [json.loads(line) for line in (folder / f"{part}.jsonl").open(encoding="utf-8")] for part in SIZES}


def every(rows: Rows) -> Iterator[dict[str, str]]:
    for part in rows.values():
        yield from part


def served(rows: Rows) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Prompt, function and arguments of the requests that a function serves."""
    for row in every(rows):
        if row["domain"] != REFUSED:
            answer = json.loads(row["completion"])
            yield row["prompt"], answer["function"], answer["arguments"]


def texts(argument: Any) -> Iterator[str]:
    if isinstance(argument, str):
        yield argument
    elif isinstance(argument, dict | list):
        for part in argument.values() if isinstance(argument, dict) else argument:
            yield from texts(part)


# ---------------------------------------------------------------- the files


def test_bytes_do_not_depend_on_the_process(folder: Path, tmp_path: Path) -> None:
    code = "import sys, pathlib, tasks.example_data as g; g.write_grammar(sys.argv[1], 0, pathlib.Path(sys.argv[2]))"
    environment = {**os.environ, "PYTHONHASHSEED": "20251" if os.environ.get("PYTHONHASHSEED") != "20251" else "1"}
    subprocess.run([sys.executable, "-c", code, NAME, str(tmp_path)], env=environment, check=True, timeout=120)
    assert folder_files(tmp_path) == folder_files(folder)


def test_another_seed_gives_other_rows() -> None:
    first, again, other = (generate_calls(seed, {"train": 300})["train"] for seed in (0, 0, 1))
    assert first == again
    assert not {row.prompt for row in first} & {row.prompt for row in other}


def test_every_part_has_its_file_and_its_number_of_rows(folder: Path, rows: Rows) -> None:
    assert set(folder_files(folder)) == {f"{part}.jsonl" for part in SIZES}
    assert {part: len(lines) for part, lines in rows.items()} == dict(SIZES)


def test_rows_have_prompt_completion_and_domain(rows: Rows) -> None:
    for row in every(rows):
        assert list(row) == ["prompt", "completion", "domain"]
        assert row["prompt"].strip() == row["prompt"]
        assert not re.search(r"[\[\]{}|\ue000-\uf8ff]", row["prompt"]), "a template shows through"


# ---------------------------------------------------------------- the calls


def test_every_completion_matches_the_schema_of_its_function(rows: Rows) -> None:
    validators = {name: Draft202012Validator(function.schema()) for name, function in BY_NAME.items()}
    for prompt, name, arguments in served(rows):
        assert not list(validators[name].iter_errors(arguments)), prompt


def test_the_schema_of_all_calls_takes_the_completions_and_nothing_else(rows: Rows) -> None:
    schema = call_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert all(validator.is_valid(json.loads(row["completion"])) for row in rows["test"][:300])
    timer = {"function": "start_timer", "arguments": {"duration": {"minutes": 5}}}
    assert validator.is_valid(timer)
    assert not validator.is_valid({**timer, "function": "stop_timer"})
    assert not validator.is_valid({**timer, "arguments": {}})
    assert not validator.is_valid({**timer, "arguments": {"duration": {"minutes": "5"}}})
    assert not validator.is_valid({**timer, "note": ""})


def test_every_completion_is_in_the_canonical_writing(rows: Rows) -> None:
    for row in every(rows):
        answer = json.loads(row["completion"])
        assert list(answer) == ["function", "arguments"]
        assert call(answer["function"], answer["arguments"]) == row["completion"]
    for _, name, arguments in served(rows):
        places = [list(BY_NAME[name].parameters).index(argument) for argument in arguments]
        assert places == sorted(places)


def test_every_argument_is_copied_from_its_request_or_made_by_a_listed_rule(rows: Rows) -> None:
    for prompt, _, arguments in served(rows):
        made = by_rule(prompt)
        for text in texts(arguments):
            assert text in prompt or text in made, (prompt, text)


def test_every_number_stands_in_its_request(rows: Rows) -> None:
    words = ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    for prompt, _, arguments in served(rows):
        said = [float(figure.replace(",", "")) for figure in re.findall(r"\d+(?:,\d{3})*(?:\.\d\d)?", prompt)]
        said += [number for number, word in enumerate(words) if number and re.search(rf"\b{word}\b", prompt, re.I)]
        said += [30] * ("half an hour" in prompt.lower()) + [60] * bool(re.search(r"\b(an|one) hour", prompt, re.I))
        said += [120] * ("two hours" in prompt.lower()) + [1] * bool(re.search(r"\ban? ", prompt, re.I))
        assert set(numbers(arguments)) <= set(said), prompt


def numbers(argument: Any) -> Iterator[float]:
    if isinstance(argument, int | float):
        yield float(argument)
    elif isinstance(argument, dict | list):
        for part in argument.values() if isinstance(argument, dict) else argument:
            yield from numbers(part)


MONTHS = list(calendar.month_name)[1:]
CURRENCIES = {
    **{"dollars": "USD", "$": "USD", "euros": "EUR", "€": "EUR", "pounds": "GBP", "£": "GBP", "yen": "JPY", "¥": "JPY"},
    **{"francs": "CHF", "rupees": "INR", "zloty": "PLN", "pesos": "MXN", "kronor": "SEK", "lira": "TRY"},
}
LANGUAGES = {
    **{"arabic": "ar", "chinese": "zh", "dutch": "nl", "finnish": "fi", "french": "fr", "german": "de", "greek": "el"},
    **{"hindi": "hi", "italian": "it", "japanese": "ja", "korean": "ko", "polish": "pl", "portuguese": "pt"},
    **{"spanish": "es", "swedish": "sv", "turkish": "tr"},
}
MODES = {
    "on foot": "walk",
    "walking": "walk",
    "by car": "drive",
    "by bike": "cycle",
    "by bus": "bus",
    "by train": "train",
}


def by_rule(prompt: str) -> set[str]:
    """All that a rule can make of anything in the request; written apart from the grammar's own rules."""
    text = prompt.lower()
    made = {"12:00"} if "noon" in text else set()
    for hour, minute, half in re.findall(r"\bat (\d{1,2})(?::(\d\d))? ?(am|pm)?\b", text):
        of_day = int(hour) % 12 + 12 * (half == "pm") if half else int(hour)
        made.add(f"{of_day:02}:{minute or '00'}")
    for number, month in enumerate(MONTHS, 1):
        for before, after in re.findall(rf"(?:(\d+)(?:st|nd|rd|th)?(?: of)? )?{month.lower()}\b(?: (\d+))?", text):
            made |= {f"{number:02}-{int(day):02}" for day in (before, after) if day}
    made |= {code for word, code in CURRENCIES.items() if word in text}
    made |= {code for code in CURRENCIES.values() if code.lower() in text}
    made |= {code for word, code in LANGUAGES.items() if word in text}
    made |= {mode for word, mode in MODES.items() if word in text}
    return made | set(re.findall(r"\b(?:(?:this|next) )?[a-z]+day\b", text))


def test_required_arguments_are_there_and_refusals_name_one(rows: Rows) -> None:
    for _, name, arguments in served(rows):
        assert set(BY_NAME[name].required) <= set(arguments)
    for function in FUNCTIONS:
        assert set(function.incomplete) <= set(function.required)


# ---------------------------------------------------------------- what is in the parts


def kind(completion: str) -> str:
    """The function, or the whole refusal."""
    answer = json.loads(completion)
    return completion if answer["function"] == "none" else answer["function"]


def test_every_function_and_every_refusal_is_in_every_part(rows: Rows) -> None:
    assert len(FUNCTIONS) >= 15
    missing = {name for function in FUNCTIONS for name in function.incomplete}
    refusals = {call("none", {"reason": "incomplete", "missing": name}) for name in missing}
    expected = {*(function.name for function in FUNCTIONS), *refusals, call("none", {"reason": "unsupported"})}
    for part in PARTS:
        assert {kind(row["completion"]) for row in rows[part]} == expected


def test_held_back_functions_are_in_no_other_part(rows: Rows) -> None:
    held_back = {json.loads(row["completion"])["function"] for row in rows[HELD_BACK]}
    assert held_back == {*(function.name for function in HELD_BACK_FUNCTIONS), "none"}
    assert not {function.domain for function in HELD_BACK_FUNCTIONS} & {function.domain for function in FUNCTIONS}
    assert not {row["prompt"] for row in rows[HELD_BACK]} & {row["prompt"] for part in PARTS for row in rows[part]}


def test_functions_are_balanced_and_refusals_are_an_eighth(rows: Rows) -> None:
    for part in (rows[part] for part in PARTS):
        counts = Counter(json.loads(row["completion"])["function"] for row in part)
        refused = counts.pop("none")
        assert refused == pytest.approx(0.12 * len(part), abs=2)
        assert max(counts.values()) - min(counts.values()) <= 1
        assert {row["domain"] for row in part} == {*(function.domain for function in FUNCTIONS), REFUSED}


def test_a_domain_is_that_of_its_function(rows: Rows) -> None:
    for row in every(rows):
        name = json.loads(row["completion"])["function"]
        assert row["domain"] == (REFUSED if name == "none" else BY_NAME[name].domain)


def test_about_half_of_the_calls_have_few_arguments_and_many_are_nested(rows: Rows) -> None:
    calls = [arguments for _, _, arguments in served(rows)]
    few = sum(len(arguments) <= 2 for arguments in calls)
    nested = sum(any(isinstance(value, dict | list) for value in arguments.values()) for arguments in calls)
    assert 0.45 <= few / len(calls) <= 0.6
    assert nested / len(calls) >= 0.2


def test_the_test_part_asks_what_training_asks(rows: Rows) -> None:
    """Keeping the calls apart may not leave training without the simple ones."""
    shares = {}
    for part in ("train", "test"):
        shapes = Counter((name, tuple(arguments)) for _, name, arguments in served({part: rows[part]}))
        shares[part] = {shape: count / shapes.total() * len(FUNCTIONS) for shape, count in shapes.items()}
    assert shares["train"] == pytest.approx(shares["test"], abs=0.15)


def test_requests_and_calls_are_short(rows: Rows) -> None:
    assert median(len(row["prompt"].split()) for row in every(rows)) < 25
    assert median(len(row["completion"]) for row in every(rows)) < 120


def test_people_type_as_people_do(rows: Rows) -> None:
    prompts = [row["prompt"] for row in every(rows)]
    assert 0.3 <= sum(prompt == prompt.lower() for prompt in prompts) / len(prompts) <= 0.6
    assert len({same_text_key(prompt) for prompt in prompts}) == len(prompts)


# ---------------------------------------------------------------- the parts are apart


def test_no_call_of_the_test_or_the_validation_part_is_in_another(rows: Rows) -> None:
    parts = defaultdict(set)
    for part, lines in rows.items():
        for row in lines:
            if row["domain"] != REFUSED:
                parts[row["completion"]].add(part)
    assert all(len(names) == 1 for names in parts.values())


def test_most_test_calls_hold_a_text_that_training_never_showed(rows: Rows) -> None:
    seen = {text for _, _, arguments in served({"train": rows["train"]}) for text in texts(arguments)}
    calls = [arguments for _, _, arguments in served({"test": rows["test"]}) if any(True for _ in texts(arguments))]
    assert sum(any(text not in seen for text in texts(arguments)) for arguments in calls) / len(calls) > 0.5


def test_no_row_would_leave_the_snapshot_as_a_duplicate_or_a_leak(rows: Rows) -> None:
    """By the snapshot's own measure, the completion in the place of the label."""
    train, validation, test = (
        [Row(row["prompt"], row["completion"], row["domain"]) for row in rows[part]]
        for part in ("train", "validation", "test")
    )
    assert all(len(without_duplicates(part)) == len(part) for part in (train, validation, test))
    assert count_leaking_rows({"train": train, "tune": validation, "certify": [], "gate": test}, similarity=0.9) == 0


# ---------------------------------------------------------------- a grammar with a mistake in it


def narrowed(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    function = replace(BY_NAME["track_order"], incomplete={}, **changes)
    monkeypatch.setattr(generate, "FUNCTIONS", (function,))
    monkeypatch.setattr(generate, "_INCOMPLETE_SHARE", 0)


def test_a_template_that_forgets_a_required_parameter_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    narrowed(monkeypatch, short=("{do} track my order",))
    with pytest.raises(RuntimeError, match=r"track_order: the request .* lacks order"):
        generate_calls(0, {"train": 10})


def test_a_grammar_that_says_too_little_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    order = replace(BY_NAME["track_order"].parameters["order"], draw=copied("12"))
    narrowed(monkeypatch, parameters={"order": order}, short=("track {order}",), long=("where is {order}",))
    with pytest.raises(RuntimeError, match="too narrow"):
        generate_calls(0, {"test": 1, "train": 10})


def test_a_template_with_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"function 'x' refers to unknown rules: ordre"):
        Speaker(("track {ordre}",), SHORT_FRAMES, {"order": copied("A1")}, user="function 'x'")
