"""Judges, before any training, whether a recipe leaves the model room to say what the rows say.

A path that is cut off before a completion's end is wrong on that row, as the reference path is, so a certificate of such
rows says nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tasks.errors import UserError
from tasks.families.generation.recipe import TextGenerationRecipe
from tasks.families.generation.records import RowLengths

_JUDGED_BY: Final = ("tune", "gate")
_TOO_LONG: Final = 0.01
_MANY: Final = 0.05


def require_room(lengths: RowLengths, recipe: TextGenerationRecipe, *, file: Path | None = None) -> tuple[str, ...]:
    """Raises UserError where more than 1 % of the completions of a split cannot be said; returns what else is to be known.

    `file`: the recipe's.
    """
    most, context = recipe.generation.max_new_tokens, lengths.context
    if most >= context:
        raise UserError(
            f"{most} tokens, but prompt and completion together have at most {context} positions in the model",
            file=file,
            field="generation.max_new_tokens",
        )
    asked = recipe.fine_tune.max_length
    if recipe.init is None and asked > context and "max_length" in recipe.fine_tune.model_fields_set:
        raise UserError(
            f"{asked} tokens, but the base model has {context} positions", file=file, field="fine_tune.max_length"
        )
    for split in _JUDGED_BY:
        of_split = lengths.completions[split]
        if _longer(of_split, most) > _TOO_LONG * sum(of_split.values()):
            raise UserError(_too_short(split, of_split, most, context), file=file, field="generation.max_new_tokens")
    return (*_left_out(lengths, recipe), *_cut_off(lengths, most), *_beyond(lengths))


def _too_short(split: str, lengths: Mapping[int, int], most: int, context: int) -> str:
    rows, longest = sum(lengths.values()), max(lengths)
    found = (
        f"{most} tokens, but {_longer(lengths, most) / rows:.1%} of the {split} rows' completions are longer, so that no "
        f"path could say them; {_enough(lengths)} would do for 99 % of them and {longest} for all"
    )
    return found + (f", in a context of {context} tokens for prompt and completion" if longest >= context else "")


def _left_out(lengths: RowLengths, recipe: TextGenerationRecipe) -> list[str]:
    """Train rows that are too long for a training; from 5 % of them on it is a warning."""
    rows = sum(lengths.train.values())
    trainings = {"fine_tune": recipe.fine_tune.max_length}
    trainings |= {"distil": recipe.distil.max_length} if recipe.distil.enabled else {}
    trainings |= {"prune": recipe.prune.max_length} if recipe.prune.enabled else {}
    told = []
    for section, asked in trainings.items():
        longest = min(asked, lengths.context)
        if beyond := _longer(lengths.train, longest):
            limit = f"{section}.max_length = {longest}" if longest == asked else f"the context of {longest}"
            sentence = (
                f"{beyond:,} of {rows:,} train rows ({beyond / rows:.1%}) have more tokens than {limit} and are left out; "
                f"{_enough(lengths.train)} would do for 99 % of them"
            )
            told.append(f"warning: {sentence}" if beyond > _MANY * rows else sentence)
    return told


def _cut_off(lengths: RowLengths, most: int) -> list[str]:
    counted = {split: _longer(of_split, most) for split, of_split in lengths.completions.items()}
    longest = max((max(of_split, default=0) for of_split in lengths.completions.values()), default=0)
    return _told(
        counted, f"have a completion of more than generation.max_new_tokens = {most} tokens (the longest: {longest})"
    )


def _beyond(lengths: RowLengths) -> list[str]:
    return _told(
        lengths.beyond_context,
        f"are longer than the context of {lengths.context} tokens, so that their completion cannot be said in full",
    )


def _told(counted: Mapping[str, int], what: str) -> list[str]:
    found = ", ".join(f"{rows:,} {split}" for split, rows in counted.items() if rows)
    return [f"rows that {what}: {found}"] if found else []


def _longer(lengths: Mapping[int, int], most: int) -> int:
    return sum(rows for length, rows in lengths.items() if length > most)


def _enough(lengths: Mapping[int, int]) -> int:
    """The least number of tokens that is enough for 99 % of the rows."""
    rows = sum(lengths.values())
    return min(length for length in lengths if _longer(lengths, length) <= _TOO_LONG * rows)
