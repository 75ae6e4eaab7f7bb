"""The search of int4's settings: steps from the fast end along one axis at a time, and only settings that can be built."""

import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.generation.decoder import Decoder
from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.families.generation.decoders.building import DecoderBuild, DecoderBuilder
from tasks.families.generation.precision.search import AXES, Matrices, search
from tests.tiny_decoder import TinyDecoders

FAST_END = DecoderPrecision(weights="int4", block_size=256)


@dataclass(frozen=True)
class Seen:
    fast: bool
    accurate: bool
    time: float
    perplexity: float


def places(precision: DecoderPrecision) -> list[int]:
    """How far each axis is from its fast end."""
    return [AXES[axis].index(getattr(precision, axis)) for axis in AXES]


class Model:
    """Each step along an axis lowers the perplexity from 2 and takes time from 0.5, by as much as is said of the axis."""

    def __init__(self, gain: dict[str, float], price: dict[str, float], *, needs: float) -> None:
        self.gain, self.price, self.needs = gain, price, needs
        self.asked: list[DecoderPrecision] = []

    def __call__(self, precision: DecoderPrecision) -> Seen:
        self.asked.append(precision)
        steps = dict(zip(AXES, places(precision), strict=True))
        perplexity = 2 - sum(self.gain[axis] * count for axis, count in steps.items())
        time = 0.5 + sum(self.price[axis] * count for axis, count in steps.items())
        return Seen(time < 1, perplexity <= self.needs, time, perplexity)


def usual(needs: float) -> Model:
    gain = {"method": 0.1, "block_size": 0.1, "head": 0.02, "accuracy_level": 0.0}
    return Model(gain, {"method": 0.01, "block_size": 0.05, "head": 0.05, "accuracy_level": 0.3}, needs=needs)


def test_a_fast_end_that_keeps_the_limits_is_all_that_is_tried() -> None:
    model = usual(needs=2.0)
    assert list(search(FAST_END, model, builds=8)) == [FAST_END]


def test_a_fast_end_that_is_not_fast_ends_the_search() -> None:
    model = usual(needs=1.0)
    model.price = dict.fromkeys(AXES, 0.1)

    def slow(precision: DecoderPrecision) -> Seen:
        return Seen(False, False, 1.2, model(precision).perplexity)

    assert list(search(FAST_END, slow, builds=8)) == [FAST_END]


def test_steps_are_cheapest_first_and_one_axis_at_a_time() -> None:
    model = usual(needs=1.75)
    tried = search(FAST_END, model, builds=8)
    names = [precision.name for precision in list(tried)[:4]]
    assert names == [
        "int4-block256-level4",
        "int4-block256-level4-kquant",
        "int4-block128-level4-kquant",
        "int4-block64-level4-kquant",
    ]
    kept = [precision for precision, each in tried.items() if each.accurate]
    assert kept == [DecoderPrecision(weights="int4", block_size=64, method="k_quant")]
    for one, other in zip(model.asked[:3], model.asked[1:4], strict=True):
        assert sum(abs(a - b) for a, b in zip(places(one), places(other), strict=True)) == 1


def test_what_was_not_needed_is_taken_back() -> None:
    """The last step overshoots: with it, an earlier one is not needed any more."""
    model = usual(needs=1.70)
    model.gain = {"method": 0.05, "block_size": 0.3, "head": 0.0, "accuracy_level": 0.0}
    tried = search(FAST_END, model, builds=8)
    best = min((precision for precision, each in tried.items() if each.accurate), key=lambda each: tried[each].time)
    assert best == DecoderPrecision(weights="int4", block_size=128)


def test_an_axis_that_does_not_help_is_left() -> None:
    model = usual(needs=1.65)
    model.gain["method"] = -0.1
    tried = search(FAST_END, model, builds=20)
    assert sum(precision.method == "k_quant" for precision in model.asked) == 1
    assert any(each.accurate for each in tried.values())


@pytest.mark.parametrize("builds", [0, 1, 3])
def test_no_more_is_built_than_allowed(builds: int) -> None:
    model = usual(needs=0.0)
    assert len(search(FAST_END, model, builds=builds)) == len(model.asked) == builds


def test_what_cannot_be_built_is_gone_around() -> None:
    model = usual(needs=1.9)
    tried = search(FAST_END, lambda each: None if each.method == "k_quant" else model(each), builds=8)
    assert all(precision.method == "default" for precision in tried)
    assert any(each.accurate for each in tried.values())


def test_what_is_not_possible_is_never_asked_for() -> None:
    model = usual(needs=1.5)
    search(FAST_END, model, builds=20, possible=lambda each: each.method == "default", axes=("method", "block_size"))
    assert {(each.method, each.head, each.accuracy_level) for each in model.asked} == {("default", "same", 4)}


@given(
    gains=st.lists(st.floats(0.01, 0.1), min_size=len(AXES), max_size=len(AXES)),
    prices=st.lists(st.floats(0.0, 0.05), min_size=len(AXES), max_size=len(AXES)),
    needs=st.floats(1.2, 2.0),
)
def test_where_every_step_helps_and_stays_fast_it_finds_one_wherever_there_is_one(
    gains: list[float], prices: list[float], needs: float
) -> None:
    model = Model(dict(zip(AXES, gains, strict=True)), dict(zip(AXES, prices, strict=True)), needs=needs)
    tried = search(FAST_END, model, builds=64)
    grid = [
        DecoderPrecision.model_validate({"weights": "int4", **dict(zip(AXES, values, strict=True))})
        for values in product(*AXES.values())
    ]
    possible = [model(precision) for precision in grid]
    assert any(each.accurate for each in tried.values()) == any(each.accurate for each in possible)


class TestMatrices:
    def test_blocks_are_no_longer_than_a_row_and_k_quant_has_an_even_number_of_them(self) -> None:
        matrices = Matrices((128, 128, 384))
        allowed = {
            (size, method)
            for size, method in product(AXES["block_size"], AXES["method"])
            if matrices.allow(
                DecoderPrecision.model_validate({"weights": "int4", "block_size": size, "method": method})
            )
        }
        assert allowed == {(128, "default"), *product((64, 32, 16), ("default", "k_quant"))}
        assert matrices.fast_end() == DecoderPrecision(weights="int4", block_size=128)
        assert Matrices((8,)).fast_end() is None

    def test_they_are_read_from_the_model_with_its_heads_as_they_are_padded(self, tiny_decoders: TinyDecoders) -> None:
        assert Matrices.of(tiny_decoders.full_model).inner == (64, 64, 96)
        assert Matrices.of(tiny_decoders.narrow_model).inner == (32, 64, 96)

    @pytest.mark.slow
    def test_whatever_is_allowed_is_built_and_answers(self, tiny_decoders: TinyDecoders, tmp_path: Path) -> None:
        matrices = Matrices.of(tiny_decoders.full_model)
        grid = [
            DecoderPrecision.model_validate({"weights": "int4", **dict(zip(AXES, values, strict=True))})
            for values in product(*AXES.values())
        ]
        allowed = [precision for precision in grid if matrices.allow(precision)]
        assert len(allowed) > 10
        with DecoderBuilder(tmp_path / "build") as builder:
            builds = [DecoderBuild(tiny_decoders.full_model, each, tmp_path / each.name) for each in allowed]
            assert builder.try_to_build(builds) == {}
        for precision in allowed:
            with Decoder(tmp_path / precision.name).request([5, 6, 7], 0) as (state, _):
                assert math.isclose(np.exp(state.read([5, 6, 7], 0)).sum(), 1, abs_tol=1e-3)


@pytest.mark.slow
def test_a_graph_that_cannot_be_built_does_not_stop_the_next_round(tiny_decoders: TinyDecoders, tmp_path: Path) -> None:
    odd = DecoderPrecision(weights="int4", method="k_quant", block_size=64)
    even = DecoderPrecision(weights="int4", method="k_quant", block_size=16)
    with DecoderBuilder(tmp_path / "build") as builder:
        first, second = (DecoderBuild(tiny_decoders.full_model, each, tmp_path / each.name) for each in (odd, even))
        failed = builder.try_to_build([first])
        assert "reshape" in failed[first]
        assert builder.try_to_build([second]) == {}
    assert (tmp_path / even.name / "decoder.onnx").is_file()
