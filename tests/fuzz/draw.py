"""Draws cases: number `k` of a seed is the same at any time, whatever cases were drawn before it."""

import random
from collections.abc import Mapping
from typing import Any, Final

from tests.fuzz.decoders import DECODERS
from tests.fuzz.drawn import Depth, Drawn, Family, Oddity, draw_rows, write_rows
from tests.fuzz.encoders import ENCODERS
from tests.fuzz.odd_fields import odd_field
from tests.fuzz.odd_files import ODD_FILES
from tests.fuzz.odd_rows import ODD_ROWS
from tests.fuzz.odd_yaml import ODD_YAML, written

_FAMILIES: Final[tuple[Family, ...]] = ("text-classification", "text-generation")
_PLACES: Final = ("nothing", "rows", "file", "base", "field", "yaml")
_WEIGHTS: Final[Mapping[Depth, tuple[int, ...]]] = {
    "prepared": (8, 22, 22, 14, 22, 12),
    "probed": (25, 25, 10, 40, 0, 0),
    "full": (55, 25, 5, 15, 0, 0),
}
"""How often the oddity of a case is in which of the places; values of fields would make training long."""
_SMALL: Final[dict[Family, dict[str, Any]]] = {
    "text-classification": {
        "fine_tune": {"epochs": 1, "learning_rate": 3e-3, "max_length": 32},
        "prune": {"enabled": False},
        "lexical": {"min_steps": 40, "epochs": 2},
        "quantize": {"calibration_rows": 16, "max_accuracy_loss": 0.2},
    },
    "text-generation": {
        "fine_tune": {"epochs": 1, "max_length": 96},
        "distil": {"enabled": False},
        "quantize": {"candidates": [{"weights": "int8"}], "max_accuracy_loss": 0.3},
        "generation": {"max_new_tokens": 48},
    },
}


def draw(seed: int, number: int, depth: Depth) -> Drawn:
    """The case; its `files` and `yaml` are what goes into its folder."""
    chance = random.Random(f"{seed}:{number}")
    case = Drawn(number, chance, chance.choice(_FAMILIES), depth)
    place = chance.choices(_PLACES, _WEIGHTS[depth])[0]
    if place == "base" and depth == "prepared":
        case.depth = "probed"  # a classifier's base is opened by its training
    _draw_recipe(case)
    draw_rows(case)
    if depth == "full":
        _vary(case)
    _choose_base(case, odd=place == "base")
    if place == "field":
        odd_field(case)
    for name, oddities in (("rows", ODD_ROWS), ("file", ODD_FILES), ("yaml", ODD_YAML)):
        if place == name:
            _apply(case, *chance.choice(list(oddities.items())))
    write_rows(case)
    if case.yaml is None:
        case.yaml = written(case.recipe).encode("utf-8", "surrogatepass")
    return case


def _draw_recipe(case: Drawn) -> None:
    case.recipe = {
        "name": "fuzz",
        "task": case.family,
        "data": {},
        **{section: dict(fields) for section, fields in _SMALL[case.family].items()},
        "router": {"max_accuracy_loss": 0.05, "operating_points": [0.05], "if_infeasible": "reference"},
        "benchmark": {"queries": 60, "interleaved_repeats": 3, "retries": 0},
        "targets": ["local-cpu"],
        "gates": {"accuracy": 0.1},
        "seed": case.chance.randrange(100),
    }


def _choose_base(case: Drawn, *, odd: bool) -> None:
    """A base that is fine, or any of those that are not known to be."""
    bases = ENCODERS if case.classes else DECODERS
    case.base = case.chance.choice([name for name, base in bases.items() if (base.expected != "fine") == odd])
    if not case.classes and not odd and case.chance.random() < 0.4:
        case.base = ""
        case.recipe["init"] = {"layers": 2, "width": 64, "heads": 4, "ffn_width": 96, "vocabulary": 512, "context": 96}
        case.oddities.append("init")
        return
    case.recipe["base_model"] = f"../../bases/{case.family}/{case.base}"
    case.oddities.append(case.base)
    case.expected, case.names = bases[case.base].expected, bases[case.base].names


def _apply(case: Drawn, name: str, oddity: Oddity) -> None:
    oddity.apply(case)
    case.oddities.append(name)
    case.expected, case.names = oddity.expected, oddity.names


def _vary(case: Drawn) -> None:
    """Other steps, gates and ways than the smallest ones."""
    chance, recipe = case.chance, case.recipe
    recipe["promotion"] = {"mode": chance.choice(["auto", "review"])}
    recipe["router"]["operating_points"] = chance.choice([[], [0.05], [0.02, 0.05, 0.2]])
    recipe["router"]["if_infeasible"] = chance.choice(["error", "reference"])
    recipe["gates"] = chance.choice(
        [
            {},
            {"accuracy": 0.1},
            {"accuracy": 1.0},
            {"latency_p99_ms": 1000},
            {"size_mb": 0.001},
            {"throughput_qps": 1e6},
        ]
    )
    if case.classes:
        recipe["prune"] = {"enabled": chance.random() < 0.3, "importance_rows": 32, "max_accuracy_loss": 0.5}
        recipe["lexical"]["enabled"] = chance.random() < 0.7
        recipe["quantize"]["techniques"] = chance.choice([[], ["dynamic-int8"], ["dynamic-int8", "static-int8"]])
        recipe["fine_tune"] |= chance.choice([{}, {"exits": []}, {"exits": [1]}, {"seeds": [1, 2]}, {"epochs": 3}])
    else:
        recipe["distil"] = {"enabled": chance.random() < 0.5, "layers": 1, "epochs": 1}
        recipe["prune"] = {"enabled": chance.random() < 0.3, "layers": 1, "importance_rows": 32}
        recipe["fine_tune"] |= chance.choice([{}, {"epochs": 3}, {"swapped_rows": 0.5}])
