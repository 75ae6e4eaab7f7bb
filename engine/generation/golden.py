"""Golden rows of a generator: certified answers that the same bytes must give wherever they are loaded.

Where every token of an answer is far likelier than any other, the answer itself is compared. An unsure model has no such
answer: near ties fall one way here and the other there. Of such a row the log-probabilities are compared that the model
gives the tokens of the certified answer, one after the other, whichever it would choose itself.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from engine import strict_json
from engine.errors import BundleError
from engine.generation.decoder import Decoder

TOLERANCE: Final = 0.02
"""Nats by which a token's log-probability may be off on the mean: 2 % of the perplexity. Kernels of other machines are off

by some hundred thousandths in fp32 and by some thousandths where activations are rounded to int8; other weights, or other
arithmetic, by tenths.
"""


@dataclass(frozen=True)
class GoldenAnswer:
    """`label`: the text; `path`: which gave it; `confidence`: its probability."""

    label: str
    path: str
    confidence: float


@dataclass(frozen=True)
class GoldenRow:
    """A prompt and its certified answer. `exact`: the answer itself is compared.

    Else `tokens`, those of the answer and of its end, and the `log_probabilities` that the path gave them.
    """

    text: str
    operating_point: str
    answer: GoldenAnswer
    exact: bool = True
    tokens: tuple[int, ...] = field(default=())
    log_probabilities: tuple[float, ...] = field(default=())


def write_golden_rows(file: Path, rows: Sequence[GoldenRow]) -> None:
    """The same answers are the same bytes: no clock's figures are in them."""
    strict_json.write(file, [_document(row) for row in rows])


def read_golden_rows(file: Path) -> list[GoldenRow]:
    """Read what `write_golden_rows` wrote; BundleError when it cannot be read."""
    try:
        rows = [GoldenRow(**{**entry, "answer": GoldenAnswer(**entry["answer"])}) for entry in strict_json.read(file)]
        if any(not row.exact and not len(row.tokens) == len(row.log_probabilities) > 0 for row in rows):
            raise ValueError("a row has neither an exact answer nor its log-probabilities")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{file}: not a golden set ({error})") from error
    return rows


def log_probabilities(decoder: Decoder, prompt: Sequence[int], tokens: Sequence[int]) -> tuple[float, ...]:
    """Of each of `tokens` behind the prompt and those before it. InputError where the model cannot be run with them."""
    with decoder.request(prompt, len(tokens)) as (state, past):
        rows = state.read([*prompt, *tokens[:-1]][past:], past, len(tokens))
        return tuple(rows.item(place, token) for place, token in enumerate(tokens))


def differs(stored: Sequence[float], found: Sequence[float]) -> bool:
    """Whether log-probabilities are further apart than other machines have them, or are no numbers."""
    return not fmean(abs(one - other) for one, other in zip(stored, found, strict=True)) <= TOLERANCE


def _document(row: GoldenRow) -> dict[str, Any]:
    document = asdict(row)
    if row.exact:
        del document["exact"], document["tokens"], document["log_probabilities"]
    return document
