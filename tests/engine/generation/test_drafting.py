"""Drafts: copies from the prompt, phrases between them, and what another model answered."""

from pathlib import Path

import pytest

from engine.errors import BundleError
from engine.generation.drafting import AnswerDrafter, PhraseDrafter, Phrases
from tasks.generation.examples import Example
from tasks.generation.phrases import learn_phrases

# Tokens below 100 are words of prompts; 100 and above stand between the copies.
OPEN, SECOND, CLOSE, END = 100, 101, 102, 3


def example(first: list[int], second: list[int]) -> Example:
    """A prompt such as `1 <first> 90 <second> 2`, and a call that copies both."""
    return Example([1, *first, 90, *second, 2], [OPEN, *first, SECOND, *second, CLOSE, END])


@pytest.fixture(scope="module")
def phrases() -> Phrases:
    return learn_phrases([example([10 + n, 30 + n], [50 + n, 70 + n, 20 + n]) for n in range(8)])


def accepted(drafter: PhraseDrafter, answer: list[int]) -> tuple[int, int]:
    """Passes and drafted tokens that it takes to say `answer`."""
    said: list[int] = []
    passes = drafted = 0
    while len(said) < len(answer):
        draft = list(drafter.draft(said))
        passes, drafted = passes + 1, drafted + len(draft)
        kept = 0
        while kept < len(draft) and draft[kept] == answer[len(said) + kept]:
            kept += 1
        said = answer[: len(said) + kept + 1]
    return passes, drafted


def test_phrases_and_copies_are_guessed_for_values_never_seen(phrases: Phrases) -> None:
    new = example([40, 41, 42], [60, 61])
    drafter = PhraseDrafter(phrases, new.prompt, 8)
    assert drafter.draft([]) == [OPEN]
    assert drafter.draft([OPEN]) == []  # which value begins is the model's to say
    assert drafter.draft([OPEN, 40]) == [41, 42, SECOND]
    assert drafter.draft([OPEN, 40, 41, 42, SECOND, 60]) == [61, CLOSE, END]


def test_most_tokens_of_an_answer_need_no_pass_of_their_own(phrases: Phrases) -> None:
    new = example([40, 41, 42], [60, 61])
    passes, drafted = accepted(PhraseDrafter(phrases, new.prompt, 8), new.completion)
    assert (passes, drafted) == (3, 7)


def test_no_more_is_guessed_than_asked_for(phrases: Phrases) -> None:
    new = example([40, 41, 42], [60, 61])
    assert PhraseDrafter(phrases, new.prompt, 2).draft([OPEN, 40]) == [41, 42]


def test_of_two_places_the_longer_match_is_copied(phrases: Phrases) -> None:
    prompt = [1, 40, 41, 45, 90, 44, 41, 46, 2]
    assert PhraseDrafter(phrases, prompt, 1).draft([OPEN, 44, 41]) == [46]
    assert PhraseDrafter(phrases, prompt, 1).draft([OPEN, 40, 41]) == [45]


def test_phrases_are_kept_on_disk(phrases: Phrases, tmp_path: Path) -> None:
    phrases.save(tmp_path)
    assert Phrases.load(tmp_path) == phrases
    (tmp_path / "phrases.json").write_text("[]", encoding="utf-8")
    with pytest.raises(BundleError, match="not a table of phrases"):
        Phrases.load(tmp_path)


def test_no_rows_are_no_guesses() -> None:
    assert PhraseDrafter(learn_phrases([]), [1, 40, 2], 8).draft([]) == []


def test_another_models_answer_is_drafted_and_taken_up_again_behind_a_difference() -> None:
    drafter = AnswerDrafter([OPEN, 40, 41, SECOND, 60, CLOSE, END], None)
    assert list(drafter.draft([])) == [OPEN, 40, 41, SECOND, 60, CLOSE, END]
    assert list(drafter.draft([OPEN, 40])) == [41, SECOND, 60, CLOSE, END]
    assert list(drafter.draft([OPEN, 44])) == []
    assert list(drafter.draft([OPEN, 44, 41, SECOND])) == [60, CLOSE, END]
    assert list(drafter.draft([OPEN, 40, 41, SECOND, 60, CLOSE, END])) == []


def test_where_the_other_answer_is_silent_phrases_are_guessed(phrases: Phrases) -> None:
    new = example([40, 41, 42], [60, 61])
    drafter = AnswerDrafter([OPEN, 60], PhraseDrafter(phrases, new.prompt, 8))
    assert drafter.draft([OPEN, 40]) == [41, 42, SECOND]
