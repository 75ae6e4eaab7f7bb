"""What people are told of a run that nobody watched: a subject that says it all, and a body with the reasons and links.

Plain text, since a notice may end up in a chat, a mail or a pager.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from flows.pages.run_summary import RunPages, promotion_sentence, steps_sentence
from flows.pages.served import run_page
from registry.model_card import against_champion
from registry.what_would_settle import what_would_settle
from tasks.artifact import Record
from tasks.errors import UserError
from tasks.recipe.schema import NoticeKind

if TYPE_CHECKING:
    from flows.run_outcome import RunOutcome

_MOST_CHECKS: Final = 10
_LONGEST_LINE: Final = 500
_LONGEST_SUBJECT: Final = 200
_PASSWORD: Final = re.compile(r"(?<=://)[^/@\s]+@")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")


class Notice(Record):
    """One message. Build it with `notice`, which makes text from outside harmless."""

    kind: NoticeKind
    subject: str
    body: str


def notice(kind: NoticeKind, subject: str, lines: Sequence[str]) -> Notice:
    """A notice with a body of these lines."""
    body = "\n".join(_harmless(line, _LONGEST_LINE) for line in lines)
    return Notice(kind=kind, subject=_harmless(subject, _LONGEST_SUBJECT), body=body)


def verdict_notice(outcome: "RunOutcome", pages: RunPages, changes: Sequence[str] = ()) -> Notice:
    """What a run came to. `changes`: sentences about what made it run, such as the rows that are new."""
    verdict = outcome.verdict
    return notice("verdict", f"{outcome.name}: {verdict.outcome.value}", list(_verdict_lines(outcome, pages, changes)))


def failure_notice(name: str, error: Exception) -> Notice:
    """No verdict came of a run. What a person can mend is said; of another error only the type, since its words may hold
    anything."""
    if isinstance(error, UserError):
        why = str(error)
    else:
        why = f"An internal error ended the run ({type(error).__name__}); its log has the rest."
    page = run_page()
    return notice("failure", f"{name}: the run failed", [why, *([f"Run: {page}"] if page else [])])


def _verdict_lines(outcome: "RunOutcome", pages: RunPages, changes: Sequence[str]) -> Iterator[str]:
    verdict, decisive = outcome.verdict, outcome.verdict.decisive
    if decisive:
        yield f"{len(decisive)} of {len(verdict.checks)} checks did not pass:"
        yield from (f"- {check.outcome.value} {check.name}: {check.sentence}" for check in decisive[:_MOST_CHECKS])
        if len(decisive) > _MOST_CHECKS:
            yield f"- and {len(decisive) - _MOST_CHECKS} more"
    else:
        yield f"All {len(verdict.checks)} checks passed."
    yield from (f"Missing: {missing}" for missing in what_would_settle(verdict))
    yield promotion_sentence(outcome)
    yield from against_champion(outcome.evidence)
    yield from changes
    yield steps_sentence(outcome)
    yield f"Report: {pages.report}"
    if pages.version:
        yield f"Model version: {pages.version}"
    if pages.run:
        yield f"Run: {pages.run}"


def _harmless(text: str, longest: int) -> str:
    """One line without passwords in addresses, and without `{{`, which a webhook's template would fill with its secrets."""
    line = _PASSWORD.sub("***@", " ".join(_CONTROL.sub(" ", text).split()))
    line = re.sub(r"\{(?=\{)", "{ ", line)
    return line if len(line) <= longest else line[: longest - 1] + "…"
