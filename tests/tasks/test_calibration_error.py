"""Expected calibration error with equal-mass bins, against a loop over the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.statistics.calibration_error import expected_calibration_error


def by_definition(confidence, correct, bins):
    order = np.argsort(confidence)
    error, start, n = 0.0, 0, len(order)
    for k in range(bins):
        size = n // bins + (k < n % bins)
        rows = order[start : start + size]
        error += size / n * abs(np.mean(correct[rows]) - np.mean(confidence[rows]))
        start += size
    return error


@pytest.mark.parametrize(("n", "bins"), [(15, 15), (100, 15), (1001, 10), (7, 1)])
def test_equals_the_definition_without_ties(n, bins):
    rng = np.random.default_rng(n)
    confidence, correct = rng.random(n), rng.random(n) < 0.7
    actual = expected_calibration_error(confidence, correct, bins)
    assert actual == pytest.approx(by_definition(confidence, correct, bins), abs=1e-12)


def test_known_values():
    half_right = np.array([True, False] * 50)
    assert expected_calibration_error(np.full(100, 0.9), half_right) == pytest.approx(0.4)
    assert expected_calibration_error(np.full(100, 0.5), half_right) == pytest.approx(0.0)
    assert expected_calibration_error(np.ones(10), np.ones(10, dtype=bool)) == 0.0
    assert expected_calibration_error([1.0], [False]) == 1.0


def test_calibrated_confidences_have_a_small_error_and_overconfident_ones_a_large_one():
    rng = np.random.default_rng(0)
    probability = rng.uniform(0.5, 1, 20_000)
    correct = rng.random(20_000) < probability
    assert expected_calibration_error(probability, correct) < 0.015
    assert expected_calibration_error(np.sqrt(probability), correct) > 0.08


@settings(deadline=None, max_examples=40)
@given(data=st.data(), n=st.integers(1, 50))
def test_the_order_of_rows_does_not_matter(data, n):
    confidence = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]), min_size=n, max_size=n)))
    correct = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    shuffle = np.array(data.draw(st.permutations(range(n))))
    error = expected_calibration_error(confidence, correct)
    assert 0 <= error <= 1
    assert expected_calibration_error(confidence[shuffle], correct[shuffle]) == pytest.approx(error)


@pytest.mark.parametrize(
    ("confidence", "correct", "bins"),
    [
        ([], [], 15),
        ([0.5], [True, False], 15),
        ([1.5], [True], 15),
        ([np.nan], [True], 15),
        ([0.5], [1], 15),
        ([0.5], [True], 0),
    ],
)
def test_unusable_input_is_refused(confidence, correct, bins):
    with pytest.raises(ValueError):
        expected_calibration_error(confidence, correct, bins)
