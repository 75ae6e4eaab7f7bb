"""Drafts that cost microseconds: what an answer copies from its prompt, what stands between copies, what is there already.

Answers made of values from the prompt and fixed text between them are guessed well by three small tables of counts, learned
from the training rows: prompt lookup (Saxena 2023), told where copies end and what comes then.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import BundleError
from engine.generation.decoding import Drafter

PHRASES_FILE: Final = "phrases.json"
COPY: Final = -1
"""Stands in the tables for a token that the prompt has."""
START: Final = -2
"""Stands in a context for what was before the answer."""
_LEAST_SHARE: Final = 0.3  # reading a token more costs about a fifth of a pass more
_LEAST_COPIED: Final = 0.4
_UNSEEN_COPIED: Final = 0.5
_LONGEST_MATCH: Final = 4

Guesses = Mapping[tuple[int, ...], tuple[int, float]]
"""Context, the last one or two tokens that the prompt does not have → the likeliest next token (or COPY) and its share."""


@dataclass(frozen=True)
class Phrases:
    """The tables. `within`: behind a token that the prompt has not; `behind_copy`: behind one that it has;

    `copied`: how often a copy that has come to this token of the prompt goes on with it.
    """

    within: Guesses
    behind_copy: Guesses
    copied: Mapping[int, float]

    def save(self, folder: Path) -> None:
        """Write `phrases.json`."""
        document = {
            "within": [[list(context), *guess] for context, guess in self.within.items()],
            "behind_copy": [[list(context), *guess] for context, guess in self.behind_copy.items()],
            "copied": [[token, share] for token, share in self.copied.items()],
        }
        (folder / PHRASES_FILE).write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Phrases":
        """Read what `save` wrote; BundleError when it cannot be read."""
        file = folder / PHRASES_FILE
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            within, behind_copy = (
                {tuple(context): (int(token), float(share)) for context, token, share in document[name]}
                for name in ("within", "behind_copy")
            )
            return cls(within, behind_copy, {int(token): float(share) for token, share in document["copied"]})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{file}: not a table of phrases ({error})") from error


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

    def draft(self, tokens: Sequence[int]) -> list[int]:
        """See Drafter; each answer is longer than the one before."""
        new = tokens[len(self._answer) :]
        self._answer.extend(new)
        self._said.extend(token for token in new if token not in self._places)
        answer, said = self._answer, self._said
        length, spoken = len(answer), len(said)
        for _ in range(self._most):
            guess = self._next()
            if guess is None:
                break
            answer.append(guess)
            if guess not in self._places:
                said.append(guess)
        drafted = answer[length:]
        del answer[length:], said[spoken:]
        return drafted

    def _next(self) -> int | None:
        before = self._answer[-1] if self._answer else START
        table = self._phrases.within
        if before in self._places:
            going_on = self._place_of_copy() + 1
            if going_on < len(self._prompt):
                token = self._prompt[going_on]
                if self._phrases.copied.get(token, _UNSEEN_COPIED) >= _LEAST_COPIED:
                    return token
            table = self._phrases.behind_copy
        one, other = self._said[-2:]
        guess = table.get((one, other)) or table.get((other,))
        return None if guess is None or guess[0] == COPY or guess[1] < _LEAST_SHARE else guess[0]

    def _place_of_copy(self) -> int:
        """Where the prompt says what the answer says last, by the longest match."""
        answer, prompt = self._answer, self._prompt
        places = self._places[answer[-1]]
        if len(places) == 1:
            return places[0]
        best, longest = places[0], 0
        for place in places:
            length = 1
            while (
                length < min(_LONGEST_MATCH, len(answer), place + 1) and prompt[place - length] == answer[-1 - length]
            ):
                length += 1
            if length > longest:
                best, longest = place, length
        return best


class AnswerDrafter:
    """Drafts an answer that another model gave; where the two part, what comes behind the last two tokens in it.

    `otherwise` guesses where the other answer says nothing more.
    """

    def __init__(self, answer: Sequence[int], otherwise: Drafter | None) -> None:
        """`answer`: ids, with the end token where it has one."""
        self._answer = list(answer)
        self._otherwise = otherwise
        self._places: dict[tuple[int, int], int] = {}
        for place in range(len(answer) - 1, 1, -1):
            self._places[answer[place - 2], answer[place - 1]] = place

    def draft(self, tokens: Sequence[int]) -> Sequence[int]:
        """See Drafter; the whole rest at once, since it is likely and was free."""
        length = len(tokens)
        if self._answer[:length] == tokens:
            place: int | None = length
        else:
            place = self._places.get((tokens[-2], tokens[-1])) if length > 1 else None
        if place is not None and place < len(self._answer):
            return self._answer[place:]
        return self._otherwise.draft(tokens) if self._otherwise is not None else ()
