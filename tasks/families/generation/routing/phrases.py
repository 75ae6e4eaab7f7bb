"""Learns the tables that drafts come from: counts over the training rows, in a few seconds and within bounded memory."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.generation.phrases import CERTAIN, COPY, RARE, START, Continuations, CopyStarts, Guess, Phrases
from tasks.data.rows import Row
from tasks.families.generation.decoders.greedy import GreedyDecoder, on_all_cores
from tasks.families.generation.routing.counting import Favourites, favourites, how_often
from tasks.families.generation.rows.examples import Example

_LEAST_COUNT: Final = 3
_LEAST_HINT_COUNT: Final = 5
_LEAST_HINT_SHARE: Final = 0.4
_HINT_GAIN: Final = 0.1  # of share, over what is usual
_LEAST_START: Final = 0.1
_SUREST: Final = 0.9999  # odds of 1 are none
MOST_PAIRS: Final = 24_000_000
"""Tokens of prompts times tokens of completions that are counted: about a minute and two gigabytes, however long the rows are."""
_FIRST: Final = -START
"""Added to a token, so that START is 0: numbers without a sign are packed into one."""
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Said:
    """One choice in a completion: what comes behind the tokens `one` and `other`, that the prompt has not, and maybe a copy.

    `token`: COPY where one begins, at `place` of the prompt, where so many places of the row's `copied` are `taken`.
    """

    one: int
    other: int
    copying: bool
    token: int
    place: int = 0
    taken: int = 0


@dataclass(frozen=True, slots=True)
class _Read:
    """One row: its choices, and the places of the prompt that are copied, in the order in which they are."""

    prompt: Ints
    choices: Sequence[_Said]
    copied: Sequence[int]


def phrases_of(decoder: GreedyDecoder, rows: Sequence[Row]) -> Phrases:
    """Phrases of these rows, but for those whose prompts the decoder refuses."""
    return learn_phrases(example for example in on_all_cores(decoder.example, rows) if example.prompt)


def learn_phrases(examples: Iterable[Example]) -> Phrases:
    """Phrases of these examples' completions, seen from their prompts; of every n-th where all would be MOST_PAIRS or more."""
    given = list(examples)
    pairs = sum(len(example.prompt) * len(example.completion) for example in given)
    given = given[:: 1 + pairs // MOST_PAIRS]
    rows = [_read(example) for example in given]
    # One more than any token, as the mark of a context without the token before the last.
    base = 1 + _FIRST + max(chain.from_iterable((*example.prompt, *example.completion) for example in given), default=0)
    within, behind_copy = (_continuations(rows, base, copying=copying) for copying in (False, True))
    return Phrases(within, behind_copy, _copied(given), _starts(rows, base))


def _continuations(rows: Sequence[_Read], base: int, *, copying: bool) -> Continuations:
    packed: list[int] = []
    for row in rows:
        for said in row.choices:
            if said.copying is copying:
                one, other, token = said.one + _FIRST, said.other + _FIRST, said.token + _FIRST
                packed += ((one * (base + 1) + other) * base + token, (base * (base + 1) + other) * base + token)
    usual = favourites(np.array(packed, np.int64), base)
    guesses: dict[tuple[int, ...], Guess] = {}
    shares: dict[int, float] = {}
    for context, total, token, share in _by_row(usual):
        one, other = divmod(context, base + 1)
        if one == base:
            shares[other - _FIRST] = share
        if total >= _LEAST_COUNT:
            known = (other - _FIRST,) if one == base else (one - _FIRST, other - _FIRST)
            guesses[known] = token - _FIRST, round(share, 3)
    return Continuations(guesses, _hinted(rows, base, shares, copying=copying))


def _hinted(
    rows: Sequence[_Read], base: int, usual: Mapping[int, float], *, copying: bool
) -> dict[int, dict[int, Guess]]:
    """What one token of the prompt tells, where the token before, whose `usual` share it is, tells too little."""
    found: dict[int, dict[int, Guess]] = {}
    packed: list[Ints] = []
    for row in rows:
        open_choices = [said for said in row.choices if said.copying is copying and usual[said.other] < CERTAIN]
        if open_choices:
            hints = (np.fromiter(set(row.prompt.tolist()), np.int64) + _FIRST) * base
            packed += [hints + ((said.other + _FIRST) * base * base + said.token + _FIRST) for said in open_choices]
    for context, _, token, share in _by_row(favourites(_joined(packed), base, _LEAST_HINT_COUNT)):
        other, hint = divmod(context, base)
        if share >= max(_LEAST_HINT_SHARE, usual[other - _FIRST] + _HINT_GAIN):
            found.setdefault(other - _FIRST, {})[hint - _FIRST] = token - _FIRST, round(share, 3)
    return found


def _by_row(found: Favourites) -> Iterator[tuple[int, int, int, float]]:
    """Context, total, the next token and its share."""
    columns = (found.contexts, found.totals, found.nexts, found.shares)
    return zip(*(column.tolist() for column in columns), strict=True)


def _starts(rows: Sequence[_Read], base: int) -> CopyStarts:
    at: list[Ints] = []
    behind: list[Ints] = []
    anywhere: list[Ints] = []
    for row in rows:
        tokens = row.prompt + _FIRST
        free = np.ones(len(tokens), np.bool_)
        free[:1] = False
        taken = 0
        for said in row.choices:
            if said.token == COPY:
                free[row.copied[taken : said.taken]] = False
                taken = said.taken
                places = np.flatnonzero(free)
                begins = places == said.place
                context = (said.other + _FIRST) * base
                at.append((context + tokens[places]) * 2 + begins)
                behind.append((context + tokens[places - 1]) * 2 + begins)
                anywhere.append(tokens[places] * 2 + begins)
    seldom = {token - _FIRST: share for token, share in _shares(anywhere) if share < RARE}
    return CopyStarts(_by_context(at, base), _by_context(behind, base), seldom)


def _by_context(packed: list[Ints], base: int) -> dict[int, dict[int, float]]:
    found: dict[int, dict[int, float]] = {}
    for key, share in _shares(packed):
        other, token = divmod(key, base)
        if share >= _LEAST_START:
            found.setdefault(other - _FIRST, {})[token - _FIRST] = share
    return found


def _shares(packed: list[Ints]) -> Iterator[tuple[int, float]]:
    """How often a copy begins, by key. The list is emptied."""
    keys, seen, so = how_often(_joined(packed), _LEAST_COUNT)
    for key, times, begun in zip(keys.tolist(), seen.tolist(), so.tolist(), strict=True):
        yield key, min(round(begun / (times + 1), 4), _SUREST)


def _joined(parts: list[Ints]) -> Ints:
    """One array; the list is emptied, so that nothing is held twice for longer than needed."""
    whole = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    parts.clear()
    return whole


def _read(example: Example) -> _Read:
    prompt, completion, has = example.prompt, example.completion, set(example.prompt)
    choices: list[_Said] = []
    copied: list[int] = []
    one, other, copying = START, START, False
    at = 0
    for number, token in enumerate(completion):
        if token not in has:
            choices.append(_Said(one, other, copying, token))
            one, other, copying = other, token, False
            continue
        if copying and at + 1 < len(prompt) and prompt[at + 1] == token:
            at += 1
        else:
            at = _place(prompt, completion[number:])
            if not copying:
                choices.append(_Said(one, other, copying, COPY, at, len(copied)))
        copied.append(at)
        copying = True
    return _Read(np.array(prompt, np.int64), choices, copied)


def _place(prompt: Sequence[int], ahead: Sequence[int]) -> int:
    """Where the prompt says the most of what the completion says now."""

    def length(place: int) -> int:
        pairs = zip(prompt[place:], ahead, strict=False)
        return next((number for number, (own, copy) in enumerate(pairs) if own != copy), len(ahead))

    return max((place for place, token in enumerate(prompt) if token == ahead[0]), key=length)


def _copied(examples: Iterable[Example]) -> Mapping[int, float]:
    """How often a copy that has come to a token of the prompt goes on with it."""
    reached: Counter[int] = Counter()
    went_on: Counter[int] = Counter()
    for example in examples:
        following: dict[int, set[int]] = defaultdict(set)
        for token, after in zip(example.prompt, example.prompt[1:], strict=False):
            following[token].add(after)
        has = set(example.prompt)
        for token, after in zip(example.completion, example.completion[1:], strict=False):
            if token in has:
                reached.update(following[token])
                went_on.update(following[token] & {after})
    return {token: round(went_on[token] / count, 3) for token, count in reached.items() if count >= _LEAST_COUNT}
