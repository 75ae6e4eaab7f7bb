"""How well decoders predict gold completions: the same figures row by row as from all rows' log-probabilities at once."""

import numpy as np
import pytest

from engine.generation.phrases import Phrases
from engine.generation.prompts import GenerationSettings
from tasks.data.rows import Row
from tasks.families.generation.decoders.greedy import GreedyDecoder
from tasks.families.generation.precision.kinds import FP32
from tasks.families.generation.precision.trial import PrecisionTrial
from tasks.graphs.parity import compare
from tasks.recipe.target import Target
from tasks.timing.clocks import WALL
from tasks.timing.stopwatch import Stopwatch
from tests.tiny_decoder import PREFIX, QUANTIZED, SUFFIX, TEXTS, TinyDecoders

HERE = Target(name="here")
SETTINGS = GenerationSettings(PREFIX, SUFFIX, 8)
ROWS = [Row(text.split(" {")[0], "{" + text.split(" {", 1)[1]) for text in TEXTS]
TOO_LONG = Row("coffee " * 200, "{}")


def all_predicted(decoder: GreedyDecoder, rows: list[Row]) -> np.ndarray:
    found = []
    for row in rows:
        with decoder.predicted(row) as log_probabilities:
            found.append(log_probabilities.copy())
    return np.concatenate([each for each in found if len(each)])


@pytest.fixture(scope="module")
def full(tiny_decoders: TinyDecoders) -> GreedyDecoder:
    return GreedyDecoder.open(tiny_decoders.full, SETTINGS, HERE)


def test_parity_of_rows_is_that_of_all_their_tokens(tiny_decoders: TinyDecoders, full: GreedyDecoder) -> None:
    trial = PrecisionTrial("", [*ROWS[:20], TOO_LONG], Phrases.none(), "json", SETTINGS, HERE, Stopwatch(WALL))
    own, fp32 = trial.answers_of(tiny_decoders.quantized[1]), trial.answers_of(tiny_decoders.full)
    expected = compare(
        QUANTIZED[1].name, FP32.name, all_predicted(own.decoder, ROWS[:20]), all_predicted(fp32.decoder, ROWS[:20])
    )
    assert trial._parity(QUANTIZED[1], own, fp32) == expected
    assert expected.max_abs_difference > 0
    assert 0 < expected.agreement < 1


def test_perplexity_is_of_the_gold_tokens_alone(full: GreedyDecoder) -> None:
    surprise = []
    for row in ROWS[:20]:
        gold = full.example(row).completion
        with full.predicted(row) as log_probabilities:
            surprise += [-float(log_probabilities[place, token]) for place, token in enumerate(gold)]
    assert full.perplexity([*ROWS[:20], TOO_LONG]) == pytest.approx(np.exp(np.mean(surprise)))


def test_a_row_that_is_too_long_has_no_predictions(full: GreedyDecoder) -> None:
    with full.predicted(TOO_LONG) as log_probabilities:
        assert len(log_probabilities) == 0
