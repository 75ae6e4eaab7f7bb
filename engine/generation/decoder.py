"""One decoder: a graph with GroupQueryAttention, opened once, and the states of its requests, which are used again."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine import strict_json
from engine.errors import BundleError
from engine.forking import leave_behind, renewed_in_children
from engine.generation.graph_names import CONFIG_FILE, GRAPH_FILE, PAST, WEIGHTS_FILE
from engine.generation.state import Shape, State, cache_type
from engine.session import CPU, Session, open_session

_SMALLEST_CAPACITY: Final = 256  # so that short requests of several lengths share one state, which the caches hold
_MOST_FREE_BYTES: Final = 512 << 20
"""Of states that wait for a request. A new one costs a page fault for each 4 KiB that it comes to use and a pass over the

prefix, so it is worth much to keep what short requests use, which takes some ten megabytes each, and little to keep what a
rare long one of a large model used, which may take gigabytes.
"""


class Decoder:
    """An opened decoder folder. Thread-safe: each request has a `State` of its own, from a pool.

    `context_length`: most tokens that prompt and answer may have together. `vocabulary_size`: how many ids it can read.
    `end_ids`: the tokens that end an answer.
    """

    def __init__(
        self, folder: Path, *, threads: int = 1, execution_provider: str = CPU, prefix: Sequence[int] = ()
    ) -> None:
        """`prefix`: ids that every prompt starts with; they are read once for each state. BundleError if unreadable.

        A decoder with keys and values in fp32 runs on the CPU whatever provider is asked for: `session` says on which.
        """
        self.session = _opened(folder, threads, execution_provider)
        model = _read_config(folder / CONFIG_FILE)
        try:
            self.context_length = int(model["context_length"])
            self.vocabulary_size = int(model["vocab_size"])
            heads, size = (int(model["decoder"][key]) for key in ("num_key_value_heads", "head_size"))
            ends = model["eos_token_id"]
            self.end_ids = frozenset(ends if isinstance(ends, list) else [ends])
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"{folder / CONFIG_FILE}: not a decoder's configuration ({error})") from error
        self._shape = Shape(heads, size, self.vocabulary_size)
        self.prefix = tuple(prefix)
        self._free: list[State] = []  # the one that was used last, last
        self._lock = threading.Lock()
        renewed_in_children(self)

    @contextmanager
    def request(self, prompt: Sequence[int], max_new_tokens: int) -> Iterator[tuple[State, int]]:
        """Buffers for a prompt and its answer, this thread's alone until they are given back.

        With them, how many of the prompt's ids they hold already. The prompt must not be empty, nor must more be read than
        the context holds.
        """
        tokens = min(len(prompt) + max_new_tokens, self.context_length)
        if tuple(prompt[: len(self.prefix)]) != self.prefix:
            yield self._new(tokens), 0
            return
        state = self._taken(tokens)
        if state is None:
            state = self._new(tokens)
            if self.prefix:
                state.read(self.prefix, 0)
        try:
            yield state, min(len(self.prefix), len(prompt) - 1)
        finally:
            self._give_back(state)

    def after_fork(self) -> None:
        """States are of the session that the parent has; here there may be another."""
        self._lock = threading.Lock()
        leave_behind(self._free)
        self._free = []

    def _new(self, tokens: int) -> State:
        """Room for the whole answer at once: on the CPU, what no token has come to takes no memory."""
        capacity = _SMALLEST_CAPACITY
        while capacity < tokens:
            capacity *= 2
        return State(self.session, min(capacity, self.context_length), self._shape)

    def _taken(self, tokens: int) -> State | None:
        """The smallest free state that has room, of several the one that was used last."""
        best = None
        with self._lock:
            for state in self._free:
                if state.capacity >= tokens and (best is None or state.capacity <= best.capacity):
                    best = state
            if best is not None:
                self._free.remove(best)
        return best

    def _give_back(self, state: State) -> None:
        """Keeps it, if it is not too large, and of the others those that were used last."""
        if state.bytes > _MOST_FREE_BYTES:
            return
        with self._lock:
            self._free.append(state)
            while len(self._free) > 1 and sum(free.bytes for free in self._free) > _MOST_FREE_BYTES:
                del self._free[0]


def _opened(folder: Path, threads: int, execution_provider: str) -> Session:
    graph, weights = folder / GRAPH_FILE, (folder / WEIGHTS_FILE,)
    session = open_session(graph, threads=threads, execution_provider=execution_provider, weights=weights)
    caches = [value for value in session.get_inputs() if value.name.startswith(PAST)]
    if session.get_providers()[0] != CPU and any(cache_type(value) is np.float32 for value in caches):
        # ONNX Runtime has GroupQueryAttention in fp16 and bf16 for other devices: in fp32 each layer would go back and forth.
        return open_session(graph, threads=threads, weights=weights)
    return session


def _read_config(file: Path) -> dict[str, Any]:
    try:
        return dict(strict_json.read(file)["model"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{file}: not a decoder's configuration ({error})") from error
