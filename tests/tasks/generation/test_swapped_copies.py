"""Rows that are learned with other words in the places of those that their completions copy."""

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from tasks.families.generation.prompt_format import prompt_format
from tasks.families.generation.rows.examples import Example, to_examples
from tasks.families.generation.rows.swapped_copies import SwappedCopies
from tasks.families.generation.rows.train_tokenizer import train_tokenizer
from tests.tasks.generation.conftest import call_rows

ROWS = call_rows(400, 3)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer((text for row in ROWS for text in (row.text, row.label)), 512, 96)


@pytest.fixture(scope="module")
def examples(tokenizer: PreTrainedTokenizerFast) -> list[Example]:
    return to_examples(ROWS, tokenizer, prompt_format(tokenizer))


def variants(examples: list[Example], swaps: SwappedCopies, seed: int = 0) -> list[Example]:
    chance = np.random.default_rng(seed)
    return [swaps.variant(example, chance) for example in examples]


def copies(example: Example) -> list[tuple[int, int]]:
    return [
        (there, here)
        for here, token in enumerate(example.completion)
        for there, other in enumerate(example.prompt)
        if token == other
    ]


def test_what_was_copied_is_copied_still_and_nothing_else_is(
    examples: list[Example], tokenizer: PreTrainedTokenizerFast
) -> None:
    swaps = SwappedCopies.of(examples, tokenizer, 1.0)
    made = variants(examples, swaps)
    changed = sum(one != other for one, other in zip(examples, made, strict=True))
    assert changed > 0.6 * len(examples)
    for one, other in zip(examples, made, strict=True):
        assert (len(one.prompt), len(one.completion)) == (len(other.prompt), len(other.completion))
        assert copies(one) == copies(other)


def test_only_words_that_are_copied_are_swapped_and_for_words_of_their_kind(
    examples: list[Example], tokenizer: PreTrainedTokenizerFast
) -> None:
    swaps = SwappedCopies.of(examples, tokenizer, 1.0)
    inside, beginning = (tokenizer.convert_ids_to_tokens(list(pool)) for pool in swaps.pools)
    assert beginning
    assert all(piece.startswith("Ġ") and piece[1:].isalpha() for piece in beginning)
    assert all(piece.isalpha() and not piece.startswith("Ġ") for piece in inside)
    kind = {token: number for number, pool in enumerate(swaps.pools) for token in pool}
    for one, other in zip(examples, variants(examples, swaps), strict=True):
        for before, after in zip([*one.prompt, *one.completion], [*other.prompt, *other.completion], strict=True):
            assert before == after or kind[before] == kind[after]


def test_the_share_is_kept_and_chance_is_the_seeds(examples: list[Example], tokenizer: PreTrainedTokenizerFast) -> None:
    half = SwappedCopies.of(examples, tokenizer, 0.5)
    made = variants(examples, half)
    assert made == variants(examples, half)
    assert made != variants(examples, half, 1)
    assert 0.25 < sum(one != other for one, other in zip(examples, made, strict=True)) / len(examples) < 0.55


def test_completions_that_copy_nothing_stay_as_they_are(tokenizer: PreTrainedTokenizerFast) -> None:
    words = [f" {word}" for word in ("ann", "milk", "corn", "rosa")]
    ids = [tokenizer.encode(word, add_special_tokens=False) for word in words]
    apart = [Example(ids[0] + ids[1], ids[2] + ids[3]), Example(ids[1], ids[2])]
    assert variants(apart, SwappedCopies.of(apart, tokenizer, 1.0)) == apart
