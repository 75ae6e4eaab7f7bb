"""What would settle a verdict that is INCONCLUSIVE: what its checks miss, said once each. Pure."""

from collections.abc import Iterator

from registry.checks import Check, Outcome, Verdict
from registry.gates import TIMED_CHECKS
from registry.missing import Missing, MissingRows, MissingTime


def what_would_settle(verdict: Verdict) -> tuple[Missing, ...]:
    """In the order of the checks; empty for every other verdict, which nothing but another model changes.

    Of several checks that miss the same rows, the one that needs the most counts.
    """
    if verdict.outcome is not Outcome.INCONCLUSIVE:
        return ()
    found: dict[tuple[str, ...], Missing] = {}
    for missing in (each for check in verdict.decisive for each in _missing(check)):
        key = _identity(missing)
        known = found.get(key)
        found[key] = missing if known is None else _larger(known, missing)
    return tuple(found.values())


def _missing(check: Check) -> Iterator[Missing]:
    if check.gate in TIMED_CHECKS:
        yield MissingTime(target=check.name.split("/")[1])
    elif check.missing:
        yield from check.missing
    else:
        yield MissingRows(have=0, needed=None)


def _identity(missing: Missing) -> tuple[str, ...]:
    if isinstance(missing, MissingTime):
        return (missing.kind, missing.target)
    return (missing.kind, missing.slice or "", missing.label or "")


def _larger(one: Missing, other: Missing) -> Missing:
    """What nobody can number is the most."""
    if isinstance(one, MissingRows) and isinstance(other, MissingRows):
        return max(one, other, key=lambda rows: float("inf") if rows.needed is None else rows.needed)
    return one
