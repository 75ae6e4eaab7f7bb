"""Recipes whose text is odd, and overrides as people type them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import yaml

from tests.fuzz.drawn import Drawn, Oddity


def written(recipe: Mapping[str, Any]) -> str:
    """A recipe as YAML."""
    return yaml.safe_dump(dict(recipe), allow_unicode=True, sort_keys=False)


def _text(change: Callable[[str], str], encoding: str = "utf-8") -> Callable[[Drawn], None]:
    def apply(case: Drawn) -> None:
        case.yaml = change(written(case.recipe)).encode(encoding, "surrogatepass")

    return apply


def _without(name: str) -> Callable[[Drawn], None]:
    return lambda case: case.recipe.pop(name, None)


def _with(name: str, value: object) -> Callable[[Drawn], None]:
    return lambda case: case.recipe.__setitem__(name, value)


def _override(*overrides: str) -> Callable[[Drawn], None]:
    return lambda case: case.overrides.extend(overrides)


def _file(name: str) -> Callable[[Drawn], None]:
    return lambda case: setattr(case, "recipe_file", name)


def _target(content: bytes, name: str = "mine") -> Callable[[Drawn], None]:
    def apply(case: Drawn) -> None:
        case.recipe["targets"] = [name]
        case.files[f"targets/{name}.yaml"] = content

    return apply


_YAML: Final = ("recipe",)

ODD_YAML: Final[Mapping[str, Oddity]] = {
    "an empty recipe": Oddity(_text(lambda text: ""), "error", _YAML),
    "a recipe of comments": Oddity(_text(lambda text: "# nothing\n---\n"), "error", _YAML),
    "a recipe that is a list": Oddity(_text(lambda text: "- a\n- b\n"), "error", _YAML),
    "a recipe that is a word": Oddity(_text(lambda text: "hello"), "error", _YAML),
    "a recipe in JSON": Oddity(lambda case: setattr(case, "yaml", _json(case)), "fine"),
    "tabs": Oddity(_text(lambda text: text.replace("  ", "\t")), "either", _YAML),
    "a key twice": Oddity(_text(lambda text: text + "name: other\n"), "error", ("twice",)),
    "anchors": Oddity(_text(lambda text: text.replace("name:", "name: &a") + "other: *a\n"), "error", ("anchors",)),
    "a merge key": Oddity(_text(lambda text: text + "<<: {seed: 1}\n"), "error", ("<<", "unknown")),
    "a tag": Oddity(_text(lambda text: text + "code: !!python/object:os.system x\n"), "error", ("tag",)),
    "two documents": Oddity(_text(lambda text: text + "---\nname: b\n"), "error", _YAML),
    "a mark": Oddity(_text(lambda text: "\ufeff" + text), "fine", _YAML),
    "CRLF": Oddity(_text(lambda text: text.replace("\n", "\r\n")), "fine", _YAML),
    "UTF-16": Oddity(_text(lambda text: text, "utf-16"), "error", ("UTF-8",)),
    "Latin-1": Oddity(_text(lambda text: text + "# é", "latin-1"), "error", ("UTF-8",)),
    "NUL": Oddity(_text(lambda text: text + "\0"), "error", _YAML),
    "bell": Oddity(_text(lambda text: text + "# \a"), "error", _YAML),
    "half a surrogate": Oddity(_text(lambda text: text + "# \ud800"), "error", _YAML),
    "escaped half a surrogate": Oddity(_text(lambda text: text + 'seed: "\\ud800"'), "error", ("seed",)),
    "nested deeply": Oddity(_text(lambda text: text + "x: " + "[" * 3000 + "]" * 3000), "error", _YAML),
    "a large recipe": Oddity(_text(lambda text: text + "#" * (1 << 20)), "error", ("1 MiB",)),
    "cut off": Oddity(_text(lambda text: text[: len(text) // 2] + ' "'), "error", ("recipe",)),
    "whole numbers as keys": Oddity(_text(lambda text: text + "1: 2\n"), "error", ("not text",)),
    "a key that is a list": Oddity(_text(lambda text: text + "? [a]\n: 2\n"), "error", ("not text",)),
    "a word instead of a section": Oddity(_text(lambda text: text + "promotion: auto\n"), "error", ("promotion",)),
    "a section without content": Oddity(_text(lambda text: text + "promotion:\n"), "error", ("promotion",)),
    "no name": Oddity(_without("name"), "error", ("name",)),
    "no task": Oddity(_without("task"), "error", ("task",)),
    "no data": Oddity(_without("data"), "error", ("data",)),
    "no targets": Oddity(_without("targets"), "error", ("targets",)),
    "another task": Oddity(_with("task", "translation"), "error", ("task",)),
    "a task that is a list": Oddity(_with("task", ["text-classification"]), "error", ("task",)),
    "a name with a slash": Oddity(_with("name", "a/b"), "error", ("name",)),
    "a name with a line break": Oddity(_with("name", "ab\n"), "error", ("name",)),
    "a name that is a number": Oddity(_with("name", 2024), "error", ("name",)),
    "a name of dots": Oddity(_with("name", ".."), "error", ("name",)),
    "a name of a hundred letters": Oddity(_with("name", "n" * 100), "fine"),
    "a name that ends in a dot": Oddity(_with("name", "a."), "either", ("name",)),
    "an unknown target": Oddity(_with("targets", ["moon"]), "error", ("moon",)),
    "no target": Oddity(_with("targets", []), "error", ("targets",)),
    "a target twice": Oddity(_with("targets", ["local-cpu", "local-cpu"]), "fine"),
    "a target's path": Oddity(_with("targets", ["../local-cpu"]), "error", ("targets",)),
    "a target with an empty file": Oddity(_target(b""), "error", ("mine.yaml",)),
    "a target of another name": Oddity(_target(b"name: yours\n"), "error", ("name",)),
    "a target of many threads": Oddity(_target(b"name: mine\nthreads: 256\n"), "either", ("threads", "mine")),
    "a target of no such CPU": Oddity(_target(b"name: mine\ncpus: [4096]\n"), "error", ("cpus", "mine")),
    "a target of no CPU": Oddity(_target(b"name: mine\ncpus: []\n"), "error", ("cpus", "mine")),
    "a target of a GPU": Oddity(
        _target(b"name: mine\nexecution_provider: CUDAExecutionProvider\n"), "either", ("mine", "CUDA")
    ),
    "a target with a pool": Oddity(_target(b"name: mine\nwork_pool: gpus\n"), "error", ("fingerprint",)),
    "a target of another machine": Oddity(
        _target(b"name: mine\nfingerprint: {cpu: Other, instruction_set: [sse], cores: 3}\n"),
        "error",
        ("mine", "fingerprint"),
    ),
    "a target's unknown point": Oddity(_target(b"name: mine\noperating_point: 0.123\n"), "error", ("operating_point",)),
    "no such base": Oddity(_with("base_model", "./nothing-here"), "error", ("base_model",)),
    "a base of the hub": Oddity(_with("base_model", "owner/name-that-is-none"), "error", ("base_model",)),
    "a base that is a file": Oddity(_with("base_model", "recipe.yaml"), "error", ("base_model",)),
    "a base with NUL": Oddity(_with("base_model", "a\0b"), "error", ("base_model",)),
    "an endless base": Oddity(_with("base_model", "x" * 300), "error", ("base_model",)),
    "a base of nobody": Oddity(_with("base_model", "~nobody_here/base"), "error", ("base_model",)),
    "no such recipe": Oddity(_file("missing.yaml"), "error", ("missing.yaml",)),
    "a folder as the recipe": Oddity(_file("."), "error", ("folder",)),
    "a recipe's name with NUL": Oddity(_file("a\0b.yaml"), "error", ("a",)),
    "an endless recipe's name": Oddity(_file("y" * 300), "error", ("y",)),
    "an override without a value": Oddity(_override("seed"), "error", ("--set",)),
    "an empty override": Oddity(_override(""), "error", ("--set",)),
    "an override of nothing": Oddity(_override("=1"), "error", ("--set",)),
    "an override with an empty part": Oddity(_override("data..train=x"), "error", ("--set",)),
    "an override of an unknown field": Oddity(_override("fine_tune.epoch=1"), "error", ("epochs",)),
    "an override below a value": Oddity(_override("fine_tune.epochs.deep=1"), "error", ("fine_tune",)),
    "an override of a list's entry": Oddity(_override("targets[0]=local-cpu"), "error", ("list",)),
    "an override of broken YAML": Oddity(_override("seed=[1"), "error", ("seed",)),
    "an override with an alias": Oddity(_override("seed=*a"), "error", ("seed",)),
    "an override of a section by null": Oddity(_override("router="), "error", ("router",)),
    "an override of a section by nothing": Oddity(_override("gates={}"), "fine"),
    "an override by text": Oddity(_override("seed=many"), "error", ("seed",)),
    "an override by a large number": Oddity(_override("seed=1" + "0" * 5000), "error", ("seed",)),
    "an override by a number": Oddity(_override("seed=7", "router.confidence=0.9"), "fine"),
    "an override of the task": Oddity(_override("task=chess"), "error", ("task",)),
    "an override of the name": Oddity(_override("name=other.name-1"), "fine"),
    "an override with spaces": Oddity(_override(" seed = 3 "), "fine"),
    "an override of data": Oddity(_override("data.train=nothing.jsonl"), "error", ("data.train", "nothing.jsonl")),
}


def _json(case: Drawn) -> bytes:
    import json

    return json.dumps(case.recipe).encode()
