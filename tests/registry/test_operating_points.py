"""A target is judged by what was measured at the operating point that it serves at, and that point has to be certified."""

import pytest

from registry.checks import Outcome
from registry.model_card import model_card
from registry.package import version_tags
from registry.report.facts import machine_facts
from tasks.recipe import Target


def with_point(evidence, *, measured, epsilon=None, certified=True):
    """The evidence, where the benchmark ran at `measured`, and with a second certificate at `epsilon`."""
    (benchmark,) = evidence.benchmarks
    router = evidence.router
    if epsilon is not None:
        second = router.certificates[0].model_copy(
            update={"epsilon": epsilon, "certified": certified, "statement": "at most two in a hundred"}
        )
        router = router.model_copy(update={"certificates": (*router.certificates, second)})
    benchmark = benchmark.model_copy(update={"operating_point": measured})
    return evidence.model_copy(update={"router": router, "benchmarks": (benchmark,)})


def check(judged, evidence, target):
    found = [entry for entry in judged(evidence, targets=[target]).checks if entry.gate == "operating_point"]
    return found[0] if found else None


def test_the_point_of_a_target_passes_with_its_own_certificate(judged, evidence):
    found = check(
        judged, with_point(evidence, measured="2%", epsilon=0.02), Target(name="local-cpu", operating_point=0.02)
    )
    assert found.name == "operating_point/local-cpu"
    assert found.outcome is Outcome.PASS
    assert "at 2%, and serves there: at most two in a hundred" in found.sentence


@pytest.mark.parametrize("second", [{}, {"epsilon": 0.02, "certified": False}])
def test_a_point_that_is_not_certified_fails_and_says_which_are(judged, evidence, second):
    found = check(judged, with_point(evidence, measured="1%", **second), Target(name="local-cpu", operating_point=0.02))
    assert found.outcome is Outcome.FAIL
    assert "asks for the operating point 2%, which is not certified; certified: 1%" in found.sentence


def test_a_measurement_at_another_point_is_invalid(judged, evidence):
    target = Target(name="local-cpu", operating_point=0.02)
    for measured in ("1%", None):
        assert check(judged, with_point(evidence, measured=measured, epsilon=0.02), target).outcome is Outcome.INVALID
    assert check(judged, with_point(evidence, measured="2%"), Target(name="local-cpu")).outcome is Outcome.INVALID


def test_a_router_that_does_not_route_is_the_same_at_every_point(judged, evidence):
    router = evidence.router
    alone = router.model_copy(update={"paths": router.paths[-1:], "certificates": (), "operating_point": "reference"})
    given = with_point(evidence, measured="reference").model_copy(update={"router": alone})
    assert check(judged, given, Target(name="local-cpu", operating_point=0.02)).outcome is Outcome.PASS


def test_the_default_point_is_no_check_of_its_own(judged, evidence):
    for measured in (None, "1%"):
        assert check(judged, with_point(evidence, measured=measured), Target(name="local-cpu")) is None


def test_card_report_and_tags_say_where_which_point_was_measured(judged, evidence, bundle):
    given = with_point(evidence, measured="2%", epsilon=0.02)
    verdict = judged(given, targets=[Target(name="local-cpu", operating_point=0.02)])
    assert "at its own operating point 2% (`operating_point='2%'` at loading)" in model_card("m", given, verdict)
    assert "own operating point" not in model_card("m", with_point(evidence, measured="1%"), verdict)
    assert ("operating point", "2%") in [(fact.term, fact.value) for fact in machine_facts(given.benchmarks[0])]
    assert version_tags(bundle, given, verdict)["operating_point.local-cpu"] == "2%"
    assert "operating_point.local-cpu" not in version_tags(bundle, evidence, verdict)
