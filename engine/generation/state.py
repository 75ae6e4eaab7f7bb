"""The keys and values of one request, and the step that reads some tokens.

A step costs little more than the kernels: the buffers are bound once, keys and values are written in place, and going back
is no more than a smaller number of tokens that are held to be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from onnxruntime import OrtValue

from engine.errors import BundleError
from engine.generation.graph_names import (
    FIRST_LOGIT,
    INPUT_IDS,
    LAST_POSITION,
    LOG_PROBABILITIES,
    PAST,
    POSITION_IDS,
    PRESENT,
    TOTAL_LENGTH,
)
from engine.session import CPU, Session

LogProbabilities = NDArray[np.float32]

MOST_DRAFT_BYTES: Final = 256 << 20
"""Of the log-probabilities that a pass with a draft gives: 440 rows of a vocabulary of 152,000, more than most answers."""
_MOST_SLICES: Final = 256  # a slice is half a kilobyte of Python objects, whatever its size
_TYPES: Final = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


@dataclass(frozen=True, slots=True)
class Shape:
    """Key-value heads of a layer, the size of a head, and how many tokens there are."""

    heads: int
    head_size: int
    vocabulary_size: int


class State:
    """The keys and values of one request. Not thread-safe.

    `capacity`: how many tokens it has room for. `most_draft_rows`: how many rows a pass with a draft should ask for at most.
    """

    def __init__(self, session: Session, capacity: int, shape: Shape) -> None:
        """Buffers for `capacity` tokens on the device that the session runs on."""
        self.capacity = capacity
        self.most_draft_rows = max(1, MOST_DRAFT_BYTES // (shape.vocabulary_size * np.dtype(np.float32).itemsize))
        self._bindings = session.bindings()
        inputs = {value.name: value for value in session.get_inputs()}
        on_cpu = session.get_providers()[0] == CPU
        self._cache_bytes = 0
        for name, value in inputs.items():
            if name.startswith(PAST):
                sizes, kind = [1, shape.heads, capacity, shape.head_size], cache_type(value)
                self._cache_bytes += prod(sizes) * np.dtype(kind).itemsize
                held = OrtValue.ortvalue_from_shape_and_type(sizes, kind, "cpu" if on_cpu else "cuda")
                self._bindings.bind_ortvalue_input(name, held)
                self._bindings.bind_ortvalue_output(PRESENT + name.removeprefix(PAST), held)
        self._numbers: dict[str, OrtValue] = {}
        self._last_position = self._number(LAST_POSITION, np.int32)
        self._total_length = self._number(TOTAL_LENGTH, np.int32)
        self._first_logit = self._number(FIRST_LOGIT, np.int64)
        # What a kernel wants on another device is copied there when it is bound, and not when it runs.
        self._bound_anew = () if on_cpu else tuple(self._numbers.items())
        self._has_positions = POSITION_IDS in inputs
        self._ids = _Slices(np.int64)
        self._rows = _Slices(np.float32, shape.vocabulary_size)

    @property
    def bytes(self) -> int:
        """What it holds now."""
        return self._cache_bytes + self._ids.bytes + self._rows.bytes

    def read(self, ids: Sequence[int], past: int, rows: int = 1) -> LogProbabilities:
        """Read `ids` behind the first `past` tokens; log-probabilities (rows, vocabulary) behind each of the last `rows`.

        What was read at or behind `past` before is forgotten. The array is valid until the next step. InputError for ids that
        the model cannot be run with.
        """
        count = len(ids)
        held, bound = self._ids[count]
        held[0] = ids
        self._bindings.bind_ortvalue_input(INPUT_IDS, bound)
        if self._has_positions:
            positions = np.arange(past, past + count, dtype=np.int64)[None]
            self._bindings.bind_ortvalue_input(POSITION_IDS, OrtValue.ortvalue_from_numpy(positions))
        answer, bound = self._rows[rows]
        self._bindings.bind_ortvalue_output(LOG_PROBABILITIES, bound)
        self._last_position[0] = past + count - 1
        self._total_length[0] = past + count
        self._first_logit[0] = count - rows
        for name, number in self._bound_anew:
            self._bindings.bind_ortvalue_input(name, number)
        self._bindings.run()
        return answer[0]

    def _number(self, name: str, kind: type) -> NDArray[Any]:
        """An input of one number that is bound here and written to before each step."""
        held: NDArray[Any] = np.zeros(1, dtype=kind)
        self._numbers[name] = OrtValue.ortvalue_from_numpy(held)
        self._bindings.bind_ortvalue_input(name, self._numbers[name])
        return held


class _Slices(dict[int, tuple[NDArray[Any], OrtValue]]):
    """One buffer in the host's memory that grows as it must; by how many rows are wanted, (1, rows, ...) of it, to be bound."""

    def __init__(self, kind: type, *width: int) -> None:
        """`width`: of a row."""
        super().__init__()
        self._held: NDArray[Any] = np.empty((0, *width), dtype=kind)

    @property
    def bytes(self) -> int:
        """Of the buffer."""
        return self._held.nbytes

    def __missing__(self, rows: int) -> tuple[NDArray[Any], OrtValue]:
        if rows > len(self._held):
            self._held = np.empty((rows, *self._held.shape[1:]), dtype=self._held.dtype)
            self.clear()
        elif len(self) >= _MOST_SLICES:
            self.clear()
        part = self._held[None, :rows]
        self[rows] = part, OrtValue.ortvalue_from_numpy(part)
        return self[rows]


def cache_type(value: Any) -> type:
    """The NumPy type of a decoder's input of keys or values; BundleError for one that the engine does not run."""
    try:
        return _TYPES[value.type]
    except KeyError:
        raise BundleError(f"{value.name} is {value.type}; the engine runs decoders in fp32 and fp16") from None
