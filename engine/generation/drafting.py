"""Drafts that cost microseconds: what an answer copies from its prompt, what stands between copies, what is there already.

Answers made of values from the prompt and fixed text between them are guessed well by the tables of `Phrases`: prompt lookup
(Saxena 2023), told where copies begin and end, and what comes then.
"""

import math
from collections.abc import Sequence
from typing import Final

from engine.generation.decoding import Drafter
from engine.generation.phrases import COPY, START, Phrases

_LEAST_SHARE: Final = 0.35  # reading a token more costs about a tenth of a pass
_LEAST_COPIED: Final = 0.4
_UNSEEN_COPIED: Final = 0.5
_LONGEST_MATCH: Final = 4
LEAST_LIKELY: Final = math.log(0.25)
"""Of another model's draft, up to its last token: a token in vain costs, too."""


class PhraseDrafter:
    """Guesses at most `most` tokens at a time for one prompt."""

    def __init__(self, phrases: Phrases, prompt: Sequence[int], most: int) -> None:
        """`prompt`: ids as the model reads them."""
        self._phrases = phrases
        self._prompt = prompt
        self._most = most
        self._places: dict[int, list[int]] = {}
        for place, token in enumerate(prompt):
            self._places.setdefault(token, []).append(place)
        self._answer: list[int] = []
        self._said = [START, START]  # the answer's tokens that the prompt has not
        self._at: int | None = None  # where the prompt has the answer's last token
        self._taken = bytearray(len(prompt))  # places that the answer has copied

    def draft(self, tokens: Sequence[int]) -> list[int]:
        """See Drafter; each answer is longer than the one before."""
        for token in tokens[len(self._answer) :]:
            self._say(token)
        length, spoken, at, taken = len(self._answer), len(self._said), self._at, bytes(self._taken)
        for _ in range(self._most):
            guess = self._next()
            if guess is None:
                break
            self._say(guess)
        drafted = self._answer[length:]
        del self._answer[length:], self._said[spoken:]
        self._at, self._taken[:] = at, taken
        return drafted

    def _say(self, token: int) -> None:
        self._answer.append(token)
        places = self._places.get(token)
        if places is None:
            self._said.append(token)
            self._at = None
        else:
            self._at = self._place_of_copy(places)
            self._taken[self._at] = 1

    def _next(self) -> int | None:
        phrases, prompt, at = self._phrases, self._prompt, self._at
        if at is not None and at + 1 < len(prompt):
            token = prompt[at + 1]
            if phrases.copied.get(token, _UNSEEN_COPIED) >= _LEAST_COPIED:
                return token
        one, other = self._said[-2:]
        guess = (phrases.within if at is None else phrases.behind_copy).next(one, other, self._places)
        if guess is None or guess[1] < _LEAST_SHARE:
            return None
        if guess[0] != COPY:
            return guess[0]
        start, share = phrases.starts.likeliest(other, prompt, self._places, self._taken)
        return prompt[start] if share >= _LEAST_SHARE else None

    def _place_of_copy(self, places: Sequence[int]) -> int:
        """Where the prompt says what the answer says last, by the longest match; of several, one not copied before."""
        if len(places) == 1:
            return places[0]
        answer, prompt = self._answer, self._prompt
        best, longest = places[0], (0, False)
        for place in places:
            length = 1
            while (
                length < min(_LONGEST_MATCH, len(answer), place + 1) and prompt[place - length] == answer[-1 - length]
            ):
                length += 1
            if (found := (length, not self._taken[place])) > longest:
                best, longest = place, found
        return best


class AnswerDrafter:
    """Drafts an answer that another model gave; where the two part, what comes behind the last two tokens in it.

    `parted` guesses in its place there. `otherwise` guesses where the others say nothing.
    """

    def __init__(
        self,
        answer: Sequence[int],
        otherwise: Drafter | None,
        log_probabilities: Sequence[float] | None = None,
        parted: Drafter | None = None,
    ) -> None:
        """`answer`: ids, with the end token where it has one; `log_probabilities`: of each, None takes all for certain."""
        self._answer = list(answer)
        self._log_probabilities = [0.0] * len(answer) if log_probabilities is None else log_probabilities
        self._otherwise = otherwise
        self._parted = parted
        self._places: dict[tuple[int, int], int] = {}
        for place in range(len(answer) - 1, 1, -1):
            self._places[answer[place - 2], answer[place - 1]] = place

    def draft(self, tokens: Sequence[int]) -> Sequence[int]:
        """See Drafter; as far as the other model was likely to be right."""
        length = len(tokens)
        if self._answer[:length] == tokens:
            likely: Sequence[int] = self._likely_from(length)
        elif self._parted is not None:
            likely = self._parted.draft(tokens)
        else:
            place = self._places.get((tokens[-2], tokens[-1])) if length > 1 else None
            likely = [] if place is None else self._likely_from(place)
        return likely or (self._otherwise.draft(tokens) if self._otherwise is not None else [])

    def _likely_from(self, place: int) -> list[int]:
        end, log_probability = place, 0.0
        for value in self._log_probabilities[place:]:
            log_probability += value
            if log_probability < LEAST_LIKELY:
                break
            end += 1
        return self._answer[place:end]
