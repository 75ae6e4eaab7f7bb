"""Function calls: says a request with its values in it, as somebody might type it."""

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from tasks.example_data.function_calls.function import Draw, Value
from tasks.example_data.function_calls.phrases import PHRASES
from tasks.example_data.function_calls.vocabulary_people import PEOPLE_AND_PLACES
from tasks.example_data.function_calls.vocabulary_things import THINGS
from tasks.example_data.surface import Habits, typed
from tasks.example_data.template import Rules, check_references, expand, fixed, parse, parse_rules

# Only what stands around the values is misspelt or shortened. Capitals are dropped below, in values and call alike.
_HABITS: Final = Habits(
    typos=0.03, shorthand=0.05, filler=0.02, lower_case=0, upper_case=0, no_punctuation=0, emphasis=0.03
)
_LOWER_CASE: Final = 0.4
_LAST_MARK: Final = 0.3
_QUESTION: Final = re.compile(r"(what|how|where|when|who|why|which|will|is|has|can|could|would)\b", re.IGNORECASE)
_FIRST_MARK: Final = 0xE000  # private characters stand for the values until the request is typed: noise spares them
_REQUEST: Final = "request"
_SHARED: Final[Rules] = parse_rules({**PEOPLE_AND_PLACES, **THINGS, **PHRASES})


class Speaker:
    """Says requests from templates, in which parameters (by `draws`), phrases and words of the vocabulary may stand."""

    def __init__(
        self, templates: Sequence[str], frames: Sequence[str], draws: Mapping[str, Draw], *, user: str
    ) -> None:
        """Parses the templates. Raises ValueError, naming `user`, where one is broken or refers to what is not there."""
        self._draws = draws
        self._marks = {name: chr(_FIRST_MARK + place) for place, name in enumerate(draws)}
        self._rules: Rules = {**_SHARED, **{name: fixed(mark) for name, mark in self._marks.items()}}
        self._templates = tuple(map(parse, templates))
        self._frames = tuple(map(parse, frames))
        check_references(self._templates, self._rules, user=user)

    def say(self, random: Random) -> tuple[str, dict[str, Value]]:
        """A request, and the values that it names, in the order of the parameters."""
        request = expand(random.choice(self._templates), self._rules, random)
        framed = expand(random.choice(self._frames), {**self._rules, _REQUEST: fixed(request)}, random)
        text = typed(framed, random, _HABITS)
        if text[-1] not in ".!?" and random.random() < _LAST_MARK:
            text += "?" if _QUESTION.match(text) else "."
        values = {name: self._draws[name](random) for name, mark in self._marks.items() if mark in text}
        if random.random() < _LOWER_CASE:
            text, values = text.lower(), {name: value.lower() for name, value in values.items()}
        for name, value in values.items():
            text = text.replace(self._marks[name], value.written)
        return text, values
