"""The verdict knows whether the bundle met the probes, and whether a promotion will find golden answers to compare."""

import pytest

from registry.checks import Outcome
from tasks.records import ProbeOutcome

WRONG = ProbeOutcome(name="the longest admissible input", problem="must be answered, and is not")


def check(verdict, name):
    (found,) = (each for each in verdict.checks if each.name == name)
    return found


def test_a_bundle_that_met_them_passes_and_refusals_of_its_own_are_counted(evidence, judged):
    verdict = judged(evidence)
    assert verdict.outcome is Outcome.PASS
    assert "1 of them by an error of their own" in check(verdict, "probes").sentence
    assert check(verdict, "golden_set").outcome is Outcome.PASS


@pytest.mark.parametrize("family", ["evidence", "completing"])
def test_a_probe_that_went_wrong_fails_and_is_named(family, request, judged, completing_gates):
    evidence = request.getfixturevalue(family)
    probes = evidence.probes.model_copy(update={"outcomes": (*evidence.probes.outcomes, WRONG)})
    gates = {"gates": completing_gates} if family == "completing" else {}
    verdict = judged(evidence, probes=probes, **gates)
    assert verdict.outcome is Outcome.FAIL
    assert check(verdict, "probes").sentence == f"1 of 3 probes: {WRONG.name} {WRONG.problem}"


@pytest.mark.parametrize("missing", [None, "outcomes"])
def test_a_bundle_that_met_no_probe_is_invalid(evidence, judged, missing):
    probes = None if missing is None else evidence.probes.model_copy(update={"outcomes": ()})
    verdict = judged(evidence, probes=probes)
    assert verdict.outcome is Outcome.INVALID
    assert check(verdict, "probes").outcome is Outcome.INVALID


def test_an_empty_golden_set_is_known_before_the_verdict(evidence, judged):
    verdict = judged(evidence, probes=evidence.probes.model_copy(update={"golden_rows": 0}))
    assert verdict.outcome is Outcome.INVALID
    assert check(verdict, "golden_set").outcome is Outcome.INVALID


def test_probes_of_other_bytes_prove_nothing(evidence, judged):
    verdict = judged(evidence, probes=evidence.probes.model_copy(update={"bundle_digest": "e" * 64}))
    assert verdict.outcome is Outcome.INVALID
    assert "the probes" in check(verdict, "bundle_digest").sentence
