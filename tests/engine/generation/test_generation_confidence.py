"""Features of an answer and the stop score."""

import pytest

from engine.generation.confidence import FEATURES, features, first_doubt
from engine.generation.router import PathRule


def named(*log_probabilities: float, ended: bool = True, valid: bool = True) -> dict[str, float]:
    return dict(zip(FEATURES, features(log_probabilities, ended=ended, valid=valid), strict=True))


def test_features_say_how_sure_the_least_sure_tokens_are() -> None:
    found = named(-0.1, -3.0, -0.5, -0.2)
    assert found["total"] == pytest.approx(-3.8)
    assert (found["lowest"], found["second_lowest"], found["low_decile"], found["low_quartile"]) == (
        -3.0,
        -0.5,
        -3.0,
        -0.5,
    )
    assert found["mean"] == pytest.approx(-0.95)
    assert (found["ended"], found["valid"]) == (1.0, 1.0)


def test_an_answer_of_one_token_and_an_impossible_one_have_finite_features() -> None:
    assert named(-0.5)["second_lowest"] == -0.5
    found = named(float("-inf"), ended=False, valid=False)
    assert found["lowest"] == found["mean"] == -20.0
    assert all(abs(value) < 100 for value in found.values())


def test_the_first_tokens_doubt_looks_no_further() -> None:
    assert first_doubt([-0.1, -0.4, -9.0], 2) == -0.4


def test_the_stop_score_is_the_logistic_models_log_odds() -> None:
    weights = tuple(float(name == "total") * 2 for name in FEATURES)
    assert PathRule("small", 1.0, weights, intercept=3.0).stop_score(features([-0.5], ended=True, valid=True)) == 2.0
