"""Bootstrap bounds: they enclose the estimate, narrow with more rows, and cover as often as they say."""

import numpy as np
import pytest

from tasks.statistics.bootstrap import bootstrap_bounds


def test_bounds_of_a_mean_cover_about_as_often_as_promised() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for trial in range(120):
        sample = random.normal(1.0, 1.0, 60)
        low, _ = bootstrap_bounds(lambda rows, sample=sample: float(sample[rows].mean()), 60, 0.9, seed=trial)
        covered += low <= 1.0
    assert 0.8 <= covered / 120 <= 0.98


def test_more_rows_give_narrower_bounds() -> None:
    values = np.random.default_rng(1).normal(size=4000)
    widths = []
    for n in (40, 4000):
        low, high = bootstrap_bounds(lambda rows: float(values[rows].mean()), n, 0.95)
        assert low < values[:n].mean() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 5


def test_no_rows_have_no_bounds() -> None:
    with pytest.raises(ValueError, match="no rows"):
        bootstrap_bounds(lambda rows: 0.0, 0, 0.95)
