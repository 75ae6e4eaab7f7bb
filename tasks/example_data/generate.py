"""Draws the rows of all splits from a grammar.

Labels are balanced. A label that takes part in contrasts gets most of its rows from them. In train, some contrasting
rows come in twins, one for each label with the same words; every other text differs clearly from all texts of all
splits, so that no split can be answered from memory of another. No twins elsewhere: the certificate and the gates count
on rows that are independent draws.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from tasks.example_data.distinct import DistinctTexts
from tasks.example_data.grammar import Contrast, Domain, Grammar, SplitSize, Topic
from tasks.example_data.surface import typed

OUT_OF_SCOPE: Final = "oos"
HELD_BACK: Final = "held_back"

_TRAIN: Final = "train"
_CONTRASTING_SHARE: Final = 0.55
_TWIN_SHARE: Final = 0.6
_SIMILARITY: Final = 0.55
_MOST_CHARACTERS: Final = 135  # about 35 word pieces, also with typos
_MOST_ATTEMPTS: Final = 200


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text; `domain` is the slice that it belongs to."""

    text: str
    label: str
    domain: str


Draw = Callable[[Random], tuple[Example, ...]]


def generate(grammar: Grammar, seed: int) -> dict[str, list[Example]]:
    """The rows of every split, shuffled; the same for the same grammar and seed on every machine.

    Raises RuntimeError if the grammar says too few different things for the rows it is asked for.
    """
    random = Random(f"{grammar.name}/{seed}")  # noqa: S311 - data, not secrets
    plans = {split: _plan(grammar, grammar.domains, split, size) for split, size in grammar.sizes.items()}
    plans[HELD_BACK] = _plan(grammar, (grammar.held_back,), HELD_BACK, SplitSize(grammar.held_back_rows))
    distinct = DistinctTexts(_SIMILARITY)
    rows: dict[str, list[Example]] = {}
    for split, plan in plans.items():
        rows[split] = [example for draw in plan for example in _new(draw, distinct, random)]
        random.shuffle(rows[split])
    return rows


def _new(draw: Draw, distinct: DistinctTexts, random: Random) -> tuple[Example, ...]:
    for _ in range(_MOST_ATTEMPTS):
        examples = draw(random)
        short = all(len(example.text) <= _MOST_CHARACTERS for example in examples)
        # A first twin that is taken in without its second one does no harm: its like is never drawn again.
        if short and all(distinct.add(example.text, example.label) for example in examples):
            return examples
    raise RuntimeError(
        f"the grammar is too narrow: {_MOST_ATTEMPTS} texts for {examples[0].label!r} resemble earlier ones"
    )


def _plan(grammar: Grammar, domains: tuple[Domain, ...], split: str, size: SplitSize) -> list[Draw]:
    """One draw for each row (or pair of twins) of the split."""
    topics = [topic for topic in grammar.topics if split in topic.splits]
    plan = [_out_of_scope(grammar, topics[number % len(topics)]) for number in range(size.out_of_scope)]
    labels = [(domain, label) for domain in domains for label in domain.labels]
    counts = _shares(size.rows - size.out_of_scope, len(labels))
    contrasting: dict[tuple[Contrast, str], int] = {}
    for (domain, label), count in zip(labels, counts, strict=True):
        contrasts = [contrast for contrast in domain.contrasts if label in contrast.labels]
        rows = round(count * _CONTRASTING_SHARE) if contrasts else 0
        plan.extend([_plain(grammar, domain, label)] * (count - rows))
        contrasting.update(
            {(contrast, label): n for contrast, n in zip(contrasts, _shares(rows, len(contrasts)), strict=False)}
        )
    for domain in domains:
        for contrast in domain.contrasts:
            wanted = [contrasting[contrast, label] for label in contrast.labels]
            twins = int(min(wanted) * _TWIN_SHARE) if split == _TRAIN else 0
            plan.extend([_contrasting(grammar, domain, contrast, contrast.labels)] * twins)
            for label, rows in zip(contrast.labels, wanted, strict=True):
                plan.extend([_contrasting(grammar, domain, contrast, (label,))] * (rows - twins))
    return plan


def _shares(total: int, parts: int) -> list[int]:
    return [total // parts + (place < total % parts) for place in range(parts)]


def _plain(grammar: Grammar, domain: Domain, label: str) -> Draw:
    def draw(random: Random) -> tuple[Example, ...]:
        text = grammar.expander.plain(label, random)
        return (Example(typed(text, random), label, domain.name),)

    return draw


def _contrasting(grammar: Grammar, domain: Domain, contrast: Contrast, labels: tuple[str, ...]) -> Draw:
    def draw(random: Random) -> tuple[Example, ...]:
        return tuple(examples(random.getrandbits(64)))

    def examples(seed: int) -> Iterator[Example]:
        for label in labels:
            same = Random(seed)  # noqa: S311 - the same choices for both labels make twins
            text = grammar.expander.contrasting(contrast, label, same)
            yield Example(typed(text, same), label, domain.name)

    return draw


def _out_of_scope(grammar: Grammar, topic: Topic) -> Draw:
    def draw(random: Random) -> tuple[Example, ...]:
        return (Example(typed(grammar.expander.out_of_scope(topic, random), random), OUT_OF_SCOPE, OUT_OF_SCOPE),)

    return draw
