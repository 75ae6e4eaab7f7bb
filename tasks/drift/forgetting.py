"""Does a retrained model still know the old domains? A floor per domain, so that a gain in one does not pay for another.

Old and new model answer the same rows; the exact paired test says per domain whether the loss is within its limit.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.artifact import Record
from tasks.records import PairedTest
from tasks.statistics.paired_test import harms_and_gains, paired_p_value, paired_test, rows_needed

Flags = NDArray[np.bool_]


class DomainFloor(Record):
    """One old domain. `kept`: shown to lose less than the limit; `lost`: shown to lose more; else `unclear`.

    `rows_needed`: rows below which not even a model without any harm could be shown to keep the domain.
    """

    domain: str
    verdict: Literal["kept", "lost", "unclear"]
    rows_needed: int
    test: PairedTest


class Floors(Record):
    """`passed` only where every old domain is kept: no domain at all, too, is not a pass."""

    passed: bool
    domains: tuple[DomainFloor, ...]


def per_domain_floors(
    old_by_domain: Mapping[str, Flags], new_by_domain: Mapping[str, Flags], max_drop: float, confidence: float
) -> Floors:
    """Judge each domain of `old_by_domain`: flags (n,), whether the old and the new model answer the same rows right.

    All domains have to pass, so that each is tested at the whole 1 - `confidence` (an intersection-union test). Domains
    that only the new model has are no matter of forgetting. Raises ValueError for an old domain that the new model did
    not answer, for other shapes, and for a `max_drop` outside (0, 1).
    """
    missing = sorted(old_by_domain.keys() - new_by_domain.keys())
    if missing:
        raise ValueError(f"the new model has no answers to the domain {missing[0]!r}")
    domains = tuple(
        _judge(name, old, new_by_domain[name], max_drop, confidence) for name, old in sorted(old_by_domain.items())
    )
    return Floors(passed=bool(domains) and all(entry.verdict == "kept" for entry in domains), domains=domains)


def _judge(domain: str, old: Flags, new: Flags, max_drop: float, confidence: float) -> DomainFloor:
    delta = 1 - confidence
    needed = rows_needed(max_drop, delta)
    test = paired_test(old, new, max_drop, confidence)
    verdict: Literal["kept", "lost", "unclear"] = "unclear"
    if test.p_value <= delta:
        verdict = "kept"
    elif _shown_to_lose_more(old, new, max_drop, delta):
        verdict = "lost"
    return DomainFloor(domain=domain, verdict=verdict, rows_needed=needed, test=test)


def _shown_to_lose_more(old: Flags, new: Flags, max_drop: float, delta: float) -> bool:
    """The same test the other way round: is "the old model is better by at most `max_drop`" rejected?"""
    harms, gains = harms_and_gains(old, new)
    return paired_p_value(len(old), gains, harms, -max_drop, delta) <= delta
