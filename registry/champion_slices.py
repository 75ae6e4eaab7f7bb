"""The check against forgetting: a bundle that gains one slice by losing another is not better than the champion.

A slice counts as lost where the exact paired test shows a loss beyond the limit. Where rows are many enough to tell and
the loss seems to be beyond it without being shown, more rows have to settle it.
"""

from collections.abc import Sequence
from typing import Final

from registry.checks import Check, Outcome
from registry.missing import MissingRows
from registry.rules import finite, invalid
from tasks.records import ChampionComparison, SliceComparison
from tasks.statistics.paired_test import paired_p_value
from tasks.statistics.rows_to_settle import rows_to_decide

NAME: Final = "champion_slices"


def champion_slices(champion: ChampionComparison, limit: float, *, least: int, significance: float) -> Check | None:
    """One check over all slices; None where the data have none. `least`: rows from which on an estimate counts."""
    if not champion.slices:
        return None
    if any(entry.test.n <= 0 or not finite(entry.test.loss) for entry in champion.slices):
        return invalid(
            NAME, f"a slice was not compared with the champion {champion.uri}", threshold=limit, unit="share"
        )
    lost = [entry for entry in champion.slices if _is_lost(entry, limit, significance)]
    unclear = [entry for entry in champion.slices if entry.test.n >= least and entry.test.loss > limit]
    missing: tuple[MissingRows, ...] = ()
    worst = max(champion.slices, key=lambda entry: entry.test.loss)
    if lost:
        outcome = Outcome.FAIL
        sentence = f"forgets {_named(lost)}: the champion {champion.uri} knew better by more than {limit:.1%}"
    elif unclear:
        outcome, missing = Outcome.INCONCLUSIVE, tuple(_missing(entry, limit, significance) for entry in unclear)
        wanted = "; ".join(str(each) for each in missing)
        sentence = f"seems to lose more than {limit:.1%} in {_named(unclear)}; to settle it: {wanted}"
    else:
        outcome = Outcome.PASS
        sentence = (
            f"none of {len(champion.slices)} slices is lost against the champion {champion.uri}; the largest change is "
            f"{_named([worst])}, {limit:.1%} is the limit"
        )
    return Check(
        name=NAME,
        outcome=outcome,
        sentence=sentence,
        measured=worst.test.loss,
        threshold=limit,
        unit="share",
        direction="ceiling",
        missing=missing,
    )


def _is_lost(entry: SliceComparison, limit: float, significance: float) -> bool:
    """The test the other way round: is "the champion is better by at most `limit`" rejected?"""
    test = entry.test
    return paired_p_value(test.n, test.gains, test.harms, -limit, significance) <= significance


def _missing(entry: SliceComparison, limit: float, significance: float) -> MissingRows:
    """How many rows may tell whether the slice is lost or only seems so."""
    test = entry.test
    needed = rows_to_decide(test.n, test.harms, test.gains, limit, significance)
    return MissingRows(slice=entry.name, have=test.n, needed=needed)


def _named(entries: Sequence[SliceComparison]) -> str:
    worst_first = sorted(entries, key=lambda entry: -entry.test.loss)
    return ", ".join(f"{entry.name} ({-entry.test.loss or 0.0:+.1%} on {entry.test.n} rows)" for entry in worst_first)
