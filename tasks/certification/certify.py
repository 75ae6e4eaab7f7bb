"""Certify the chain on the certify split: fixed-sequence testing with the exact paired test.

The chain is walked towards cheaper settings, from where tune says (tasks.certification.planning); the walk stops at the first
setting that cannot be certified, and the cheapest certified one becomes the operating point (Angelopoulos et al. 2021,
"Learn then Test"; Bauer 1991). What is promised, and why it holds: docs/certificate.md.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.operating_points import OperatingPoint
from tasks.certification.candidate import L, tries
from tasks.certification.chain import PathView, Routed, route
from tasks.certification.planning import ChainOnTune, Plan, Promise
from tasks.records import Certificate, PairedTest, operating_point_name
from tasks.statistics.fixed_sequence import certified_settings
from tasks.statistics.paired_test import harms_and_gains, paired_p_value, paired_test, rows_needed

CertifiedPoints = dict[str, tuple[Certificate, OperatingPoint]]


@dataclass(frozen=True)
class Subject:
    """A ladder to be certified: its chain and its paths on tune, and the paths on certify beside the reference path.

    `certify_right`: (rows,) whether the reference path is right. `otherwise_ms`: cost of what serves where nothing is
    certified. `unlabelled`: how many certify rows have no label, and are taken to be what the reference path answers.
    `attempt`: which one at these rows it is.
    """

    tune: ChainOnTune
    certify: Sequence[PathView]
    certify_right: NDArray[np.bool_]
    names: Sequence[str]
    otherwise_ms: float
    unlabelled: int = 0
    attempt: int = 1

    def plan(self, epsilon: float, delta: float) -> Plan:
        """Where to begin testing."""
        return self.tune.plan(Promise(epsilon, delta, len(self.certify_right)), self.otherwise_ms)


def first_certified(
    ladders: Sequence[L],
    subject_of: Callable[[L], Subject],
    *,
    epsilons: Collection[float],
    epsilon: float,
    confidence: float,
    delta: float,
) -> tuple[L, CertifiedPoints] | None:
    """The ladder that can be certified at `epsilon`, with all its certified points by name; None where none can.

    `ladders`: `in_order`. `subject_of` a ladder looks at certify.
    """
    for ladder, share in tries(ladders, delta):
        certified = certify_points(subject_of(ladder), {*epsilons, epsilon}, confidence=confidence, delta=share)
        if operating_point_name(epsilon) in certified:
            return ladder, certified
    return None


def certify_points(subject: Subject, epsilons: Iterable[float], *, confidence: float, delta: float) -> CertifiedPoints:
    """Every operating point that could be certified, by name; each has its own walks along the same settings."""
    certified = {}
    for epsilon in sorted(set(epsilons)):
        if len(subject.certify_right) < rows_needed(epsilon, delta):
            continue
        for start, level in subject.plan(epsilon, delta).tries(delta):
            certificate, thresholds = certify_chain(
                subject, start=start, epsilon=epsilon, confidence=confidence, delta=level
            )
            if certificate.certified:
                name = certificate.operating_point
                certified[name] = (certificate, OperatingPoint(name, epsilon, thresholds))
                break
    return certified


def certify_chain(
    subject: Subject, *, start: int = 0, epsilon: float, confidence: float, delta: float
) -> tuple[Certificate, tuple[float, ...]]:
    """One walk from the setting `start`: its certificate and thresholds. `delta` is what it may spend of 1 - confidence.

    Costs and stop shares in the certificate are those predicted on tune.
    """
    settings = subject.tune.settings[start:]
    routed = [route(subject.certify, thresholds) for thresholds in settings]

    def p_value(number: int) -> float:
        right = routed[number].right
        return paired_p_value(len(right), *harms_and_gains(subject.certify_right, right), epsilon, delta)

    certified = certified_settings((p_value(number) for number in range(len(settings))), delta)
    predicted = subject.tune.routed()[start:]
    costs = [setting.expected_cost(subject.tune.cumulative) for setting in predicted]
    chosen = min(certified, key=lambda number: costs[number]) if certified else 0
    test = paired_test(subject.certify_right, routed[chosen].right, epsilon, 1 - delta)
    return (
        Certificate(
            epsilon=epsilon,
            confidence=confidence,
            certified=bool(certified),
            test=test,
            settings_tried=min(len(certified) + 1, len(settings)),
            delta_spent=delta,
            stop_shares=_shares(predicted[chosen], subject.names),
            expected_cost_ms=costs[chosen],
            unlabelled_rows=subject.unlabelled,
            attempt=subject.attempt,
            statement=_statement(bool(certified), epsilon, confidence, test, subject),
            promise=_promise(confidence, subject.attempt) if certified else "",
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


def _statement(certified: bool, epsilon: float, confidence: float, test: PairedTest, subject: Subject) -> str:
    evidence = f"{test.n} certify rows, {test.harms} lost and {test.gains} won against the reference path, p = {test.p_value:.3g}"
    if subject.unlabelled:
        evidence += f"; {subject.unlabelled} rows without a label, lost wherever the answer is not the reference path's"
    if not certified:
        return f"Not certified: a loss of {epsilon:.1%} accuracy cannot be ruled out at {confidence:.0%} ({evidence})."
    return (
        f"With probability of at least {confidence:.0%}, the routed answer loses at most {epsilon:.1%} accuracy against the "
        f"reference path ({evidence})."
    )


def _promise(confidence: float, attempt: int) -> str:
    """Of what the confidence is promised: docs/certificate.md, section 5."""
    return (
        f"The {confidence:.0%} are promised of this bundle by itself, and of all attempts at its certify rows together, from one "
        f"certified bundle to the next; this one took attempt {attempt}."
    )
