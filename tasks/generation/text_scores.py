"""How much of a gold completion an answer has, for answers that need not be right as a whole: token F1 and ROUGE-L.

Both compare words, in lower case and without marks: F1 their multisets, as SQuAD does (Rajpurkar et al. 2016), ROUGE-L their
longest common subsequence (Lin 2004).
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

_WORD: Final = re.compile(r"\w+")


def token_f1(gold: str, answer: str) -> float:
    """F1 of the answer's words against the gold completion's, in [0, 1]."""
    wanted, given = words(gold), words(answer)
    return _f1((Counter(wanted) & Counter(given)).total(), wanted, given)


def rouge_l(gold: str, answer: str) -> float:
    """F-measure of the longest common subsequence of words, in [0, 1]."""
    wanted, given = words(gold), words(answer)
    return _f1(longest_common_subsequence(wanted, given), wanted, given)


def words(text: str) -> list[str]:
    """The text's words in lower case; a text of marks alone is one word."""
    return _WORD.findall(text.lower()) or ([text.strip()] if text.strip() else [])


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
