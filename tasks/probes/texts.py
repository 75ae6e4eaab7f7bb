"""The probes themselves: for any tokenizer the longest input, none, whitespace, added tokens, characters that it never saw.

They depend on the tokenizer and the longest input alone, so a base model can be asked them as well as a bundle.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from engine.errors import InputError

MOST_TOKENS: Final = 8192
"""Of the longest probe. Models that have a position for each token, and may lack one, are shorter; a longer input takes a

CPU minutes.
"""
MOST_ADDED: Final = 512
LONGEST: Final = "the longest admissible input"
_UNITS: Final = ("a ", "x", "1 ", "the ")
_TRIES: Final = 64
_CHARACTERS: Final = {
    "an empty text": "",
    "whitespace alone": " \t\n \u00a0\u3000 ",
    "control characters": "\x00\x01\x07\x1b[0m\x7f\u200e\u202e",
    "characters that no tokenizer has seen": "\ue000\U000f1234 \U00016b00\ua66e \U0001f9ff\U0010fffd",
    "marks and joiners alone": "\u0301\u0302\u200d\ufe0f",
    "half a surrogate pair": "before \ud800 behind",
    "one word of ten thousand letters": "q" * 10_000,
    "many scripts": "你好 שלום नमस्ते こんにちは Zoë \U0001f468\u200d\U0001f469\u200d\U0001f467",
}


@dataclass(frozen=True)
class Probe:
    """One input. `must_answer`: an error would be wrong, even one of its own. `tokens`: how many it has, where that counts."""

    name: str
    text: str
    must_answer: bool = False
    tokens: int = 0


def probes_for(count: Callable[[str], int], limit: int, added: Sequence[str]) -> tuple[Probe, ...]:
    """All probes. `count`: tokens of a text as it is asked, where it may be cut at `limit`, the most that are read.

    `added`: the tokenizer's added tokens; of very many, some at even distances.
    """
    return (*_long(count, limit), *(Probe(*each) for each in _CHARACTERS.items()), *_added(added))


def _long(count: Callable[[str], int], limit: int) -> Iterator[Probe]:
    wanted = min(limit, MOST_TOKENS)
    text = text_of_tokens(count, wanted)
    if text is not None:
        yield Probe(LONGEST, text, must_answer=True, tokens=count(text))
        if wanted == limit:
            yield Probe("an input longer than any admissible one", f"{text} {text}", tokens=2 * limit)


def text_of_tokens(count: Callable[[str], int], wanted: int) -> str | None:
    """A text of as many tokens as `count` finds at most `wanted` of, exactly so many where one can be made; None for none."""
    best: tuple[int, str] | None = None
    for unit in _UNITS:
        found = _repeated(count, unit, wanted)
        if found is not None and (best is None or found[0] > best[0]):
            best = found
        if best is not None and best[0] == wanted:
            break
    return best[1] if best else None


def _repeated(count: Callable[[str], int], unit: str, wanted: int) -> tuple[int, str] | None:
    """(tokens, text) of the fewest repetitions that have the most tokens, at most `wanted`."""

    def tokens(repetitions: int) -> int:
        try:
            return count((unit * repetitions).strip())
        except InputError:  # a tokenizer without a token for the unit
            return -1

    if not 0 < tokens(1) <= wanted:
        return None
    low, high = 1, 2
    while tokens(high) < wanted and high < _TRIES * wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if tokens(middle) < wanted else (low, middle)
    chosen = high if tokens(high) == wanted else low
    return tokens(chosen), (unit * chosen).strip()


def _added(tokens: Sequence[str]) -> Iterator[Probe]:
    step = max(1, -(-len(tokens) // MOST_ADDED))
    for token in tokens[::step]:
        yield Probe(f"the added token {token!r}", token)
        yield Probe(f"the added token {token!r} in a text", f"a {token} b")
