"""The verdict fails closed, and is the worst of its checks."""

import math

import pytest

from registry.checks import Check, Outcome, Verdict, worst
from tasks.families.classification.recipe import Gates
from tasks.recipe import Target
from tasks.records import PairedTest
from tasks.statistics.paired_test import paired_p_value

PASS, FAIL, INCONCLUSIVE, INVALID = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.INVALID


def outcome_of(verdict, name):
    return next(check for check in verdict.checks if check.name == name).outcome


def sentence_of(verdict, name):
    return next(check for check in verdict.checks if check.name == name).sentence


def replaced(evidence, part, **fields):
    return evidence.model_copy(update={part: getattr(evidence, part).model_copy(update=fields)})


def routed(evidence, **fields):
    """The evidence with other fields in the certificate."""
    certificate = evidence.router.certificates[0].model_copy(update=fields)
    return replaced(evidence, "router", certificates=(certificate,))


def test_good_evidence_passes_on_absolute_rules_alone(judged, evidence):
    verdict = judged(evidence)
    assert verdict.outcome is PASS
    assert verdict.decisive == ()
    assert all(check.sentence for check in verdict.checks)


def test_exit_codes():
    assert [outcome.exit_code for outcome in (PASS, FAIL, INCONCLUSIVE, INVALID)] == [0, 3, 4, 4]


def test_the_worst_outcome_wins_and_nothing_judged_is_invalid():
    assert worst([PASS, INCONCLUSIVE]) is INCONCLUSIVE
    assert worst([FAIL, INCONCLUSIVE, PASS]) is FAIL
    assert worst([FAIL, INVALID]) is INVALID
    assert worst([]) is INVALID
    assert Verdict.of([]).outcome is INVALID


def test_a_recipe_without_gates_never_passes(judged, evidence):
    verdict = judged(evidence, gates=Gates())
    assert verdict.outcome is INVALID
    assert "gates" in sentence_of(verdict, "gates")


def test_leaking_gate_rows_are_invalid_however_good_the_rest(judged, evidence):
    verdict = judged(replaced(evidence, "evaluation", leaking_rows=1))
    assert verdict.outcome is INVALID
    assert outcome_of(verdict, "leakage") is INVALID


def test_evidence_about_other_bytes_is_invalid(judged, evidence):
    assert outcome_of(judged(evidence, bundle_digest="0" * 64), "bundle_digest") is INVALID
    router = judged(replaced(evidence, "router", bundle_digest="0" * 64))
    assert "router" in sentence_of(router, "bundle_digest")
    stranger = evidence.benchmarks[0].model_copy(update={"bundle_digest": "0" * 64})
    benchmark = judged(evidence, benchmarks=[stranger])
    assert benchmark.outcome is INVALID
    assert "local-cpu" in sentence_of(benchmark, "bundle_digest")


def test_a_target_without_a_measurement_is_invalid(judged, evidence, target):
    other = Target(name="edge-box")
    assert "edge-box" in sentence_of(judged(evidence, targets=[target, other]), "targets")
    assert judged(evidence, targets=[target, other]).outcome is INVALID
    assert judged(evidence, benchmarks=[]).outcome is INVALID
    assert judged(evidence, targets=[]).outcome is INVALID


def test_a_measurement_of_another_target_or_twice_is_invalid(judged, evidence):
    benchmark = evidence.benchmarks[0]
    stray = benchmark.model_copy(update={"target": "laptop"})
    assert "laptop" in sentence_of(judged(evidence, benchmarks=[benchmark, stray]), "targets")
    assert "2 times" in sentence_of(judged(evidence, benchmarks=[benchmark, benchmark]), "targets")


@pytest.mark.parametrize("rows", [0, 899])
def test_gate_rows_that_were_not_evaluated_are_invalid(judged, evidence, rows):
    assert outcome_of(judged(replaced(evidence, "evaluation", rows=rows)), "gate_rows") is INVALID


def test_a_session_silently_on_the_cpu_fails_and_is_named(judged, evidence):
    gpu = Target(name="local-cpu", execution_provider="CUDAExecutionProvider")
    verdict = judged(evidence, targets=[gpu])
    assert verdict.outcome is FAIL
    sentence = sentence_of(verdict, "execution_provider/local-cpu")
    assert "CUDAExecutionProvider" in sentence
    assert "CPUExecutionProvider" in sentence


def test_a_query_that_raised_fails(judged, evidence):
    single, server = evidence.benchmarks[0].scenarios
    scenarios = (single, server.model_copy(update={"errors": 2}))
    verdict = judged(evidence, benchmarks=[evidence.benchmarks[0].model_copy(update={"scenarios": scenarios})])
    assert verdict.outcome is FAIL
    assert "Server 2" in sentence_of(verdict, "errors/local-cpu")


class TestCertificate:
    def test_several_paths_without_a_certificate_fail(self, judged, evidence):
        assert outcome_of(judged(routed(evidence, certified=False)), "certificate") is FAIL

    def test_the_reference_path_alone_needs_none(self, judged, evidence):
        alone = replaced(evidence, "router", paths=evidence.router.paths[-1:], certificates=(), operating_point="")
        assert judged(alone).outcome is PASS

    def test_an_operating_point_without_its_certificate_is_invalid(self, judged, evidence):
        assert outcome_of(judged(replaced(evidence, "router", operating_point="2%")), "certificate") is INVALID

    def test_less_confidence_than_the_recipe_asks_for_is_invalid(self, judged, evidence):
        assert outcome_of(judged(routed(evidence, confidence=0.9)), "certificate") is INVALID

    def test_a_larger_loss_than_the_recipe_allows_fails(self, judged, evidence):
        assert outcome_of(judged(evidence, max_accuracy_loss=0.005), "certificate") is FAIL

    @pytest.mark.parametrize("p_value", [math.nan, 0.06])
    def test_a_certificate_that_its_own_test_does_not_bear_out_is_invalid(self, judged, evidence, p_value):
        test = evidence.router.certificates[0].test.model_copy(update={"p_value": p_value})
        assert outcome_of(judged(routed(evidence, test=test)), "certificate") is INVALID

    @pytest.mark.parametrize(
        ("harms", "gains", "outcome"), [(0, 0, PASS), (9, 0, PASS), (14, 2, PASS), (18, 0, FAIL), (40, 8, FAIL)]
    )
    def test_gate_rows_that_refute_the_promise_fail(self, judged, evidence, harms, gains, outcome):
        test = evidence.evaluation.reference.model_copy(
            update={"harms": harms, "gains": gains, "loss": (harms - gains) / 900}
        )
        verdict = judged(replaced(evidence, "evaluation", reference=test))
        assert outcome_of(verdict, "certificate_on_gate") is outcome

    def test_gate_rows_that_were_not_compared_are_invalid(self, judged, evidence):
        nothing = PairedTest(
            n=0, harms=0, gains=0, loss=math.nan, epsilon=0.01, p_value=1, upper_bound=1, confidence=0.95
        )
        verdict = judged(replaced(evidence, "evaluation", reference=nothing))
        assert outcome_of(verdict, "certificate_on_gate") is INVALID

    def test_a_promise_that_holds_is_refuted_no_more_often_than_delta(self):
        """Full enumeration at the edge of the promise, the share of gains being 2 %."""
        n, epsilon, delta, gain = 50, 0.05, 0.05, 0.02
        harm = gain + epsilon
        refuted = 0.0
        for harms in range(n + 1):
            for gains in range(n + 1 - harms):
                ways = math.lgamma(n + 1) - math.lgamma(harms + 1) - math.lgamma(gains + 1)
                rest = n - harms - gains
                mass = math.exp(
                    ways
                    - math.lgamma(rest + 1)
                    + harms * math.log(harm)
                    + gains * math.log(gain)
                    + rest * math.log(1 - harm - gain)
                )
                if mass > 1e-9 and paired_p_value(n, gains, harms, -epsilon, delta) <= delta:
                    refuted += mass
        assert refuted <= delta


def test_a_verdict_survives_json_with_its_digest(judged, evidence):
    verdict = judged(evidence)
    again = Verdict.model_validate_json(verdict.model_dump_json())
    assert again == verdict
    assert again.digest == verdict.digest
    assert judged(evidence, gates=Gates(accuracy=0.8)).digest != verdict.digest


def test_decisive_checks_come_worst_first():
    checks = [
        Check(name="a", outcome=INCONCLUSIVE, sentence="?"),
        Check(name="b", outcome=PASS, sentence="yes"),
        Check(name="c", outcome=INVALID, sentence="!"),
        Check(name="d", outcome=FAIL, sentence="no"),
    ]
    assert [check.name for check in Verdict.of(checks).decisive] == ["c", "d", "a"]
