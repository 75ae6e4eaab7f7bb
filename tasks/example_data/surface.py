"""How people type: contractions, shorthand, casing, dropped punctuation, fillers and slips of the finger.

Nothing here may change what a text means: words that carry direction, order or negation, short words and numbers are
never misspelt.
"""

import re
from dataclasses import dataclass
from random import Random
from typing import Final

_CONTRACTIONS: Final = (
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("did not", "didn't"),
    ("is not", "isn't"),
    ("was not", "wasn't"),
    ("can not", "can't"),
    ("could not", "couldn't"),
    ("has not", "hasn't"),
    ("have not", "haven't"),
    ("will not", "won't"),
    ("would not", "wouldn't"),
    ("i am", "i'm"),
    ("i have", "i've"),
    ("i would", "i'd"),
    ("i will", "i'll"),
    ("it is", "it's"),
    ("that is", "that's"),
    ("what is", "what's"),
    ("where is", "where's"),
    ("there is", "there's"),
)
_SHORTHAND: Final = (
    ("please", "pls"),
    ("you", "u"),
    ("your", "ur"),
    ("thanks", "thx"),
    ("account", "acct"),
    ("number", "no."),
    ("because", "cause"),
    ("tomorrow", "tmrw"),
    ("want to", "wanna"),
    ("going to", "gonna"),
    ("and", "&"),
    ("message", "msg"),
)
_FILLERS: Final = ("um", "uh", "like", "well", "so", "ok", "hmm", "er", "you know", "basically")
_CONTRACTION: Final = re.compile(r"\b(" + "|".join(full for full, _ in _CONTRACTIONS) + r")\b")
_SHORTENED: Final = re.compile(r"\b(" + "|".join(full for full, _ in _SHORTHAND) + r")\b")
_SHORT_FORMS: Final = dict(_CONTRACTIONS) | dict(_SHORTHAND)

_DECIDING_WORDS: Final = frozenset(
    [
        "from",
        "into",
        "onto",
        "before",
        "after",
        "then",
        "first",
        "until",
        "once",
        "instead",
        "rather",
        "than",
        "over",
        "out",
        "away",
        "back",
        "only",
        "never",
        "without",
    ]
)
_NEIGHBOURS: Final = {
    letter: (row[max(place - 1, 0) : place] + row[place + 1 : place + 2])
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for place, letter in enumerate(row)
}


@dataclass(frozen=True, slots=True)
class Habits:
    """Shares of the texts in which each habit shows."""

    typos: float = 0.06
    contraction: float = 0.5
    no_apostrophe: float = 0.15
    shorthand: float = 0.12
    filler: float = 0.04
    lower_case: float = 0.5
    upper_case: float = 0.02
    no_punctuation: float = 0.3
    emphasis: float = 0.05


def typed(text: str, random: Random, habits: Habits = Habits()) -> str:
    """`text` (in full spelling) as somebody might have typed it."""
    if random.random() < habits.contraction:
        text = _CONTRACTION.sub(lambda match: _SHORT_FORMS[match[0]], text)
        if random.random() < habits.no_apostrophe:
            text = text.replace("'", "")
    if random.random() < habits.shorthand:
        text = _SHORTENED.sub(lambda match: _SHORT_FORMS[match[0]] if random.random() < 0.6 else match[0], text)
    if random.random() < habits.filler:
        text = _with_filler(text, random)
    if random.random() < habits.typos:
        text = _with_typos(text, random)
    return _with_style(text, random, habits)


def _with_filler(text: str, random: Random) -> str:
    words = text.split(" ")
    # Anywhere in the first half: a filler right before the end reads like a request that broke off.
    words.insert(random.randrange(1 + len(words) // 2), random.choice(_FILLERS))
    return " ".join(words)


def _with_typos(text: str, random: Random) -> str:
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if _may_be_misspelt(word)]
    for place in random.sample(places, min(len(places), random.choice((1, 1, 2)))):
        words[place] = _misspelt(words[place], random)
    return " ".join(words)


def _may_be_misspelt(word: str) -> bool:
    letters = word.strip(".,?!")
    return len(letters) >= 4 and letters.isalpha() and letters.lower() not in _DECIDING_WORDS


def _misspelt(word: str, random: Random) -> str:
    """One slip; the first letter, which readers rely on most, stays."""
    place = random.randrange(1, len(word.rstrip(".,?!")) - 1)
    before, letter, following, after = word[:place], word[place], word[place + 1], word[place + 2 :]
    slip = random.choice(("swap", "drop", "double", "neighbour"))
    if slip == "swap":
        return before + following + letter + after
    if slip == "drop":
        return before + following + after
    if slip == "double":
        return before + letter + letter + following + after
    return before + random.choice(_NEIGHBOURS.get(letter.lower(), letter)) + following + after


def _with_style(text: str, random: Random, habits: Habits) -> str:
    if random.random() < habits.emphasis:
        text = text.rstrip(".?!") + random.choice(("!", "!!", "??", "...", "?!"))
    if random.random() < habits.no_punctuation:
        # Not between digits, where a mark is a part of the number.
        text = re.sub(r"[.,?!;:]+(?=\s|$)|\s-(?=\s)", "", text)
    case = random.random()
    if case < habits.lower_case:
        return text.lower()
    if case < habits.lower_case + habits.upper_case:
        return text.upper()
    text = re.sub(r"\bi\b", "I", text)
    return re.sub(r"(^|[.?!]\s+)([a-z])", lambda match: match[1] + match[2].upper(), text)
