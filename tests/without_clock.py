"""Known costs of decoders in the place of measured ones, for tests of what is made of them."""

from collections.abc import Callable, Sequence
from types import ModuleType

import numpy as np
import pytest

MILLISECONDS = {"alone small": 1.0, "alone full": 6.0, "alone reference": 6.0, "static": 7.0}


def known_times(
    runs: dict[str, Callable[[str], object]], texts: Sequence[str], _blocks: int, _progress: object
) -> dict[str, np.ndarray]:
    """Stands in for the clock: what a path costs does not depend on what else this machine does."""
    return {
        name: np.full(len(texts), MILLISECONDS.get(name, 0.2 if name.startswith("beginning") else 7.5)) for name in runs
    }


def without_clock(patch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
    """From now on these modules, else those of costs and drafts, time nothing row by row."""
    from tasks.generation import costs, drafts

    for module in modules or (costs, drafts):
        patch.setattr(module, "interleaved_row_times", known_times)
