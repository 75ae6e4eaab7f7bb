"""Known times in the place of measured ones, for tests of what is made of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from tasks.timing.stopwatch import Budget, Stopwatch, Timed

MILLISECONDS = {"alone small": 1.0, "alone full": 6.0, "alone reference": 6.0, "static": 7.0}


def without_clock(patch: pytest.MonkeyPatch, *, drafts: bool = True) -> None:
    """From now on costs of decoders, and with `drafts` those of their drafts, do not depend on what else this machine does."""
    measured = Stopwatch.interleaved

    def interleaved(
        watch: Stopwatch, what: str, contenders: Mapping[str, Any], rows: Sequence[Any], *rest: Any
    ) -> Timed:
        if what.startswith("the drafts") and not drafts:
            return measured(watch, what, contenders, rows, *rest)
        return timed(contenders, rows, lambda name: MILLISECONDS.get(name, 0.2 if "beginning" in name else 7.5))

    patch.setattr(Stopwatch, "interleaved", interleaved)


def with_times(patch: pytest.MonkeyPatch, milliseconds: Callable[[str], float]) -> None:
    """From now on a contender takes what `milliseconds` says of its name, whatever is timed."""

    def interleaved(_: Stopwatch, _what: str, contenders: Mapping[str, Any], rows: Sequence[Any], *_rest: Any) -> Timed:
        return timed(contenders, rows, milliseconds)

    patch.setattr(Stopwatch, "interleaved", interleaved)


def timed(contenders: Mapping[str, Any], rows: Sequence[Any], milliseconds: Callable[[str], float]) -> Timed:
    """As many blocks as a comparison needs, all alike."""
    shape = Budget().fewest, len(rows)
    return Timed({"wall": {name: np.full(shape, milliseconds(name)) for name in contenders}})
