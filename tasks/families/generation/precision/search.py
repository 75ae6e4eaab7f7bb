"""A stepwise search of int4's settings: from the fastest one towards more accurate ones, along one axis at a time.

It begins with the largest blocks, products in int8 and everything in int4. While that loses too much, it takes the step that
costs least speed and makes the model surer of the gold completions; once the limits are kept, it takes back whatever was not
needed. Where even the fast end is too slow the search ends at once, because nothing that is more accurate is faster.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, Literal, Protocol, TypeVar

from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.families.generation.decoders.head_padding import MULTIPLE
from tasks.timing.speed import AS_FAST

Axis = Literal["method", "block_size", "head", "accuracy_level"]

AXES: Final[Mapping[Axis, tuple[str | int, ...]]] = {
    "method": ("default", "k_quant"),
    "block_size": (256, 128, 64, 32, 16),
    "head": ("same", "int8"),
    "accuracy_level": (4, 1),
}
"""Each from fast to accurate; first the axes that give most for their price.

Measured once, on the quickstart's full model (four layers of width 128, one thread): over fp32, token by token, blocks of 128,
64, 32 and 16 are 1.41, 1.32, 1.27 and 1.20 times as fast; from blocks of 32, k-quant is 1.25 and loses a quarter as much, an
int8 head 1.25 and loses as much, products in fp32 (level 1) 0.95 and lose as much. With drafts all are slower than fp32, and
the fast end no less than the others: 0.85, and 0.83 to 0.87, level 1 0.67. Levels 2 and 3 (fp16, bf16) have no kernels on most
CPUs.
"""


class Tried(Protocol):
    """What is known of a setting. `fast`: faster than what serves without it; `accurate`: keeps all limits, as far as seen."""

    @property
    def fast(self) -> bool:
        """Whether it is worth having."""
        ...

    @property
    def accurate(self) -> bool:
        """Whether it may be had."""
        ...

    @property
    def time(self) -> float:
        """Of an answer, in any unit."""
        ...

    @property
    def perplexity(self) -> float:
        """Of the gold completions."""
        ...


T = TypeVar("T", bound=Tried)


def search(
    start: DecoderPrecision,
    measure: Callable[[DecoderPrecision], T | None],
    *,
    builds: int,
    axes: Sequence[Axis] = tuple(AXES),
    possible: Callable[[DecoderPrecision], bool] = lambda _: True,
) -> dict[DecoderPrecision, T]:
    """All that was tried, in order; `measure` is asked `builds` times at most, and says None of what cannot be built."""
    if builds < 1:
        return {}
    return _Walk(measure, builds, axes, possible, {}).walk(start)


@dataclass(frozen=True)
class Matrices:
    """`inner`: the length of the rows of a model's matrices, which blocks part."""

    inner: tuple[int, ...]

    @classmethod
    def of(cls, model: Path) -> "Matrices":
        """Of a transformers folder: of the residual stream, of all heads as they are padded, and of the neurons."""
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
        width, heads = config["hidden_size"], config["num_attention_heads"]
        head_size = config.get("head_dim") or width // heads
        return cls((width, heads * MULTIPLE * -(-head_size // MULTIPLE), config.get("intermediate_size") or width))

    def allow(self, precision: DecoderPrecision) -> bool:
        """Whether builder and runtime can do it: blocks no longer than a row, since an embedding that shares its weights

        with the head does not load otherwise; and for k-quant an even number of them, since it packs their zero points in
        pairs (0.15.2, onnxruntime 1.31).
        """
        if precision.weights != "int4":
            return True
        blocks = [-(-length // precision.block_size) for length in self.inner]
        fits = precision.block_size <= min(self.inner)
        return fits and (precision.method == "default" or all(count % 2 == 0 for count in blocks))

    def fast_end(self) -> DecoderPrecision | None:
        """The setting to start from: the largest blocks that are allowed; None where none is."""
        for size in AXES["block_size"]:
            precision = DecoderPrecision.model_validate({"weights": "int4", "block_size": size})
            if self.allow(precision):
                return precision
        return None


@dataclass(frozen=True)
class _Walk(Generic[T]):
    measure: Callable[[DecoderPrecision], T | None]
    builds: int
    axes: Sequence[Axis]
    possible: Callable[[DecoderPrecision], bool]
    tried: dict[DecoderPrecision, T | None]

    def walk(self, start: DecoderPrecision) -> dict[DecoderPrecision, T]:
        here, found = start, self._at(start)
        helpful = list(self.axes)
        while found is not None and found.fast and not found.accurate:
            ahead = self._next(here, 1, helpful)
            if ahead is None:
                break
            axis, step = ahead
            there = self._at(step)
            if there is not None and there.fast and there.perplexity < found.perplexity:
                here, found = step, there
            else:
                helpful.remove(axis)
        while found is not None and found.fast and found.accurate:
            back = self._next(here, -1, list(reversed(self.axes)))
            if back is None:
                break
            _, step = back
            there = self._at(step)
            if there is not None and there.accurate and there.time * AS_FAST < found.time:
                here, found = step, there
        return {precision: each for precision, each in self.tried.items() if each is not None}

    def _at(self, precision: DecoderPrecision) -> T | None:
        self.tried[precision] = self.measure(precision)
        return self.tried[precision]

    def _next(
        self, here: DecoderPrecision, direction: int, axes: Sequence[Axis]
    ) -> tuple[Axis, DecoderPrecision] | None:
        """The first axis along which there is a step that was not tried, and where it leads; None after all builds."""
        if len(self.tried) >= self.builds:
            return None
        for axis in axes:
            place = AXES[axis].index(getattr(here, axis)) + direction
            if 0 <= place < len(AXES[axis]):
                step = here.model_copy(update={axis: AXES[axis][place]})
                if step not in self.tried and self.possible(step):
                    return axis, step
        return None
