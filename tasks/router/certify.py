"""Certify the chain on the certify split: fixed-sequence testing with the exact paired test.

The chain is walked from its safest setting, the walk stops at the first setting that cannot be certified, and the
cheapest certified one becomes the operating point (Angelopoulos et al. 2021, "Learn then Test"; Bauer 1991).
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.router import OperatingPoint
from tasks.records import Certificate, PairedTest
from tasks.router.chain import PathView, Routed, route
from tasks.statistics.fixed_sequence import certified_settings
from tasks.statistics.paired_test import harms_and_gains, paired_p_value, paired_test, rows_needed

Floats = NDArray[np.float64]


def certify_points(
    epsilons: Iterable[float],
    settings: Sequence[tuple[float, ...]],
    *,
    tune: Sequence[PathView],
    certify: Sequence[PathView],
    reference_right: NDArray[np.bool_],
    cumulative: Floats,
    names: Sequence[str],
    confidence: float,
    delta: float,
    unlabelled: int = 0,
) -> dict[str, tuple[Certificate, OperatingPoint]]:
    """Every operating point that could be certified, by name; each has its own walk along the same settings."""
    certified = {}
    for epsilon in sorted(set(epsilons)):
        if len(reference_right) < rows_needed(epsilon, delta):
            continue
        certificate, thresholds = certify_chain(
            settings,
            tune=tune,
            certify=certify,
            reference_right=reference_right,
            cumulative=cumulative,
            names=names,
            epsilon=epsilon,
            confidence=confidence,
            delta=delta,
            unlabelled=unlabelled,
        )
        if certificate.certified:
            name = certificate.operating_point
            certified[name] = (certificate, OperatingPoint(name, epsilon, thresholds))
    return certified


def certify_chain(
    settings: Sequence[tuple[float, ...]],
    *,
    tune: Sequence[PathView],
    certify: Sequence[PathView],
    reference_right: NDArray[np.bool_],
    cumulative: Floats,
    names: Sequence[str],
    epsilon: float,
    confidence: float,
    delta: float,
    unlabelled: int = 0,
) -> tuple[Certificate, tuple[float, ...]]:
    """One operating point: its certificate and thresholds. `delta` is what this attempt may spend of 1 - confidence.

    `reference_right`: (certify rows,); `unlabelled`: how many of them have no label, and are taken to be what the reference
    path answers. Costs and stop shares in the certificate are those predicted on tune.
    """
    routed = [route(certify, thresholds) for thresholds in settings]

    def p_value(number: int) -> float:
        right = routed[number].right
        return paired_p_value(len(right), *harms_and_gains(reference_right, right), epsilon, delta)

    certified = certified_settings((p_value(number) for number in range(len(settings))), delta)
    predicted = [route(tune, thresholds) for thresholds in settings]
    costs = [setting.expected_cost(cumulative) for setting in predicted]
    chosen = min(certified, key=lambda number: costs[number]) if certified else 0
    test = paired_test(reference_right, routed[chosen].right, epsilon, 1 - delta)
    return (
        Certificate(
            epsilon=epsilon,
            confidence=confidence,
            certified=bool(certified),
            test=test,
            settings_tried=min(len(certified) + 1, len(settings)),
            delta_spent=delta,
            stop_shares=_shares(predicted[chosen], names),
            expected_cost_ms=costs[chosen],
            unlabelled_rows=unlabelled,
            statement=_statement(bool(certified), epsilon, confidence, test, unlabelled),
        ),
        settings[chosen],
    )


def reference_certificate(n: int, epsilon: float, confidence: float, name: str, cost_ms: float) -> Certificate:
    """The certificate of a bundle that ships the reference path alone: it loses nothing, by construction."""
    nothing = np.ones(n, dtype=bool)
    return Certificate(
        epsilon=epsilon,
        confidence=confidence,
        certified=False,
        test=paired_test(nothing, nothing, epsilon, confidence),
        settings_tried=0,
        delta_spent=0.0,
        stop_shares={name: 1.0},
        expected_cost_ms=cost_ms,
        statement="Every input is answered by the reference path itself; nothing is lost and nothing needs a certificate.",
    )


def _shares(routed: Routed, names: Sequence[str]) -> dict[str, float]:
    return dict(zip(names, routed.shares(len(names)).tolist(), strict=True))


def _statement(certified: bool, epsilon: float, confidence: float, test: PairedTest, unlabelled: int) -> str:
    evidence = f"{test.n} certify rows, {test.harms} lost and {test.gains} won against the reference path, p = {test.p_value:.3g}"
    if unlabelled:
        evidence += f"; {unlabelled} rows without a label, lost wherever the answer is not the reference path's"
    if not certified:
        return f"Not certified: a loss of {epsilon:.1%} accuracy cannot be ruled out at {confidence:.0%} ({evidence})."
    return (
        f"With probability of at least {confidence:.0%}, the routed answer loses at most {epsilon:.1%} accuracy against the "
        f"reference path ({evidence})."
    )
