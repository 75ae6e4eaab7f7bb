"""Learns the tables that drafts come from: counts over the training rows, in about a second."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from engine.generation.drafting import COPY, START, Guesses, Phrases
from tasks.generation.examples import Example

_LEAST_COUNT: Final = 3
_Counts = defaultdict[tuple[int, ...], Counter[int]]


def learn_phrases(examples: Iterable[Example]) -> Phrases:
    """Phrases of these examples' completions, seen from their prompts."""
    within: _Counts = defaultdict(Counter)
    behind_copy: _Counts = defaultdict(Counter)
    reached: Counter[int] = Counter()
    went_on: Counter[int] = Counter()
    for example in examples:
        following: dict[int, set[int]] = defaultdict(set)
        for token, after in zip(example.prompt, example.prompt[1:], strict=False):
            following[token].add(after)
        has = set(example.prompt)
        one, other, copying = START, START, False
        for place, token in enumerate(example.completion):
            if copying:
                onward = following[example.completion[place - 1]]
                reached.update(onward)
                went_on.update(onward & {token})
            if token in has:
                if not copying:
                    within[one, other][COPY] += 1
                    within[other,][COPY] += 1
                copying = True
                continue
            counts = behind_copy if copying else within
            counts[one, other][token] += 1
            counts[other,][token] += 1
            one, other, copying = other, token, False
    copied = {token: round(went_on[token] / count, 3) for token, count in reached.items() if count >= _LEAST_COUNT}
    return Phrases(_guesses(within), _guesses(behind_copy), copied)


def _guesses(counts: _Counts) -> Guesses:
    found = {}
    for context, nexts in counts.items():
        total = nexts.total()
        if total >= _LEAST_COUNT:
            token, count = nexts.most_common(1)[0]
            found[context] = (token, round(count / total, 3))
    return found
