"""The checks that compare a bundle with the champion: not less accurate beyond a margin, in no slice lost, not slower.

They ask for more than the absolute rules and never for less: without a champion there is nothing to check here.
"""

from collections.abc import Iterator
from typing import Literal

from registry.champion_slices import champion_slices
from registry.checks import Check, Outcome
from registry.evidence import Evidence
from registry.missing import MissingRows
from registry.rules import finite, invalid, noise_factor, unless_unsettled
from tasks.recipe import FamilyGates
from tasks.records import (
    BenchmarkResult,
    ChampionComparison,
    EvaluationResult,
    Ratio,
    UnreadableChampion,
)
from tasks.statistics.paired_test import paired_p_value
from tasks.statistics.rows_to_settle import rows_to_reject


def champion_checks(
    gates: FamilyGates, evidence: Evidence, *, if_unreadable: Literal["replace", "refuse"], confidence: float
) -> Iterator[Check]:
    """No check without a champion, one for an unreadable champion, else one for each champion gate and target."""
    champion = evidence.champion
    if evidence.unreadable_champion is not None:
        yield _unreadable(evidence.unreadable_champion, if_unreadable)
    if champion is None:
        return
    if (margin := gates.champion_accuracy_loss) is not None:
        yield _accuracy(champion, evidence.evaluation, margin, significance=1 - confidence)
    if (limit := gates.champion_slice_loss) is not None:
        check = champion_slices(champion, limit, least=gates.slice_min_rows, significance=1 - confidence)
        if check is not None:
            yield check
    if (most := gates.champion_slowdown) is not None:
        for benchmark in evidence.benchmarks:
            yield unless_unsettled(_speed(champion, benchmark, most), benchmark.disturbance, evidence.unsettled)


def _unreadable(champion: UnreadableChampion, policy: Literal["replace", "refuse"]) -> Check:
    said = f"the champion {champion.uri} cannot be compared with ({champion.problem})"
    if policy == "refuse":
        way_out = "restore its bytes, move the alias, or set promotion.unreadable_champion: replace"
        return invalid("champion", f"{said}; {way_out}")
    return Check(
        name="champion",
        outcome=Outcome.PASS,
        sentence=f"{said}; judged by the absolute rules alone, as promotion.unreadable_champion: replace asks",
    )


def _accuracy(
    champion: ChampionComparison, evaluation: EvaluationResult, margin: float, *, significance: float
) -> Check:
    """The exact paired test of "at least `margin` less accurate than the champion"."""
    name, test = "champion_accuracy", champion.test
    if test.n <= 0 or not finite(test.loss, test.upper_bound):
        return invalid(name, f"nothing was compared with the champion {champion.uri}", threshold=margin, unit="share")
    if test.n != evaluation.rows or champion.accuracy.successes != evaluation.accuracy.successes:
        problem = f"the comparison with the champion {champion.uri} is about other answers than the evaluation"
        return invalid(name, problem, threshold=margin, unit="share")
    # The number of harms and gains is the evidence; the margin is the gate's, and so is the p-value.
    p_value = paired_p_value(test.n, test.harms, test.gains, margin, significance)
    missing: tuple[MissingRows, ...] = ()
    said = (
        f"{_less_or_more(test.loss)} the champion {champion.uri} on {test.n} rows ({test.harms} harms, "
        f"{test.gains} gains), at most {test.upper_bound:.2%} less"
    )
    if p_value <= significance:
        outcome, sentence = Outcome.PASS, f"{said}: within the margin of {margin:.2%} (p = {p_value:.3g})"
    elif test.loss > margin:
        outcome, sentence = Outcome.FAIL, f"{said}: beyond the margin of {margin:.2%}"
    else:
        needed = rows_to_reject(test.n, test.harms, test.gains, margin, significance)
        missing = (MissingRows(have=test.n, needed=needed),)
        more = (
            f"about {needed} gate rows would settle it"
            if needed
            else "it sits on the margin; more rows cannot settle it"
        )
        outcome, sentence = Outcome.INCONCLUSIVE, f"{said}: the margin of {margin:.2%} is not proven; {more}"
    return Check(
        name=name,
        outcome=outcome,
        sentence=sentence,
        measured=test.loss,
        bound=test.upper_bound,
        threshold=margin,
        unit="share",
        direction="ceiling",
        missing=missing,
    )


def _speed(champion: ChampionComparison, benchmark: BenchmarkResult, most: float) -> Check:
    """New mean latency over the champion's, by its interval over the interleaved blocks."""
    name, measured = f"champion_speed/{benchmark.target}", benchmark.against_champion
    what = f"the champion's mean latency on {benchmark.target}"
    noise = noise_factor(benchmark.noise)
    if measured is None:
        return invalid(name, f"{what} is missing: the champion was not measured", threshold=most, unit="x")
    if measured.bundle_digest != champion.bundle_digest:
        return invalid(name, f"{what} was measured on other bytes than those of {champion.uri}", threshold=most)
    if not finite(measured.speedup.value, measured.speedup.low, measured.speedup.high) or measured.speedup.low <= 0:
        return invalid(name, f"{what} gives no finite ratio", threshold=most, unit="x")
    if noise is None:
        return invalid(name, f"the noise of {benchmark.target} was not measured", threshold=most)
    slowdown = _inverse(measured.speedup)
    said = f"{slowdown.value:.2f}x {what} ({slowdown.low:.2f}x to {slowdown.high:.2f}x)"
    if slowdown.high <= most:
        outcome, sentence = Outcome.PASS, f"{said}: within {most:g}x"
    elif slowdown.low > most * noise:
        outcome, sentence = Outcome.FAIL, f"{said}: over {most:g}x"
    else:
        outcome = Outcome.INCONCLUSIVE
        sentence = f"{said}: {most:g}x is not settled within this machine's noise of {noise:.2f}x; measure again"
    return Check(
        name=name,
        outcome=outcome,
        sentence=sentence,
        measured=slowdown.value,
        bound=slowdown.high,
        threshold=most,
        unit="x",
        direction="ceiling",
    )


def _inverse(ratio: Ratio) -> Ratio:
    return Ratio(value=1 / ratio.value, low=1 / ratio.high, high=1 / ratio.low)


def _less_or_more(loss: float) -> str:
    if loss == 0:
        return "as accurate as"
    return f"{loss:.2%} less accurate than" if loss > 0 else f"{-loss:.2%} more accurate than"
