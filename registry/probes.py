"""Whether the bundle has met the probes, and brings along what a promotion has to compare: known before any verdict."""

from collections.abc import Iterator
from typing import Final

from registry.checks import Check, Outcome
from registry.rules import invalid
from tasks.records import ProbesResult

_SHOWN: Final = 3


def probe_checks(probes: ProbesResult | None) -> Iterator[Check]:
    """`probes`: every probe was answered or refused by an error of its own; `golden_set`: it is not empty."""
    if probes is None or not probes.outcomes:
        yield invalid("probes", "the bundle has not met the probes")
        return
    yield _met(probes)
    yield _golden_set(probes)


def _met(probes: ProbesResult) -> Check:
    problems = probes.problems
    if problems:
        first = "; ".join(f"{each.name} {each.problem}" for each in problems[:_SHOWN])
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        outcome, sentence = Outcome.FAIL, f"{len(problems)} of {len(probes.outcomes)} probes: {first}{more}"
    else:
        refused = f", {len(probes.refused)} of them by an error of their own" if probes.refused else ""
        outcome = Outcome.PASS
        sentence = f"{len(probes.outcomes)} probes are answered{refused}; the longest has {probes.longest} tokens"
    return Check(
        name="probes",
        outcome=outcome,
        sentence=sentence,
        measured=float(len(problems)),
        bound=float(len(problems)),
        threshold=0.0,
        unit="probes",
        direction="ceiling",
    )


def _golden_set(probes: ProbesResult) -> Check:
    if not probes.golden_rows:
        return invalid(
            "golden_set",
            "the bundle has no golden answers, which a promotion compares: no tune row can be asked; add rows that can",
        )
    return Check(
        name="golden_set",
        outcome=Outcome.PASS,
        sentence=f"{probes.golden_rows} golden answers go with the bundle, for a promotion to compare",
    )
