"""How much of a gold completion an answer has, for answers that need not be right as a whole: token F1 and ROUGE-L.

Both compare words, in lower case and without marks: F1 their multisets, as SQuAD does (Rajpurkar et al. 2016), ROUGE-L their
longest common subsequence (Lin 2004). Where no white space parts words, characters are compared, as is usual for Chinese
(Cui et al. 2019).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from tasks.data.scripts import UNSPACED

_WORD: Final = re.compile(r"\w+")
_UNSPACED: Final = re.compile(f"[{UNSPACED}]")


def token_f1(gold: str, answer: str) -> float:
    """F1 of the answer's words against the gold completion's, in [0, 1]."""
    wanted, given = words(gold), words(answer)
    return _f1((Counter(wanted) & Counter(given)).total(), wanted, given)


def rouge_l(gold: str, answer: str) -> float:
    """F-measure of the longest common subsequence of words, in [0, 1]."""
    wanted, given = words(gold), words(answer)
    return _f1(longest_common_subsequence(wanted, given), wanted, given)


def words(text: str) -> list[str]:
    """The text's words in lower case, and characters where nothing parts words; a text of punctuation alone is one word."""
    text = unicodedata.normalize("NFC", text)
    lowered = unicodedata.normalize("NFC", text.lower())
    found = _WORD.findall(lowered) if lowered.isascii() else list(_words(lowered))
    return found or ([text.strip()] if text.strip() else [])


def _words(text: str) -> Iterator[str]:
    """A vowel sign or an accent that is a character of its own belongs to what it stands on, in any script."""
    word = ""
    for character in text:
        if word and unicodedata.category(character).startswith("M"):
            word += character
        elif not _WORD.match(character):
            if word:
                yield word
            word = ""
        elif word and not _UNSPACED.match(character) and not _UNSPACED.match(word):
            word += character
        else:
            if word:
                yield word
            word = character
    if word:
        yield word


def longest_common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Its length, a row of the table at a time as the bits of one number (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    all_places = (1 << len(one)) - 1
    unmatched = all_places
    for word in other:
        found = unmatched & places.get(word, 0)
        unmatched = ((unmatched + found) | (unmatched - found)) & all_places
    return len(one) - unmatched.bit_count()


def _f1(shared: int, wanted: Sequence[str], given: Sequence[str]) -> float:
    if not wanted and not given:
        return 1.0
    return 2 * shared / (len(wanted) + len(given))
