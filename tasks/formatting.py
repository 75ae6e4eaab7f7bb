"""How reports write numbers: three significant digits, a narrow no-break space, the unit; one wording for gaps.

Every function takes None and NaN and answers `NOT_MEASURED`, so that a gap in the evidence is never shown as a number.
"""

import math
from typing import Final

from tasks.records import Interval, Ratio

NOT_MEASURED: Final = "not measured"
NARROW_SPACE: Final = "\u202f"
_SMALLEST_PLAIN: Final = 1e-3
_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNIT_NAMES: Final = {"qps": "QPS"}


def is_measured(value: float | None) -> bool:
    """True for a finite number."""
    return value is not None and math.isfinite(value)


def number(value: float | None, significant: int = 3) -> str:
    """A number with `significant` digits and thousands separators; very small ones as a power of ten."""
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if abs(value) < _SMALLEST_PLAIN:
        return f"{value / 10.0**exponent:.1f}·10{str(exponent).translate(_SUPERSCRIPTS)}".replace("-", "−")
    return _signless(f"{value:,.{max(0, significant - 1 - exponent)}f}")


def count(value: float | None) -> str:
    """A whole number with thousands separators."""
    return _signless(f"{value:,.0f}") if value is not None and math.isfinite(value) else NOT_MEASURED


def percent(share: float | None, digits: int = 1) -> str:
    """A share in [0, 1] as a percentage."""
    if share is None or not math.isfinite(share):
        return NOT_MEASURED
    return _signless(f"{100 * share:.{digits}f}") + f"{NARROW_SPACE}%"


def budget(share: float | None) -> str:
    """A share that a person chose, with no more digits than they gave: `1 %`, `0.5 %`."""
    if share is None or not math.isfinite(share):
        return NOT_MEASURED
    return f"{100 * share:.4g}{NARROW_SPACE}%"


def percent_range(low: float, high: float, digits: int = 1) -> str:
    """Two shares as one range with one percent sign."""
    if not (is_measured(low) and is_measured(high)):
        return NOT_MEASURED
    return f"{_signless(f'{100 * low:.{digits}f}')}–{percent(high, digits)}"


def points(difference: float | None, digits: int = 2) -> str:
    """A difference of two shares in percentage points, always signed."""
    if difference is None or not math.isfinite(difference):
        return NOT_MEASURED
    return f"{100 * difference:+.{digits}f}".replace("-", "−") + f"{NARROW_SPACE}points"


def with_unit(value: float | None, unit: str) -> str:
    """A number and its unit; shares (`%`, `share`) become percentages and ratios (`×`) close up."""
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    if unit in {"%", "share"}:
        return percent(value, 2)
    if unit in {"×", "x"}:
        return f"{value:.2f}×"
    written = count(value) if float(value).is_integer() and abs(value) >= 100 else number(value)
    return f"{written}{NARROW_SPACE}{_UNIT_NAMES.get(unit, unit)}".rstrip()


def limit(value: float | None, unit: str) -> str:
    """A threshold from the recipe and its unit, with no more digits than a person gave."""
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    if unit in {"%", "share"}:
        return budget(value)
    if unit in {"×", "x"}:
        return f"{value:.6g}×"
    return f"{value:,.6g}{NARROW_SPACE}{_UNIT_NAMES.get(unit, unit)}".rstrip()


def milliseconds(value: float | None) -> str:
    """A time in milliseconds."""
    return with_unit(value, "ms")


def megabytes(value: float | None) -> str:
    """A size in megabytes."""
    return with_unit(value, "MB")


def duration(seconds: float | None) -> str:
    """A wall-clock time: `0.42 s`, `38 s`, `2 min 13 s`, `1 h 04 min`."""
    if seconds is None or not math.isfinite(seconds):
        return NOT_MEASURED
    if seconds < 10:
        return f"{seconds:.2f}{NARROW_SPACE}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{NARROW_SPACE}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}{NARROW_SPACE}min {rest:02d}{NARROW_SPACE}s"
    return f"{minutes // 60}{NARROW_SPACE}h {minutes % 60:02d}{NARROW_SPACE}min"


def times(ratio: Ratio | None) -> str:
    """A speed ratio with its interval: `1.82× (1.78–1.86)`."""
    if ratio is None or not is_measured(ratio.value):
        return NOT_MEASURED
    if not (is_measured(ratio.low) and is_measured(ratio.high)):
        return f"{ratio.value:.2f}× (interval {NOT_MEASURED})"
    return f"{ratio.value:.2f}× ({ratio.low:.2f}–{ratio.high:.2f})"


def proportion(interval: Interval | None) -> str:
    """A proportion with its interval: `95.4 % (94.6–96.1 %)`."""
    if interval is None or not is_measured(interval.value):
        return NOT_MEASURED
    return f"{percent(interval.value)} ({percent_range(interval.low, interval.high)})"


def p_value(value: float | None) -> str:
    """A p-value with two significant digits, never as zero."""
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    return "< 0.0001" if value < 1e-4 else number(value, 2)


def _signless(text: str) -> str:
    return text.replace("-", "−")
