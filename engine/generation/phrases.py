"""What an answer says next, guessed from its prompt by small tables of counts that were learned from the training rows.

Answers are values from the prompt and fixed text between them. Three guesses are enough: which text comes next, where a copy
begins, and whether it goes on. What text comes next is usually told by the last one or two tokens that the prompt has not;
where it is not, one telling token of the prompt decides (a decision list, Yarowsky 1994).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine import strict_json
from engine.errors import BundleError

PHRASES_FILE: Final = "phrases.json"
COPY: Final = -1
"""Stands in the tables for a token that the prompt has."""
START: Final = -2
"""Stands in a context for what was before the answer."""
CERTAIN: Final = 0.97
"""Share of a guess that no token of the prompt needs to be asked about."""
RARE: Final = 0.05
"""Share of a prompt's places where a copy begins, where nothing is known of the place."""

Places = Mapping[int, Sequence[int]]
"""Where a prompt has each of its tokens."""
Guess = tuple[int, float]
"""The likeliest next token (or COPY) and its share."""


@dataclass(frozen=True)
class Continuations:
    """`usual`: by the last one or two tokens that the prompt has not. `hinted`: by the last one and a token of the prompt."""

    usual: Mapping[tuple[int, ...], Guess]
    hinted: Mapping[int, Mapping[int, Guess]]

    def next(self, one: int, other: int, places: Places) -> Guess | None:
        """The best guess behind `one` and `other`; None where nothing is known."""
        best = self.usual.get((one, other)) or self.usual.get((other,))
        if best is None or best[1] >= CERTAIN:
            return best
        hints = self.hinted.get(other)
        if hints:
            for token in hints.keys() & places.keys():
                if hints[token][1] > best[1]:
                    best = hints[token]
        return best


@dataclass(frozen=True)
class CopyStarts:
    """How often a copy begins `at` a token of the prompt, and `behind` one, by the last token that the prompt has not.

    `seldom`: tokens at which copies begin more rarely than RARE, whatever is before.
    """

    at: Mapping[int, Mapping[int, float]]
    behind: Mapping[int, Mapping[int, float]]
    seldom: Mapping[int, float]

    def likeliest(self, other: int, prompt: Sequence[int], places: Places, taken: Sequence[int]) -> tuple[int, float]:
        """The place where a copy begins, and how likely that is, 0 where nothing tells; `taken` places are copied already."""
        at, behind = self.at.get(other, {}), self.behind.get(other, {})
        told = [place for token in at.keys() & places.keys() for place in places[token]]
        told += [place + 1 for token in behind.keys() & places.keys() for place in places[token]]
        found, best = 0, 0.0
        for place in told:
            if place >= len(prompt) or taken[place]:
                continue
            token, before = prompt[place], prompt[place - 1]
            share = at.get(token) or self.seldom.get(token, RARE)
            odds = share / (1 - share)
            if place and before in behind:  # two witnesses of one event whose odds are RARE's
                odds *= behind[before] / (1 - behind[before]) * (1 - RARE) / RARE
            if odds > best:
                found, best = place, odds
        return found, best / (1 + best)


@dataclass(frozen=True)
class Phrases:
    """The tables. `within`: behind a token that the prompt has not; `behind_copy`: behind one that it has;

    `copied`: how often a copy that has come to this token of the prompt goes on with it; `starts`: where one begins.
    """

    within: Continuations
    behind_copy: Continuations
    copied: Mapping[int, float]
    starts: CopyStarts

    @classmethod
    def none(cls) -> "Phrases":
        """Nothing is known, and nothing will be guessed."""
        return cls(Continuations({}, {}), Continuations({}, {}), {}, CopyStarts({}, {}, {}))

    def save(self, folder: Path) -> None:
        """Write `phrases.json`."""
        document = {
            "within": _written(self.within),
            "behind_copy": _written(self.behind_copy),
            "copied": list(self.copied.items()),
            "starts": {
                "at": [[other, list(shares.items())] for other, shares in self.starts.at.items()],
                "behind": [[other, list(shares.items())] for other, shares in self.starts.behind.items()],
                "seldom": list(self.starts.seldom.items()),
            },
        }
        text = strict_json.dumps(document, separators=(",", ":"))
        (folder / PHRASES_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Phrases":
        """Read what `save` wrote; BundleError when it cannot be read."""
        file = folder / PHRASES_FILE
        try:
            document = strict_json.read(file)
            within, behind_copy = (_read(document[name]) for name in ("within", "behind_copy"))
            starts = document["starts"]
            at, behind = ({int(other): _shares(rows) for other, rows in starts[name]} for name in ("at", "behind"))
            return cls(
                within, behind_copy, _shares(document["copied"]), CopyStarts(at, behind, _shares(starts["seldom"]))
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{file}: not a table of phrases ({error})") from error


def _written(table: Continuations) -> dict[str, Any]:
    return {
        "usual": [[list(context), *guess] for context, guess in table.usual.items()],
        "hinted": [
            [other, [[token, *guess] for token, guess in hints.items()]] for other, hints in table.hinted.items()
        ],
    }


def _read(table: dict[str, Any]) -> Continuations:
    usual = {tuple(context): (int(token), float(share)) for context, token, share in table["usual"]}
    hinted = {
        int(other): {int(hint): (int(token), float(share)) for hint, token, share in rows}
        for other, rows in table["hinted"]
    }
    return Continuations(usual, hinted)


def _shares(rows: Iterable[tuple[int, float]]) -> dict[int, float]:
    return {int(token): float(share) for token, share in rows}
