"""Greedy decoding that reads several tokens in one pass where it can: speculative decoding with drafts that cost nothing.

A pass reads the last token and a draft behind it. The draft's tokens that the model would have chosen itself are kept, and
the model's own next token comes on top (Leviathan et al. 2023, with a deterministic draft), so the answer is the model's
greedy answer whatever the draft says.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engine.errors import InputError
from engine.generation.state import LogProbabilities, State


class Drafter(Protocol):
    """Guesses what comes next."""

    def draft(self, tokens: Sequence[int]) -> Sequence[int]:
        """A guess of the tokens behind the answer so far, which may be empty."""


class Constraint(Protocol):
    """What an answer may be, token by token."""

    def choose(self, log_probabilities: LogProbabilities, likeliest: int) -> int | None:
        """The likeliest token (of `log_probabilities` (vocabulary,)) that may come next; it is taken to come next.

        None where no token may, not even the end.
        """


@dataclass(slots=True)
class Decoded:
    """One answer in the making.

    `tokens`: without the end token. `log_probabilities`: of each token and of the end token. `ended`: by the end token.
    `stuck`: no token may come behind it by its constraint, whose log-probability is that of the impossible. `passes`: how
    often the model was run. `drafted`, `accepted`: how many tokens were guessed, and how many rightly.
    """

    tokens: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)
    ended: bool = False
    stuck: bool = False
    passes: int = 0
    drafted: int = 0
    accepted: int = 0


def decode(
    state: State,
    prompt: Sequence[int],
    *,
    end_ids: frozenset[int],
    max_new_tokens: int,
    past: int = 0,
    drafter: Drafter | None = None,
    constraint: Constraint | None = None,
) -> Iterator[Decoded]:
    """The answer as it grows, after each pass; a caller that has seen enough stops asking.

    `past`: how many of the prompt's ids the state holds already. The same object is given each time. The prompt must not
    be empty, and it and `max_new_tokens` fit the state. InputError where the model cannot be run, or gives what is no number.
    """
    answer = Decoded()
    unread = list(prompt[past:])
    while True:
        draft = list(drafter.draft(answer.tokens)) if drafter is not None else []
        del draft[min(max_new_tokens - len(answer.tokens), state.most_draft_rows) - 1 :]
        rows = state.read(unread + draft, past, 1 + len(draft))
        past += len(unread)
        answer.passes += 1
        answer.drafted += len(draft)
        kept = _take(answer, rows, draft, end_ids, max_new_tokens, constraint)
        answer.accepted += kept
        yield answer
        if answer.ended or answer.stuck or len(answer.tokens) >= max_new_tokens:
            return
        past += kept
        unread = [answer.tokens[-1]]


def _take(
    answer: Decoded,
    rows: LogProbabilities,
    draft: Sequence[int],
    end_ids: frozenset[int],
    max_new_tokens: int,
    constraint: Constraint | None,
) -> int:
    """Adds the tokens that the rows allow; the number of the draft's tokens among them."""
    chosen = rows.argmax(-1).tolist()
    for index, likeliest in enumerate(chosen):
        if not math.isfinite(rows.item(index, likeliest)):  # where a row has a NaN, argmax finds it
            raise InputError("the model's numbers are not finite")
        token = likeliest
        if constraint is not None:
            allowed = constraint.choose(rows[index], likeliest)
            if allowed is None:
                answer.log_probabilities.append(-math.inf)
                answer.stuck = True
                return index
            token = allowed
        answer.log_probabilities.append(rows.item(index, token))
        if token in end_ids:
            answer.ended = True
            return index
        answer.tokens.append(token)
        if len(answer.tokens) >= max_new_tokens or index >= len(draft) or token != draft[index]:
            return index
    return len(draft)
