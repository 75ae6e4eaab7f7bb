"""Screening sees, on a sample and without decoding, what the full trial would see."""

import numpy as np
import pytest

from engine.generation.prompts import GenerationSettings
from tasks.data.rows import Row
from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.families.generation.decoders.greedy import GreedyDecoder
from tasks.families.generation.precision.screening import (
    SERVING,
    STATIC,
    Predicted,
    ScreenedSetting,
    Screening,
    finalists,
)
from tasks.families.generation.routing.phrases import phrases_of
from tasks.recipe.target import Target
from tasks.records import ScreenedFigures
from tasks.techniques import CLEARLY_FASTER, Limits
from tasks.timing.clocks import WALL
from tasks.timing.stopwatch import Stopwatch
from tests.tiny_decoder import PREFIX, PROMPTS, SUFFIX, TinyDecoders

LIMITS = Limits(0.01, 0.95, 0.05, 0.8)


def opened(folder) -> GreedyDecoder:
    return GreedyDecoder.open(folder, GenerationSettings(PREFIX, SUFFIX, 6), Target(name="here"))


@pytest.fixture(scope="module")
def rows(tiny_decoders: TinyDecoders) -> list[Row]:
    full = opened(tiny_decoders.full)
    return [Row(prompt, full.text(full.answer(full.prompt(prompt)))) for prompt in PROMPTS]


def test_predictions_are_those_of_every_token_behind_the_gold_ones(tiny_decoders: TinyDecoders, rows) -> None:
    decoder = opened(tiny_decoders.full)
    found = Predicted.by(decoder, rows)
    assert found.perplexity == pytest.approx(decoder.perplexity(rows))
    for row, right, likeliest in zip(rows, found.right, found.likeliest, strict=True):
        with decoder.predicted(row) as distributions:
            expected = distributions.argmax(-1)
        assert np.array_equal(likeliest, expected)
        assert right == np.array_equal(expected, decoder.example(row).completion)
    assert found.agreement(found) == 1
    other = Predicted.by(opened(tiny_decoders.quantized[1]), rows)
    assert 0 <= other.agreement(found) == found.agreement(other) < 1


def test_the_sample_is_judged_as_all_rows_would_be_if_they_went_like_it(tiny_decoders: TinyDecoders, rows) -> None:
    screening = screening_of(tiny_decoders, rows)
    right = np.ones(len(rows), dtype=bool)
    known = Predicted(right, [], 1.0)
    one_lost = Predicted(np.arange(len(rows)) > 0, [], 1.0)
    few = Screening(**{**vars(screening), "predicted": known, "tune_rows": len(rows)})
    many = Screening(**{**vars(screening), "predicted": known, "tune_rows": 100 * len(rows)})
    assert (few._test(one_lost).n, few._test(one_lost).harms) == (len(rows), 1)
    assert (many._test(one_lost).n, many._test(one_lost).harms) == (100 * len(rows), 100)
    assert few._test(known).p_value > many._test(known).p_value


def test_a_graph_against_itself_loses_nothing_and_gains_about_nothing(tiny_decoders: TinyDecoders, rows) -> None:
    found = screening_of(tiny_decoders, rows).screen(tiny_decoders.full, {SERVING: 3.0, STATIC: 3.0})
    assert found.figures.agreement == 1
    assert found.figures.perplexity == found.figures.parent_perplexity
    assert set(found.gains) == {SERVING, STATIC}
    assert not found.fast
    assert "needs 3.00x" in found.reason


def test_int4_must_clearly_beat_an_int8_that_keeps_the_limits_and_else_the_parent(
    tiny_decoders: TinyDecoders, rows
) -> None:
    screening = screening_of(tiny_decoders, rows)
    parent = {SERVING: 1.0, STATIC: 1.0}
    fast, slow = {SERVING: 2.0, STATIC: 0.5}, {SERVING: 0.9, STATIC: 0.5}
    assert screening.to_beat(None) == parent
    assert screening.to_beat(setting(gains=fast)) == {SERVING: 2 * CLEARLY_FASTER, STATIC: 1.0}
    assert screening.to_beat(setting(gains=slow)) == parent
    assert screening.to_beat(setting(gains=fast, misses=["perplexity"])) == parent


def test_the_fastest_and_the_surest_of_those_that_keep_the_limits_go_to_the_full_trial() -> None:
    sizes = (128, 64, 32, 16)
    tried = [
        setting(speed=3.0, perplexity=1.5, misses=["perplexity"]),
        setting(speed=2.0, perplexity=1.3),
        setting(speed=1.5, perplexity=1.2),
        setting(speed=1.2, perplexity=1.1),
    ]
    named = {DecoderPrecision(weights="int4", block_size=size): each for size, each in zip(sizes, tried, strict=True)}
    assert [precision.block_size for precision in finalists(named)] == [64, 16]
    assert finalists({DecoderPrecision(weights="int4"): setting(speed=0.9)}) == []


def test_of_settings_that_are_as_fast_the_one_that_was_tried_first_goes_whichever_noise_favours() -> None:
    for speeds in ((2.0, 2.03), (2.03, 2.0)):
        named = {
            DecoderPrecision(weights="int4", block_size=size): setting(speed=speed, perplexity=perplexity)
            for size, speed, perplexity in zip((128, 64), speeds, (1.1, 1.2), strict=True)
        }
        assert [precision.block_size for precision in finalists(named)] == [128]


def setting(
    *,
    gains: dict[str, float] | None = None,
    speed: float = 1.0,
    perplexity: float = 1.1,
    misses: list[str] | None = None,
) -> ScreenedSetting:
    figures = ScreenedFigures(
        rows=9,
        speedup=speed,
        accuracy=0.9,
        parent_accuracy=0.9,
        perplexity=perplexity,
        parent_perplexity=1.1,
        agreement=1.0,
        size_mb=1.0,
    )
    gains = gains or {SERVING: speed}
    return ScreenedSetting(figures, gains, dict.fromkeys(gains, 1.0), misses or [])


def screening_of(decoders: TinyDecoders, rows: list[Row]) -> Screening:
    return Screening.of(
        rows,
        decoders.full,
        decoders.full,
        phrases=phrases_of(opened(decoders.full), rows),
        limits=LIMITS,
        uses=(SERVING, STATIC),
        open_decoder=opened,
        watch=Stopwatch(WALL),
    )
