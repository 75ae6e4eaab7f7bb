"""Function calls: draws the rows of all parts.

Functions are balanced, and half of the requests for each are short. No call of the validation or test part occurs
anywhere else, and no refused request of theirs resembles another: nothing can be answered from memory of other rows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tasks.example_data.distinct import DistinctTexts
from tasks.example_data.function_calls.catalogue import FUNCTIONS, HELD_BACK_FUNCTIONS
from tasks.example_data.function_calls.function import Function, call
from tasks.example_data.function_calls.phrases import LONG_FRAMES, SHORT_FRAMES
from tasks.example_data.function_calls.refusals import INCOMPLETE, NONE, UNSUPPORTED, UNSUPPORTED_REQUESTS
from tasks.example_data.function_calls.requests import Speaker
from tasks.example_data.generate import HELD_BACK

NAME: Final = "function-calls"
REFUSED: Final = "refused"
"""The domain of the requests that are refused."""

# What the first two hold, no later row repeats; the others may say a thing twice.
_PROTECTED: Final = ("test", "validation")
SIZES: Final[Mapping[str, int]] = {"test": 2000, "validation": 3000, "train": 20000, HELD_BACK: 1000}

_SHORT_SHARE: Final = 0.5
_UNSUPPORTED_SHARE: Final = 0.06
_INCOMPLETE_SHARE: Final = 0.06
_SIMILARITY: Final = 0.6
_MOST_CHARACTERS: Final = 220
_MOST_ATTEMPTS: Final = 500


@dataclass(frozen=True, slots=True)
class CallRow:
    """One request and its answer; `domain` is the slice that it belongs to."""

    prompt: str
    completion: str
    domain: str


Draw = Callable[[Random], CallRow]


def generate_calls(seed: int, sizes: Mapping[str, int] = SIZES) -> dict[str, list[CallRow]]:
    """The rows of every part, shuffled; the same for the same seed on every machine.

    Raises RuntimeError if the grammar says too few different things for the rows it is asked for.
    """
    random = Random(f"{NAME}/{seed}")  # noqa: S311 - data, not secrets
    seen = _Seen()
    parts: dict[str, list[CallRow]] = {}
    for part, size in sizes.items():
        plan = _plan(size, HELD_BACK_FUNCTIONS, unsupported=0) if part == HELD_BACK else _plan(size, FUNCTIONS)
        parts[part] = [_new(draw, seen, random, protect=part in _PROTECTED) for draw in plan]
        random.shuffle(parts[part])
    return parts


class _Seen:
    """What the rows so far have asked, and the answers that no later row may give away."""

    def __init__(self) -> None:
        self._prompts: set[str] = set()
        self._protected_calls: set[str] = set()
        self._protected_refusals = DistinctTexts(_SIMILARITY)

    def add(self, row: CallRow, *, protect: bool) -> bool:
        """Takes the row in and returns True, or returns False because it repeats another one."""
        key = "".join(character for character in row.prompt.casefold() if character.isalnum())
        if key in self._prompts:
            return False
        if row.domain == REFUSED:
            if self._protected_refusals.has_similar(row.prompt, row.completion):
                return False
            if protect:
                self._protected_refusals.add(row.prompt, row.completion)
        else:
            if row.completion in self._protected_calls:
                return False
            if protect:
                self._protected_calls.add(row.completion)
        self._prompts.add(key)
        return True


def _new(draw: Draw, seen: _Seen, random: Random, *, protect: bool) -> CallRow:
    for _ in range(_MOST_ATTEMPTS):
        row = draw(random)
        if len(row.prompt) <= _MOST_CHARACTERS and seen.add(row, protect=protect):
            return row
    raise RuntimeError(f"the grammar is too narrow: {_MOST_ATTEMPTS} requests like {row.prompt!r} repeat earlier ones")


def _plan(size: int, functions: Sequence[Function], *, unsupported: float = _UNSUPPORTED_SHARE) -> list[Draw]:
    """One draw for each row of a part."""
    lacking = [_incomplete(function, missing) for function in functions for missing in function.incomplete]
    plan = [_unsupported()] * round(size * unsupported)
    plan += [lacking[place % len(lacking)] for place in range(round(size * _INCOMPLETE_SHARE))]
    served = size - len(plan)
    for place, function in enumerate(functions):
        rows = served // len(functions) + (place < served % len(functions))
        short = round(rows * _SHORT_SHARE)
        plan += [_served(function, long=False)] * short + [_served(function, long=True)] * (rows - short)
    return plan


def _served(function: Function, *, long: bool) -> Draw:
    templates, frames = (function.long, LONG_FRAMES) if long else (function.short, SHORT_FRAMES)
    speaker = _speaker(function, templates, frames)

    def draw(random: Random) -> CallRow:
        while True:
            prompt, values = speaker.say(random)
            arguments = {name: value.argument for name, value in values.items()}
            lacking = [name for name in function.required if name not in arguments]
            if lacking:
                raise RuntimeError(f"{function.name}: the request {prompt!r} lacks {', '.join(lacking)}")
            texts = list(_texts(arguments))
            if len(set(texts)) == len(texts):  # from one town to the same, a currency into itself: nobody asks for that
                return CallRow(prompt, call(function.name, arguments), function.domain)

    return draw


def _incomplete(function: Function, missing: str) -> Draw:
    speaker = _speaker(function, function.incomplete[missing], SHORT_FRAMES)

    def draw(random: Random) -> CallRow:
        prompt, values = speaker.say(random)
        if missing in values:
            raise RuntimeError(f"{function.name}: the request {prompt!r} does not lack {missing}")
        return CallRow(prompt, call(NONE, {"reason": INCOMPLETE, "missing": missing}), REFUSED)

    return draw


def _unsupported() -> Draw:
    speaker = Speaker(UNSUPPORTED_REQUESTS, SHORT_FRAMES, {}, user="an unsupported request")

    def draw(random: Random) -> CallRow:
        return CallRow(speaker.say(random)[0], call(NONE, {"reason": UNSUPPORTED}), REFUSED)

    return draw


def _speaker(function: Function, templates: tuple[str, ...], frames: tuple[str, ...]) -> Speaker:
    draws = {name: parameter.draw for name, parameter in function.parameters.items()}
    return Speaker(templates, frames, draws, user=f"function {function.name!r}")


def _texts(argument: Any) -> Iterator[str]:
    """All strings within an argument."""
    if isinstance(argument, str):
        yield argument
    elif isinstance(argument, dict):
        for value in argument.values():
            yield from _texts(value)
    elif isinstance(argument, list):
        for value in argument:
            yield from _texts(value)
