"""One decoder: a graph with GroupQueryAttention, its key-value buffers, and the step that reads some tokens.

A step costs little more than the kernels: the buffers are bound once, keys and values are written in place, and going back
is no more than a smaller number of tokens that are held to be read.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime import OrtValue

from engine.errors import BundleError
from engine.generation.graph_names import (
    CONFIG_FILE,
    FIRST_LOGIT,
    GRAPH_FILE,
    INPUT_IDS,
    LAST_POSITION,
    LOG_PROBABILITIES,
    PAST,
    POSITION_IDS,
    PRESENT,
    TOTAL_LENGTH,
)
from engine.session import CPU, open_session

LogProbabilities = NDArray[np.float32]

_SMALLEST_CAPACITY: Final = 128
_TYPES: Final = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


@dataclass(frozen=True, slots=True)
class Shape:
    """Key-value heads of a layer, the size of a head, and how many tokens there are."""

    heads: int
    head_size: int
    vocabulary_size: int


class Decoder:
    """An opened decoder folder. Thread-safe: each request has a `State` of its own, from a pool.

    `context_length`: most tokens that prompt and answer may have together. `end_ids`: the tokens that end an answer.
    """

    def __init__(
        self, folder: Path, *, threads: int = 1, execution_provider: str = CPU, prefix: Sequence[int] = ()
    ) -> None:
        """`prefix`: ids that every prompt starts with; they are read once for each state. BundleError if unreadable."""
        self.session = open_session(folder / GRAPH_FILE, threads=threads, execution_provider=execution_provider)
        model = _read_config(folder / CONFIG_FILE)
        try:
            self.context_length = int(model["context_length"])
            vocabulary_size = int(model["vocab_size"])
            heads, size = (int(model["decoder"][key]) for key in ("num_key_value_heads", "head_size"))
            ends = model["eos_token_id"]
            self.end_ids = frozenset(ends if isinstance(ends, list) else [ends])
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"{folder / CONFIG_FILE}: not a decoder's configuration ({error})") from error
        self._shape = Shape(heads, size, vocabulary_size)
        self.prefix = tuple(prefix)
        self._free: list[State] = []
        self._lock = threading.Lock()

    @contextmanager
    def request(self, prompt: Sequence[int], max_new_tokens: int) -> Iterator[tuple["State", int]]:
        """Buffers for a prompt and its answer, this thread's alone until they are given back.

        With them, how many of the prompt's ids they hold already. The prompt must not be empty.
        """
        tokens = len(prompt) + max_new_tokens
        if tuple(prompt[: len(self.prefix)]) != self.prefix:
            yield State(self.session, _capacity(tokens), self._shape), 0
            return
        with self._lock:
            fitting = [state for state in self._free if state.capacity >= tokens]
            if fitting:
                self._free.remove(fitting[-1])
        state = fitting[-1] if fitting else self._made(tokens)
        try:
            yield state, min(len(self.prefix), len(prompt) - 1)
        finally:
            with self._lock:
                self._free.append(state)

    def _made(self, tokens: int) -> "State":
        state = State(self.session, _capacity(tokens), self._shape)
        if self.prefix:
            state.read(self.prefix, 0)
        return state


class State:
    """The keys and values of one request. Not thread-safe."""

    def __init__(self, session: onnxruntime.InferenceSession, capacity: int, shape: Shape) -> None:
        """Buffers for `capacity` tokens on the device that the session runs on."""
        self.capacity = capacity
        self._session = session
        self._bindings = session.io_binding()
        self._vocabulary_size = shape.vocabulary_size
        inputs = {value.name: value for value in session.get_inputs()}
        device = "cpu" if session.get_providers()[0] == CPU else "cuda"
        for name, value in inputs.items():
            if name.startswith(PAST):
                sizes = [1, shape.heads, capacity, shape.head_size]
                held = OrtValue.ortvalue_from_shape_and_type(sizes, _type(value), device)
                self._bindings.bind_ortvalue_input(name, held)
                self._bindings.bind_ortvalue_output(PRESENT + name.removeprefix(PAST), held)
        self._last_position = self._lasting(LAST_POSITION, np.int32)
        self._total_length = self._lasting(TOTAL_LENGTH, np.int32)
        self._first_logit = self._lasting(FIRST_LOGIT, np.int64)
        self._has_positions = POSITION_IDS in inputs
        self._ids: dict[int, tuple[NDArray[np.int64], OrtValue]] = {}
        self._rows: dict[int, tuple[LogProbabilities, OrtValue]] = {}

    def read(self, ids: Sequence[int], past: int, rows: int = 1) -> LogProbabilities:
        """Read `ids` behind the first `past` tokens; log-probabilities (rows, vocabulary) behind each of the last `rows`.

        What was read at or behind `past` before is forgotten. The array is valid until the next step.
        """
        count = len(ids)
        held, bound = self._ids.get(count) or self._ids_buffer(count)
        held[0] = ids
        self._bindings.bind_ortvalue_input(INPUT_IDS, bound)
        if self._has_positions:
            positions = np.arange(past, past + count, dtype=np.int64)[None]
            self._bindings.bind_ortvalue_input(POSITION_IDS, OrtValue.ortvalue_from_numpy(positions))
        answer, bound = self._rows.get(rows) or self._rows_buffer(rows)
        self._bindings.bind_ortvalue_output(LOG_PROBABILITIES, bound)
        self._last_position[0] = past + count - 1
        self._total_length[0] = past + count
        self._first_logit[0] = count - rows
        self._session.run_with_iobinding(self._bindings)
        return answer[0]

    def _lasting(self, name: str, kind: type) -> NDArray[Any]:
        """An input of one number that is bound once and written to before each step."""
        held: NDArray[Any] = np.zeros(1, dtype=kind)
        self._bindings.bind_ortvalue_input(name, OrtValue.ortvalue_from_numpy(held))
        return held

    def _ids_buffer(self, count: int) -> tuple[NDArray[np.int64], OrtValue]:
        held = np.zeros((1, count), dtype=np.int64)
        return self._ids.setdefault(count, (held, OrtValue.ortvalue_from_numpy(held)))

    def _rows_buffer(self, rows: int) -> tuple[LogProbabilities, OrtValue]:
        held = np.zeros((1, rows, self._vocabulary_size), dtype=np.float32)
        return self._rows.setdefault(rows, (held, OrtValue.ortvalue_from_numpy(held)))


def _capacity(tokens: int) -> int:
    capacity = _SMALLEST_CAPACITY
    while capacity < tokens:
        capacity *= 2
    return capacity


def _type(value: Any) -> type:
    try:
        return _TYPES[value.type]
    except KeyError:
        raise BundleError(f"{value.name} is {value.type}; the engine runs decoders in fp32 and fp16") from None


def _read_config(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8"))["model"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{file}: not a decoder's configuration ({error})") from error
