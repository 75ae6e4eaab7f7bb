"""Rows anew at every pass, with other words in the places of those that a completion copies from its prompt.

A small model remembers the values of its train rows, which is easier than to learn to copy, and fails at values it has not
seen. Data recombination (Jia and Liang, 2016) takes that way from it: here token by token, since rows have no grammar.
Measured on the function calls: exact match on rows not seen from 93 % to 95 % after three passes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from tasks.families.generation.rows.examples import Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_COPIED: Final = 0.9  # of a token's places in completions, where its prompt has it, too
_SWAPPED: Final = 0.7  # of the copied tokens of a row that is swapped at all
_WORD_STARTS: Final = ("Ġ", "▁")


@dataclass(frozen=True)
class SwappedCopies:
    """`share` of the rows get other tokens; `pools`: letters that are nearly always copied, beginning a word or not.

    A token is exchanged for one of its own pool everywhere in the row, prompt and completion alike.
    """

    share: float
    pools: tuple[tuple[int, ...], tuple[int, ...]]

    @classmethod
    def of(cls, examples: Sequence[Example], tokenizer: "PreTrainedTokenizerFast", share: float) -> Self:
        """Finds the tokens that the completions of these rows copy."""
        written: Counter[int] = Counter()
        copied: Counter[int] = Counter()
        for example in examples:
            prompt = set(example.prompt)
            written.update(example.completion)
            copied.update(token for token in example.completion if token in prompt)
        pools: tuple[list[int], list[int]] = ([], [])
        tokens = sorted(written)
        for token, piece in zip(tokens, tokenizer.convert_ids_to_tokens(tokens), strict=True):
            begins = piece.startswith(_WORD_STARTS)
            if copied[token] >= _COPIED * written[token] and piece[begins:].isalpha():
                pools[begins].append(token)
        return cls(share, (tuple(pools[0]), tuple(pools[1])))

    def variant(self, example: Example, chance: np.random.Generator) -> Example:
        """The row as it is, or with some of its copied tokens swapped; no two of them become one."""
        if chance.random() >= self.share:
            return example
        used = {*example.prompt, *example.completion}
        shared = set(example.prompt).intersection(example.completion)
        swaps: dict[int, int] = {}
        for pool in self.pools:
            for token in sorted(shared.intersection(pool)):
                new = pool[int(chance.integers(len(pool)))]
                if chance.random() < _SWAPPED and new not in used:
                    swaps[token] = new
                    used.add(new)
        return Example(_swapped(example.prompt, swaps), _swapped(example.completion, swaps))


def _swapped(tokens: Sequence[int], swaps: dict[int, int]) -> list[int]:
    return [swaps.get(token, token) for token in tokens]
