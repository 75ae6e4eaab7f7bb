"""Learns the tables that drafts come from: counts over the training rows, in a few seconds."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.generation.phrases import CERTAIN, COPY, RARE, START, Continuations, CopyStarts, Guess, Phrases
from tasks.data.rows import Row
from tasks.generation.examples import Example
from tasks.generation.greedy import GreedyDecoder, on_all_cores

_LEAST_COUNT: Final = 3
_LEAST_HINT_COUNT: Final = 5
_LEAST_HINT_SHARE: Final = 0.4
_HINT_GAIN: Final = 0.1  # of share, over what is usual
_LEAST_START: Final = 0.1
_SUREST: Final = 0.9999  # odds of 1 are none
MOST_PAIRS: Final = 24_000_000
"""Tokens of prompts times tokens of their completions that are counted: a minute or two at most, however long the prompts are."""
_Counts = defaultdict[tuple[int, ...], Counter[int]]


@dataclass(frozen=True, slots=True)
class _Said:
    """One choice in a completion: what comes behind the tokens `one` and `other`, that the prompt has not, and maybe a copy.

    `token`: COPY where one begins, at `place` of the prompt, where the `taken` places have been copied.
    """

    one: int
    other: int
    copying: bool
    token: int
    place: int = 0
    taken: frozenset[int] = frozenset()


def phrases_of(decoder: GreedyDecoder, rows: Sequence[Row]) -> Phrases:
    """Phrases of these rows, but for those whose prompts the decoder refuses."""
    return learn_phrases(example for example in on_all_cores(decoder.example, rows) if example.prompt)


def learn_phrases(examples: Iterable[Example]) -> Phrases:
    """Phrases of these examples' completions, seen from their prompts; of every n-th where all would be MOST_PAIRS or more."""
    given = list(examples)
    pairs = sum(len(example.prompt) * len(example.completion) for example in given)
    rows = [(example, list(_choices(example))) for example in given[:: 1 + pairs // MOST_PAIRS]]
    usual: tuple[_Counts, _Counts] = (defaultdict(Counter), defaultdict(Counter))
    for _, choices in rows:
        for said in choices:
            usual[said.copying][said.one, said.other][said.token] += 1
            usual[said.copying][said.other,][said.token] += 1
    hinted = _hinted(rows, usual)
    within, behind_copy = (
        Continuations({context: guess for context, counts in known.items() if (guess := _guess(counts))}, hints)
        for known, hints in zip(usual, hinted, strict=True)
    )
    return Phrases(within, behind_copy, _copied(example for example, _ in rows), _starts(rows))


def _choices(example: Example) -> Iterator[_Said]:
    prompt, completion, has = example.prompt, example.completion, set(example.prompt)
    one, other, copying = START, START, False
    taken: set[int] = set()
    at = 0
    for number, token in enumerate(completion):
        if token not in has:
            yield _Said(one, other, copying, token)
            one, other, copying = other, token, False
            continue
        if copying and at + 1 < len(prompt) and prompt[at + 1] == token:
            at += 1
        else:
            at = _place(prompt, completion[number:])
            if not copying:
                yield _Said(one, other, copying, COPY, at, frozenset(taken))
        taken.add(at)
        copying = True


def _place(prompt: Sequence[int], ahead: Sequence[int]) -> int:
    """Where the prompt says the most of what the completion says now."""

    def length(place: int) -> int:
        pairs = zip(prompt[place:], ahead, strict=False)
        return next((number for number, (own, copy) in enumerate(pairs) if own != copy), len(ahead))

    return max((place for place, token in enumerate(prompt) if token == ahead[0]), key=length)


def _hinted(
    rows: Sequence[tuple[Example, Sequence[_Said]]], usual: tuple[_Counts, _Counts]
) -> list[dict[int, dict[int, Guess]]]:
    """For `within` and `behind_copy`: what one token of the prompt tells, where the token before tells too little."""
    counts: tuple[_Counts, _Counts] = (defaultdict(Counter), defaultdict(Counter))
    shares = [{context: _share(nexts) for context, nexts in known.items()} for known in usual]
    for example, choices in rows:
        prompt = set(example.prompt)
        for said in choices:
            if shares[said.copying][said.other,] < CERTAIN:
                for token in prompt:
                    counts[said.copying][said.other, token][said.token] += 1
    found: list[dict[int, dict[int, Guess]]] = [{}, {}]
    for copying in (False, True):
        for (other, token), nexts in counts[copying].items():
            share = _share(nexts)
            if nexts.total() >= _LEAST_HINT_COUNT and share >= max(
                _LEAST_HINT_SHARE, shares[copying][other,] + _HINT_GAIN
            ):
                found[copying].setdefault(other, {})[token] = (nexts.most_common(1)[0][0], round(share, 3))
    return found


def _starts(rows: Sequence[tuple[Example, Sequence[_Said]]]) -> CopyStarts:
    at, behind, anywhere = _Shares(), _Shares(), _Shares()
    for example, choices in rows:
        prompt = example.prompt
        for said in choices:
            if said.token != COPY:
                continue
            for place in range(1, len(prompt)):
                if place not in said.taken:
                    begins = place == said.place
                    at.count((said.other, prompt[place]), begins)
                    behind.count((said.other, prompt[place - 1]), begins)
                    anywhere.count((prompt[place],), begins)
    seldom = {token: share for (token,), share in anywhere.found() if share < RARE}
    return CopyStarts(_by_context(at), _by_context(behind), seldom)


class _Shares:
    """How often something is so, by key."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[int, ...]] = Counter()
        self._so: Counter[tuple[int, ...]] = Counter()

    def count(self, key: tuple[int, ...], so: bool) -> None:
        self._seen[key] += 1
        self._so[key] += so

    def found(self) -> Iterator[tuple[tuple[int, ...], float]]:
        for key, seen in self._seen.items():
            if seen >= _LEAST_COUNT:
                yield key, min(round(self._so[key] / (seen + 1), 4), _SUREST)


def _by_context(shares: _Shares) -> dict[int, dict[int, float]]:
    found: dict[int, dict[int, float]] = {}
    for (other, token), share in shares.found():
        if share >= _LEAST_START:
            found.setdefault(other, {})[token] = share
    return found


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


def _guess(counts: Counter[int]) -> Guess | None:
    if counts.total() < _LEAST_COUNT:
        return None
    return counts.most_common(1)[0][0], round(_share(counts), 3)


def _share(counts: Counter[int]) -> float:
    """Of the most frequent; one more that was seen counts against it, since few rows say little."""
    return counts.most_common(1)[0][1] / (counts.total() + 1)
