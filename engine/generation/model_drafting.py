"""Drafts of a smaller model that goes on, greedily, from whatever has been answered (Leviathan et al. 2023).

Where an answer that the smaller model gave before is left, it is of no more use behind that place; the model itself is.
"""

from collections.abc import Sequence

from engine.generation.drafting import LEAST_LIKELY
from engine.generation.prompts import common_start
from engine.generation.state import State


class ModelDrafter:
    """Guesses at most `most` tokens at a time, as long as the model is likely to be right. Not thread-safe."""

    def __init__(self, state: State, past: int, prompt: Sequence[int], most: int, end_ids: frozenset[int]) -> None:
        """`state`: of the smaller model, this request's alone, holding the first `past` ids of the prompt."""
        self._state = state
        self._prompt = list(prompt)
        self._read = self._prompt[:past]
        self._most = most
        self._end_ids = end_ids

    def draft(self, tokens: Sequence[int]) -> list[int]:
        """See Drafter. The model is first run when it is first asked; what it has read already is kept."""
        wanted = [*self._prompt, *tokens]
        # A pass says what comes behind the last token, so that one is read in any case.
        past = min(len(common_start(self._read, wanted)), len(wanted) - 1)
        unread = wanted[past:]
        del self._read[past:]
        drafted: list[int] = []
        log_probability = 0.0
        while len(drafted) < self._most and len(self._read) + len(unread) <= self._state.capacity:
            (row,) = self._state.read(unread, len(self._read))
            self._read += unread
            token = int(row.argmax())
            log_probability += float(row[token])
            if log_probability < LEAST_LIKELY:
                break
            drafted.append(token)
            if token in self._end_ids:
                break
            unread = [token]
        return drafted
