"""Numbers are written with their units, and a gap is never shown as a number."""

import math

import pytest

from tasks.formatting import NOT_MEASURED, duration, limit, number, p_value, percent, times, with_unit
from tasks.records import (
    Ratio,
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (number(4.394), "4.39"),
        (number(0.05), "0.0500"),
        (number(1234.5), "1,234"),
        (number(3.1e-6), "3.1·10⁻⁶"),
        (number(-0.5), "−0.500"),
        (number(9.999), "10.00"),
        (number(math.inf), NOT_MEASURED),
        (percent(None), NOT_MEASURED),
        (percent(0.954), "95.4\u202f%"),
        (times(Ratio(value=1.82, low=1.78, high=1.86)), "1.82× (1.78–1.86)"),
        (times(Ratio(value=math.nan, low=math.nan, high=math.nan)), NOT_MEASURED),
        (with_unit(0.9, "share"), "90.00\u202f%"),
        (with_unit(3.04, "x"), "3.04×"),
        (limit(0.01, "ms"), "0.01\u202fms"),
        (limit(0.9, "share"), "90\u202f%"),
        (p_value(0.0), "< 0.0001"),
        (duration(133), "2\u202fmin 13\u202fs"),
        (duration(3840), "1\u202fh 04\u202fmin"),
    ],
)
def test_numbers_are_written_with_their_units(written: str, expected: str) -> None:
    assert written == expected
