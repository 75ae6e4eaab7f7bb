"""Rows that the bundle refuses are told of in a line of their own, and too many of them are a failure, in both families."""

import pytest

from registry.checks import Outcome


@pytest.fixture(params=["evidence", "completing"])
def proven(request):
    """Evidence of either family in which everything went well, with the gates that it meets."""
    return request.getfixturevalue(request.param), request.getfixturevalue(
        {"evidence": "gates", "completing": "completing_gates"}[request.param]
    )


def checks_of(verdict):
    return {check.name: check for check in verdict.checks if check.gate == "unanswered"}


def refusing(evidence, *, rows=None, inputs=0):
    """The same with so many refused rows by split, and so many refused inputs of the benchmark's 900."""
    evaluation = evidence.evaluation.model_copy(update={"unanswered": rows or {"gate": 0}})
    benchmark = evidence.benchmarks[0].model_copy(update={"unanswered": inputs, "inputs": 900})
    return evidence.model_copy(update={"evaluation": evaluation, "benchmarks": (benchmark,)})


def test_a_few_refused_rows_pass_with_their_number(proven, judged) -> None:
    evidence, gates = proven
    verdict = judged(refusing(evidence, rows={"gate": 9}, inputs=9), gates=gates)

    checks = checks_of(verdict)
    assert verdict.outcome is Outcome.PASS
    assert checks["unanswered"].sentence == "9 of 900 gate rows cannot be asked, and count as wrong"
    assert checks["unanswered/local-cpu"].sentence == (
        "9 of 900 inputs on local-cpu cannot be asked, and are in no timing"
    )


def test_more_than_a_hundredth_of_the_inputs_refused_fails_with_the_way_out(proven, judged) -> None:
    evidence, gates = proven
    verdict = judged(refusing(evidence, inputs=10), gates=gates)

    check = checks_of(verdict)["unanswered/local-cpu"]
    assert (verdict.outcome, check.outcome) == (Outcome.FAIL, Outcome.FAIL)
    assert "10 of 900 inputs" in check.sentence
    assert "a base_model with a longer context" in check.sentence
    assert check.measured == pytest.approx(10 / 900)


def test_refused_rows_of_the_certificate_are_judged_as_those_of_the_gates(completing, completing_gates, judged) -> None:
    verdict = judged(refusing(completing, rows={"certify": 11, "gate": 0}), gates=completing_gates)

    check = checks_of(verdict)["unanswered"]
    assert check.outcome is Outcome.FAIL
    assert "11 of 1,000 certify rows and 0 of 900 gate rows" in check.sentence


def test_evidence_from_before_refusals_were_counted_has_no_such_line(proven, judged) -> None:
    evidence, gates = proven
    benchmark = evidence.benchmarks[0].model_copy(update={"unanswered": None, "inputs": None})
    evaluation = evidence.evaluation.model_copy(update={"unanswered": None})
    old = evidence.model_copy(update={"evaluation": evaluation, "benchmarks": (benchmark,)})

    assert checks_of(judged(old, gates=gates)) == {}
