"""On a machine that others disturbed no timing fails; what is no timing is judged as ever."""

import pytest

from registry.checks import Outcome
from registry.gates import to_measure_again
from tasks.recipe import Gates
from tasks.records import Disturbance

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
BUSY = Disturbance(share=0.34, during="Server", disturbed=True, attempts=3)
CALM = Disturbance(share=0.03, during="Server", disturbed=False, attempts=1)
TIMED = {
    "latency_p50_ms": 0.01,
    "latency_p90_ms": 0.01,
    "latency_p99_ms": 0.01,
    "throughput_qps": 10_000,
    "speedup": 50,
    "cold_start_s": 0.01,
}


def disturbed(evidence, disturbance):
    benchmark = evidence.benchmarks[0].model_copy(update={"disturbance": disturbance})
    return evidence.model_copy(update={"benchmarks": (benchmark,)})


@pytest.mark.parametrize(("gate", "threshold"), TIMED.items())
def test_a_timing_that_would_fail_is_inconclusive_and_says_that_the_machine_was_busy(judged, evidence, gate, threshold):
    gates = Gates(**{gate: threshold})
    assert judged(disturbed(evidence, None), gates=gates).outcome is FAIL
    assert judged(disturbed(evidence, CALM), gates=gates).outcome is FAIL
    verdict = judged(disturbed(evidence, BUSY), gates=gates)
    assert verdict.outcome is INCONCLUSIVE
    for check in verdict.decisive:
        assert "others took 34% of the CPUs' time during Server, in the best of 3 measurements" in check.sentence
        assert "measure again" in check.sentence


def test_a_timing_that_passes_still_passes(judged, evidence, gates):
    assert judged(disturbed(evidence, BUSY), gates=gates).outcome is PASS


@pytest.mark.parametrize("limits", [Gates(size_mb=1), Gates(memory_mb=1), Gates(accuracy=0.99)])
def test_size_memory_and_accuracy_fail_as_ever(judged, evidence, limits):
    assert judged(disturbed(evidence, BUSY), gates=limits).outcome is FAIL


def test_only_a_disturbed_measurement_that_settled_nothing_is_to_be_made_again(judged, evidence):
    slow, small = Gates(latency_p99_ms=0.01), Gates(size_mb=1)
    busy = disturbed(evidence, BUSY)
    assert to_measure_again(judged(busy, gates=slow).checks, busy.benchmarks) == ("local-cpu",)
    assert to_measure_again(judged(busy, gates=small).checks, busy.benchmarks) == ()
    assert to_measure_again(judged(busy).checks, busy.benchmarks) == ()
    calm = disturbed(evidence, CALM)
    assert to_measure_again(judged(calm, gates=slow).checks, calm.benchmarks) == ()
