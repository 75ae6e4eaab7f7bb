"""Refuses completions of which too large a share contradict one another: the same prompt, and another completion.

Such rows are left out, since nothing can be learned from them or judged by them, and so they are lost like rows that cannot
be used: the same share of them is too large. Prompts with several good completions each would else vanish without a word.
Of classes, two for one text are a mistake in a row, which is counted and listed and ends no run.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final

from tasks.data.completions import answer_form
from tasks.data.duplicates import same_text_key
from tasks.data.validation import Placed
from tasks.errors import UserError
from tasks.hints import quote
from tasks.recipe.data import AnyData

_LANDED: Final = "landed"


def refuse_contradictions(placed: Sequence[Placed], contradicting: Collection[str], config: AnyData) -> None:
    """Raise UserError where more than `max_quarantined_share` of a role's rows have a text that is `contradicting`.

    Landed rows are left out: what contradicts among them is counted where they are added.
    """
    by_role: defaultdict[str, list[Placed]] = defaultdict(list)
    for entry in placed:
        by_role[entry.role].append(entry)
    for role, entries in by_role.items() if contradicting else ():
        lost = [entry for entry in entries if same_text_key(entry.row.text) in contradicting]
        if role == _LANDED or len(lost) <= config.max_quarantined_share * len(entries):
            continue
        first = lost[0]
        raise UserError(
            f"{len(lost):,} of {len(entries):,} {role} rows ({len(lost) / len(entries):.1%}) have a prompt that comes with "
            f"several completions, more than data.max_quarantined_share = {config.max_quarantined_share:.1%} allows, since none "
            f"of them can be used: {quote(first.row.text)} has {_answers(first, placed, config)}, for instance; keep one "
            "completion for each prompt, or raise data.max_quarantined_share to have them left out",
            file=first.place,
        )


def _answers(first: Placed, placed: Sequence[Placed], config: AnyData) -> str:
    """Its answer, and where its text has another one."""
    form, key = answer_form(config), same_text_key(first.row.text)
    other = next(
        entry
        for entry in placed
        if entry.role != _LANDED
        and same_text_key(entry.row.text) == key
        and form(entry.row.label) != form(first.row.label)
    )
    return f"{quote(first.row.label)} there and {quote(other.row.label)} in {other.place}"
