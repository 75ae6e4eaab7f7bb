"""Is a candidate at most `epsilon` less accurate than its parent on the same rows? An exact unconditional paired test.

The statistic is the score of Tango (Statistics in Medicine 17, 1998), ordered into an exact test as in Sidik
(Statistics in Medicine 22, 2003); the nuisance parameter is bounded in the manner of Berger and Boos (JASA 89, 1994).
The size of the test is at most delta for every n and every truth; nothing rests on a normal approximation.

Notation: D = parent_correct - candidate_correct is 1 for a harm, -1 for a gain. H0: E[D] >= epsilon. On the edge of H0
(harms, gains, rest) of n rows are multinomial with (q + epsilon, q, 1 - 2q - epsilon); q is the nuisance parameter.
"""

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, gammaln, ndtri, xlog1py, xlogy

from tasks.records import PairedTest
from tasks.statistics.checks import check_between_0_and_1

# The share of delta that pays for bounding the nuisance parameter. With no gains the p-value is Clopper-Pearson's
# plus this.
NUISANCE_SHARE: Final = 1 / 20
# The first grid over the nuisance parameter q is even on the arcsine scale, on which a multinomial's probabilities
# change at one pace (about root(n q)), also where the simplex ends. 65 points even in q miss the maximum by up to
# 5e-4 where a third of the rows disagree; this step with two refinements stays within 1e-5.
_GRID_STEP: Final = 0.06
_GRID_POINTS: Final = (81, 257)
_REFINED_POINTS: Final = 17
_REFINEMENTS: Final = 2
# Equal scores of different tables differ by rounding; counting a near tie into the tail can only raise the p-value.
_TIE: Final = 1e-10
# Counts of gains less likely than this are not integrated but counted as if all of them were in the tail.
_NEGLIGIBLE: Final = 1e-15
# Nuisance values per evaluation are limited so that no temporary array has more elements than this.
_MAX_ELEMENTS: Final = 4_000_000
_BOUND_TOLERANCE: Final = 1e-5
# At epsilon = 1 the score is infinite for every table but one.
_LARGEST_EPSILON: Final = 1 - 1e-9


def paired_test(
    parent_correct: NDArray[np.bool_], candidate_correct: NDArray[np.bool_], epsilon: float, confidence: float
) -> PairedTest:
    """Test "the candidate loses at least `epsilon` accuracy against its parent" on rows that both answered.

    Both arrays are boolean, shape (n,), the same rows in the same order. `confidence` is 1 - delta. An empty set of
    rows gives p-value and upper bound 1. Raises ValueError for other shapes or types.
    """
    parent, candidate = np.asarray(parent_correct), np.asarray(candidate_correct)
    if parent.ndim != 1 or parent.shape != candidate.shape:
        raise ValueError(f"need two arrays of one length, got shapes {parent.shape} and {candidate.shape}")
    if parent.dtype != np.bool_ or candidate.dtype != np.bool_:
        raise ValueError(f"need boolean arrays, got {parent.dtype} and {candidate.dtype}")
    return paired_test_of_counts(len(parent), *harms_and_gains(parent, candidate), epsilon, confidence)


def harms_and_gains(parent_correct: NDArray[np.bool_], candidate_correct: NDArray[np.bool_]) -> tuple[int, int]:
    """How many of (n,) rows only the parent answers right, and how many only the candidate."""
    return int((parent_correct & ~candidate_correct).sum()), int((candidate_correct & ~parent_correct).sum())


def paired_test_of_counts(n: int, harms: int, gains: int, epsilon: float, confidence: float) -> PairedTest:
    """The same test from its sufficient statistics: `harms` and `gains` among `n` rows."""
    delta = 1 - confidence
    return PairedTest(
        n=n,
        harms=harms,
        gains=gains,
        loss=(harms - gains) / n if n else 0.0,
        epsilon=epsilon,
        p_value=paired_p_value(n, harms, gains, epsilon, delta),
        upper_bound=paired_upper_bound(n, harms, gains, delta),
        confidence=confidence,
    )


@lru_cache(maxsize=65536)
def paired_p_value(n: int, harms: int, gains: int, epsilon: float, delta: float) -> float:
    """Exact p-value of H0: E[D] >= `epsilon`; H0 is rejected (the candidate certified) when it is <= `delta`.

    `epsilon` lies between -1 and 1; 0 tests superiority. `delta` sets how far the nuisance parameter is bounded, so
    that the p-value is meant for this level only. Raises ValueError for impossible counts or levels.
    """
    _check_counts(n, harms, gains)
    check_between_0_and_1(delta, "delta")
    if not -1 < epsilon < 1:
        raise ValueError(f"epsilon must lie between -1 and 1, got {epsilon}")
    if n == 0:
        return 1.0
    return _p_value_over_cell(n, harms, gains, epsilon, epsilon, delta)


@lru_cache(maxsize=4096)
def paired_upper_bound(n: int, harms: int, gains: int, delta: float) -> float:
    """Upper confidence bound of E[D] at level 1 - `delta`: the largest epsilon that the test does not reject.

    The p-value is not quite monotone in epsilon (a table enters the tail where two scores cross), so a plain
    bisection could stop at a crossing that is not the last. This one discards a cell of epsilons only when a p-value
    that holds for the whole cell is <= `delta`. The result is too large by about 1e-5 at most, and never below the
    observed loss.
    """
    _check_counts(n, harms, gains)
    check_between_0_and_1(delta, "delta")
    if n == 0 or harms == n:
        return 1.0
    loss = (harms - gains) / n
    # The asymptotic bound says where to look first; what is found does not depend on it.
    guess = _asymptotic_bound(n, harms, gains, delta)
    margin = 0.1 * (guess - loss)
    inner, outer = guess - margin, min(guess + margin, _LARGEST_EPSILON)
    cells = [(loss, inner), (inner, outer), (outer, _LARGEST_EPSILON)]
    while cells:
        low, high = cells.pop()
        if _p_value_over_cell(n, harms, gains, low, high, delta, enough=delta) <= delta:
            continue
        if high - low <= _BOUND_TOLERANCE:
            return high
        middle = (low + high) / 2
        cells += [(low, middle), (middle, high)]
    return loss


def rows_needed(epsilon: float, delta: float) -> int:
    """The smallest number of rows on which a candidate without any harm or gain is certified at 0 < `epsilon` < 1."""
    check_between_0_and_1(delta, "delta")
    check_between_0_and_1(epsilon, "epsilon")
    # The p-value is at least gamma + (1 - epsilon)^n, so this n is a lower bound; it is nearly always the answer.
    n = math.ceil(math.log(delta * (1 - NUISANCE_SHARE)) / math.log1p(-epsilon))
    while paired_p_value(n, 0, 0, epsilon, delta) > delta:
        n += 1
    return n


def most_harms(n: int, gains: int, epsilon: float, delta: float) -> int:
    """The edge of the rejection region: the most harms that `gains` gains on `n` rows make up for; -1 if none."""
    low, high = -1, n - gains
    while low < high:
        middle = (low + high + 1) // 2
        if paired_p_value(n, middle, gains, epsilon, delta) <= delta:
            low = middle
        else:
            high = middle - 1
    return low


def _asymptotic_bound(n: int, harms: int, gains: int, delta: float) -> float:
    """The epsilon at which the score equals the normal quantile of 1 - `delta`."""
    quantile = float(ndtri(1 - delta))
    low, high = (harms - gains) / n, _LARGEST_EPSILON
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if score(n, harms, gains, middle) >= quantile else (middle, high)
    return low


def _p_value_over_cell(
    n: int, harms: int, gains: int, low: float, high: float, delta: float, enough: float = 1.0
) -> float:
    """An upper bound of the p-values for every epsilon in [low, high]; the p-value itself where the two are equal.

    It joins the tails of both ends, which hold every table that is in the tail anywhere between them unless it enters
    and leaves within the cell, and takes the probability at `low`: fewer harms make the tail more likely. Once the
    value is seen to be above `enough`, how far above is not worked out.
    """
    gamma = delta * NUISANCE_SHARE
    q_low, q_high = _nuisance_range(n, gains, low, gamma)
    counted_gains = np.arange(_largest_counted_gains(n, q_high) + 1)
    edge = _tail_edge(n, harms, gains, low, counted_gains)
    if high > low:
        edge = np.maximum(edge, _tail_edge(n, harms, gains, high, counted_gains))
    return min(1.0, gamma + _worst_tail_probability(n, edge, low, q_low, q_high, enough - gamma))


def score(
    n: int, harms: NDArray[np.int64] | int, gains: NDArray[np.int64] | int, epsilon: float
) -> NDArray[np.float64]:
    """Tango's score T(harms, gains), elementwise: larger speaks more clearly against H0.

    T falls strictly in harms and rises strictly in gains (a test checks all tables of many n), so the running minimum
    and maximum that would make the table monotone change nothing.
    """
    b, c = np.asarray(harms, dtype=np.float64), np.asarray(gains, dtype=np.float64)
    linear = -(b + c) + epsilon * (2 * n - b + c)
    root = np.sqrt(np.maximum(linear**2 + 8 * n * c * epsilon * (1 - epsilon), 0))
    # (root - linear) / (4n), written without cancellation where linear is positive.
    numerator = np.where(
        linear > 0, 8 * n * c * epsilon * (1 - epsilon) / np.where(linear > 0, root + linear, 1), root - linear
    )
    q = np.maximum(numerator / (4 * n), max(0.0, -epsilon))
    difference = n * epsilon - (b - c)
    deviation = np.sqrt(np.maximum(n * (2 * q + epsilon - epsilon**2), 0))
    # 0/0 happens at epsilon = 0 without harms and gains, where the data say nothing.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / deviation)


def _tail_edge(n: int, harms: int, gains: int, epsilon: float, counted_gains: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each number of gains the largest number of harms that is in the tail {T >= T(harms, gains)}; -1 if none."""
    observed = float(score(n, harms, gains, epsilon))
    least = observed - _TIE * (1 + abs(observed))
    low, high = np.full(len(counted_gains), -1), n - counted_gains
    while (low < high).any():
        middle = (low + high + 1) // 2
        inside = (middle < 0) | (score(n, np.maximum(middle, 0), counted_gains, epsilon) >= least)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle - 1)
    return np.maximum.accumulate(low)


def _nuisance_range(n: int, gains: int, epsilon: float, gamma: float) -> tuple[float, float]:
    """The values of q that the Berger-Boos confidence set (level 1 - gamma) and the simplex leave.

    For a negative epsilon, H0 has q > -epsilon or no harms at all; should the confidence set end before that, its
    upper end without harms is the worst case, because the tail only gains probability with q.
    """
    upper = float(betaincinv(gains + 1, n - gains, 1 - gamma)) if gains < n else 1.0
    return min(max(0.0, -epsilon), upper), min(upper, (1 - epsilon) / 2)


def _largest_counted_gains(n: int, q_high: float) -> int:
    """Beyond this count the gains have a total probability below 1e-15 for any q up to `q_high`."""
    mean = n * q_high
    return min(n, math.ceil(mean + 9 * math.sqrt(mean * (1 - q_high)) + 30))


def _worst_tail_probability(
    n: int, edge: NDArray[np.int64], epsilon: float, q_low: float, q_high: float, enough: float
) -> float:
    """The maximum of the tail's probability over q in [q_low, q_high]: an arcsine grid, refined at its maximum."""

    def probabilities(angles: NDArray[np.float64]) -> NDArray[np.float64]:
        q = q_low + (q_high - q_low) * np.sin(angles) ** 2
        pieces = math.ceil(len(q) * len(edge) / _MAX_ELEMENTS)
        return np.concatenate([_tail_probability(n, edge, epsilon, piece) for piece in np.array_split(q, pieces)])

    steps = math.ceil(math.pi / 2 * math.sqrt(n * (q_high - q_low)) / _GRID_STEP)
    angles = np.linspace(0, math.pi / 2, min(max(steps + 1, _GRID_POINTS[0]), _GRID_POINTS[1]))
    if enough < 1 and (glimpse := float(probabilities(angles[::8]).max())) > enough:
        return glimpse
    worst = 0.0
    for _ in range(_REFINEMENTS + 1):
        values = probabilities(angles)
        peak = int(values.argmax())
        worst = max(worst, float(values[peak]))
        angles = np.linspace(angles[max(peak - 1, 0)], angles[min(peak + 1, len(angles) - 1)], _REFINED_POINTS)
    return worst


def _tail_probability(n: int, edge: NDArray[np.int64], epsilon: float, q: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(harms <= edge[gains]) under the multinomial with (q + epsilon, q, rest), for each q, shape (len(q),).

    Gains are binomial(n, q), and given them harms are binomial(n - gains, (q + epsilon) / (1 - q)): one sum instead
    of two.
    """
    gains = np.arange(len(edge))
    q = q[:, None]
    log_mass = gammaln(n + 1) - gammaln(gains + 1) - gammaln(n - gains + 1) + xlogy(gains, q) + xlog1py(n - gains, -q)
    mass = np.exp(log_mass)
    harm_rate = np.clip((q + epsilon) / (1 - q), 0, 1)

    row, column = np.nonzero(mass > _NEGLIGIBLE)
    most, trials = edge[column], n - gains[column]
    conditional = np.ones_like(mass)
    conditional[row, column] = np.where(
        most < 0, 0.0, betainc(np.maximum(trials - most, 1), np.maximum(most, 0) + 1, 1 - harm_rate[row, 0])
    )
    conditional[row, column] = np.where(most >= trials, 1.0, conditional[row, column])

    last = len(edge) - 1
    beyond = betainc(last + 1, n - last, q[:, 0]) if last < n else 0.0
    return np.asarray((mass * conditional).sum(axis=1) + beyond)


def _check_counts(n: int, harms: int, gains: int) -> None:
    if harms < 0 or gains < 0 or harms + gains > n:
        raise ValueError(f"{harms} harms and {gains} gains are impossible among {n} rows")
