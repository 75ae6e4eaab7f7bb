"""On a machine that others disturbed no timing fails; what is no timing is judged as ever."""

import pytest

from registry.checks import Outcome
from registry.gates import to_measure_again
from tasks.families.classification.recipe import Gates
from tasks.families.generation.recipe import GenerationGates
from tasks.records import ChampionSpeed, Disturbance, Ratio

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


UNSETTLED = ("choose-student: distilled is undecided: 1.58x (0.83 to 2.07) after 64 blocks",)


@pytest.mark.parametrize(("gate", "threshold"), TIMED.items())
def test_no_timing_fails_a_bundle_that_was_made_by_times_that_settled_nothing(judged, evidence, gate, threshold):
    verdict = judged(disturbed(evidence, CALM), gates=Gates(**{gate: threshold}), unsettled=UNSETTLED)
    assert verdict.outcome is INCONCLUSIVE
    for check in verdict.decisive:
        assert "1.58x (0.83 to 2.07) after 64 blocks" in check.sentence
        assert check.sentence.endswith("measure again")


@pytest.mark.parametrize("gate", [{"ttft_p99_ms": 0.001}, {"tpot_p99_ms": 0.001}, {"tokens_per_second": 1e9}])
def test_tokens_are_timings_as_well(judged, completing, gate):
    gates = GenerationGates(**gate)
    assert judged(disturbed(completing, CALM), gates=gates).outcome is FAIL
    assert judged(disturbed(completing, BUSY), gates=gates).outcome is INCONCLUSIVE
    assert judged(disturbed(completing, CALM), gates=gates, unsettled=UNSETTLED).outcome is INCONCLUSIVE


def test_so_is_the_comparison_with_the_champion(judged, challenging):
    slow = ChampionSpeed(bundle_digest="e" * 64, speedup=Ratio(value=0.5, low=0.49, high=0.51))

    def at(disturbance):
        benchmark = challenging.benchmarks[0].model_copy(update={"disturbance": disturbance, "against_champion": slow})
        return challenging.model_copy(update={"benchmarks": (benchmark,)})

    assert judged(at(CALM)).outcome is FAIL
    assert judged(at(BUSY)).outcome is INCONCLUSIVE
    assert judged(at(CALM), unsettled=UNSETTLED).outcome is INCONCLUSIVE


@pytest.mark.parametrize("limits", [Gates(size_mb=1), Gates(memory_mb=1), Gates(accuracy=0.99)])
def test_what_is_no_timing_fails_whatever_time_left_open(judged, evidence, limits):
    assert judged(evidence, gates=limits, unsettled=UNSETTLED).outcome is FAIL


def test_a_pass_stays_one_whatever_time_left_open(judged, evidence, gates):
    assert judged(evidence, gates=gates, unsettled=UNSETTLED).outcome is PASS


def test_a_quiet_measurement_that_sits_on_the_threshold_is_to_be_made_again_too(judged, evidence):
    """Its sentence says so, and what the store makes futile must not be advised."""
    calm = disturbed(evidence, CALM)
    near = next(entry for entry in calm.benchmarks[0].contenders if entry.name == "adaptive").speedup
    on_it = Gates(speedup=(near.low + near.value) / 2)
    assert judged(calm, gates=on_it).outcome is INCONCLUSIVE
    assert to_measure_again(judged(calm, gates=on_it).checks, calm.benchmarks) == ("local-cpu",)


def test_a_disturbed_measurement_that_settled_nothing_is_to_be_made_again(judged, evidence):
    slow, small = Gates(latency_p99_ms=0.01), Gates(size_mb=1)
    busy = disturbed(evidence, BUSY)
    assert to_measure_again(judged(busy, gates=slow).checks, busy.benchmarks) == ("local-cpu",)
    assert to_measure_again(judged(busy, gates=small).checks, busy.benchmarks) == ()
    assert to_measure_again(judged(busy).checks, busy.benchmarks) == ()
    calm = disturbed(evidence, CALM)
    assert to_measure_again(judged(calm, gates=slow).checks, calm.benchmarks) == ()
