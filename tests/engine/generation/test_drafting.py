"""Drafts: copies from the prompt, phrases between them, and what another model answered."""

from pathlib import Path

import pytest

from engine.errors import BundleError
from engine.generation.drafting import AnswerDrafter, PhraseDrafter
from engine.generation.phrases import Phrases
from tasks.families.generation.routing.phrases import learn_phrases
from tasks.families.generation.rows.examples import Example

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
    assert drafter.draft([]) == [OPEN, 40, 41, 42, SECOND, 60, 61, CLOSE]
    assert drafter.draft([OPEN, 41]) == [42, SECOND, 60, 61, CLOSE, END]


def test_most_tokens_of_an_answer_need_no_pass_of_their_own(phrases: Phrases) -> None:
    new = example([40, 41, 42], [60, 61])
    passes, drafted = accepted(PhraseDrafter(phrases, new.prompt, 8), new.completion)
    assert (passes, drafted) == (1, 8)


def test_where_nothing_tells_where_a_copy_begins_the_model_has_to_say_it() -> None:
    values = [[10 + n, 30 + n, 50 + n, 70 + n] for n in range(16)]
    rows = [Example([1, *words, 2], [OPEN, words[n % 4], CLOSE, END]) for n, words in enumerate(values)]
    drafter = PhraseDrafter(learn_phrases(rows), [1, 90, 91, 92, 93, 2], 8)
    assert drafter.draft([]) == [OPEN]
    assert drafter.draft([OPEN, 93])[-2:] == [CLOSE, END]


def test_a_telling_token_of_the_prompt_says_which_text_comes_next() -> None:
    light, music, please, now = 10, 11, 12, 13
    rows = [
        Example([1, *extra, word, 2], [OPEN, call, END])
        for word, call in ((light, SECOND), (music, CLOSE))
        for extra in ([], [please], [now], [please, now])
        for _ in range(3)
    ]
    phrases = learn_phrases(rows)
    assert PhraseDrafter(phrases, [1, 40, music, now, 2], 8).draft([]) == [OPEN, CLOSE, END]
    assert PhraseDrafter(phrases, [1, light, please, 41, 2], 8).draft([]) == [OPEN, SECOND, END]


def test_a_copy_begins_at_a_token_that_was_copied_before_wherever_it_stands() -> None:
    room = 20
    rows = [Example([1, 30 + n, *[40 + n] * (n % 2), room, 2], [OPEN, room, CLOSE, END]) for n in range(9)]
    assert PhraseDrafter(learn_phrases(rows), [1, room, 50, 51, 2], 2).draft([]) == [OPEN, room]


def test_what_was_so_in_tens_of_thousands_of_rows_is_guessed_like_anything_else() -> None:
    rows = [Example([1, 10, 20 + n % 40, 2], [OPEN, 20 + n % 40, CLOSE, END]) for n in range(22_000)]
    assert PhraseDrafter(learn_phrases(rows), [1, 10, 70, 2], 8).draft([]) == [OPEN, 70, CLOSE, END]


def test_of_rows_too_long_to_count_all_some_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [example([10 + n, 30 + n], [50 + n, 70 + n, 20 + n]) for n in range(8)]
    monkeypatch.setattr(
        "tasks.families.generation.routing.phrases.MOST_PAIRS", sum(len(r.prompt) * len(r.completion) for r in rows) - 1
    )
    assert learn_phrases(rows) == learn_phrases(rows[::2])


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


def test_a_doubtful_answer_is_drafted_as_far_as_it_is_likely() -> None:
    answer = [OPEN, 40, 41, SECOND, 60, CLOSE, END]
    sure, doubt, guess = -0.01, -0.7, -3.0  # 99 %, 50 %, 5 %
    drafter = AnswerDrafter(answer, None, [sure, sure, doubt, doubt, doubt, sure, sure])
    assert list(drafter.draft([])) == answer[:3]  # then 0.24
    assert list(drafter.draft([OPEN, 40, 41, SECOND])) == answer[4:]
    assert list(AnswerDrafter(answer, None, [guess] * 7).draft([])) == []


def test_where_the_other_answer_is_silent_phrases_are_guessed(phrases: Phrases) -> None:
    new = example([40, 41, 42], [60, 61])
    drafter = AnswerDrafter([OPEN, 60], PhraseDrafter(phrases, new.prompt, 3))
    assert drafter.draft([OPEN, 40]) == [41, 42, SECOND]


class Anew:
    """Guesses the tokens that it is given, and remembers what it was asked behind."""

    def __init__(self, guess: list[int]) -> None:
        self.guess = guess
        self.asked: list[list[int]] = []

    def draft(self, tokens) -> list[int]:
        self.asked.append(list(tokens))
        return self.guess


def test_where_the_other_answer_is_left_its_model_may_guess_anew() -> None:
    anew = Anew([61, 62])
    drafter = AnswerDrafter([OPEN, 40, 41, SECOND, 60, CLOSE, END], None, parted=anew)
    assert list(drafter.draft([OPEN, 40])) == [41, SECOND, 60, CLOSE, END]
    assert anew.asked == []
    assert list(drafter.draft([OPEN, 44, 41, SECOND])) == [61, 62]
    assert anew.asked == [[OPEN, 44, 41, SECOND]]


def test_phrases_are_guessed_where_neither_answer_nor_model_says_anything(phrases: Phrases) -> None:
    new = example([40, 41, 42], [60, 61])
    drafter = AnswerDrafter([OPEN, 60], PhraseDrafter(phrases, new.prompt, 3), parted=Anew([]))
    assert drafter.draft([OPEN, 40]) == [41, 42, SECOND]
