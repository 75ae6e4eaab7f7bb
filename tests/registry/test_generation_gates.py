"""Completions and tokens are judged by their bounds too, and a gate whose evidence is missing is never met."""

import math
import re

import pytest

from registry.checks import Outcome
from tasks.families.classification.recipe import Gates
from tasks.families.generation.recipe import GenerationGates
from tasks.records import Disturbance
from tests.registry.generated import noisy, percentiles
from tests.registry.spoilt import with_figure

PASS, FAIL, INCONCLUSIVE, INVALID = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.INVALID
QUALITY = {"token_f1": 0.95, "rouge_l": 0.95, "json_validity": 0.98}
SINGLE, SERVER = "SingleStream", "Server"
MEASURED = {SINGLE: "tokens", SERVER: "token_server"}
TOKENS = {"ttft_p99_ms": 5.0, "tpot_p99_ms": 1.0, "tokens_per_second": 1000.0}
ONLY_OF_CLASSES = {
    "in_scope_accuracy": 0.9,
    "macro_f1": 0.9,
    "out_of_scope_recall": 0.5,
    "expected_calibration_error": 0.1,
}


def benchmarked(evidence, **fields):
    return evidence.model_copy(update={"benchmarks": (evidence.benchmarks[0].model_copy(update=fields),)})


def timed(evidence, scenario=SINGLE, **fields):
    """The evidence with other token latencies."""
    field = MEASURED[scenario]
    return benchmarked(evidence, **{field: getattr(evidence.benchmarks[0], field).model_copy(update=fields)})


@pytest.fixture
def check(judged):
    """The check of one gate alone (of one scenario, where it is on tokens), and that the verdict is no better than it."""

    def run(evidence, gate, threshold, scenario=SINGLE, family=GenerationGates):
        verdict = judged(evidence, gates=family(**{gate: threshold}))
        found = [entry for entry in verdict.checks if entry.gate == gate]
        if gate in TOKENS:
            assert [entry.name for entry in found] == [f"{gate}/local-cpu/{name}" for name in MEASURED]
            found = [entry for entry in found if entry.name.endswith(scenario)]
        assert len(found) == 1
        assert verdict.outcome.severity >= found[0].outcome.severity
        return found[0]

    return run


@pytest.mark.parametrize(
    ("value", "low", "outcome"),
    [
        (0.98, 0.96, PASS),
        (0.98, 0.95, PASS),
        (0.96, 0.94, INCONCLUSIVE),
        (0.94, 0.93, FAIL),
        (math.nan, 0.96, INVALID),
        (0.98, math.nan, INVALID),
    ],
)
@pytest.mark.parametrize("gate", ["token_f1", "rouge_l"])
def test_overlap_with_the_gold_completions_is_judged_by_its_lower_bound(check, completing, gate, value, low, outcome):
    found = check(with_figure(completing, gate, value=value, low=low), gate, 0.95)
    assert found.outcome is outcome
    if outcome is not INVALID:
        assert (found.measured, found.bound, found.threshold) == (value, low, 0.95)


@pytest.mark.parametrize(
    ("numbers", "outcome"),
    [
        ({"value": 0.99, "low": 0.98}, PASS),
        ({"value": 0.99, "low": 0.97}, INCONCLUSIVE),
        ({"value": 0.97, "low": 0.96}, FAIL),
        ({"low": math.nan}, INVALID),
        ({"rows": 0}, INVALID),
        ({"confidence": 0.9}, INVALID),
    ],
)
def test_json_validity_is_judged_by_the_lower_end_of_its_interval(check, completing, numbers, outcome):
    assert check(with_figure(completing, "json_validity", **numbers), "json_validity", 0.98).outcome is outcome


def test_json_validity_where_the_gold_completions_are_no_json_is_invalid_and_says_the_way_out(check, completing):
    none = with_figure(completing, "json_validity", value=None, low=None, high=None, rows=0)
    found = check(none, "json_validity", 0.98)
    assert found.outcome is INVALID
    assert "the gold completions are no JSON; drop the gate" in found.sentence


@pytest.mark.parametrize(("gate", "threshold"), QUALITY.items())
def test_a_gate_on_completions_without_completions_is_invalid(check, evidence, gate, threshold):
    found = check(evidence, gate, threshold)
    assert found.outcome is INVALID
    assert "missing" in found.sentence


@pytest.mark.parametrize(("gate", "threshold"), ONLY_OF_CLASSES.items())
def test_a_gate_on_classes_without_classes_is_invalid(check, completing, gate, threshold):
    found = check(completing, gate, threshold, family=Gates)
    assert found.outcome is INVALID
    assert "missing" in found.sentence


@pytest.mark.parametrize("scenario", MEASURED)
@pytest.mark.parametrize(("gate", "threshold"), TOKENS.items())
def test_a_gate_on_tokens_that_were_not_measured_is_invalid(check, completing, gate, threshold, scenario):
    found = check(benchmarked(completing, **{MEASURED[scenario]: None}), gate, threshold, scenario)
    assert found.outcome is INVALID
    assert re.search("were not measured|was not run", found.sentence)


@pytest.mark.parametrize(("gate", "threshold"), TOKENS.items())
def test_a_gate_on_tokens_without_a_noise_floor_is_invalid(judged, completing, gate, threshold):
    unknown = completing.benchmarks[0].noise.model_copy(update={"low": math.nan, "high": math.nan})
    verdict = judged(benchmarked(completing, noise=unknown), gates=GenerationGates(**{gate: threshold}))
    assert {entry.outcome for entry in verdict.checks if entry.gate == gate} == {INVALID}


@pytest.mark.parametrize("scenario", MEASURED)
@pytest.mark.parametrize(("gate", "field"), [("ttft_p99_ms", "first"), ("tpot_p99_ms", "further")])
class TestTokenLatency:
    @pytest.mark.parametrize(
        ("value", "bound", "outcome"), [(4, 5, PASS), (4, 5.5, INCONCLUSIVE), (5.05, 6, INCONCLUSIVE), (7, 8, FAIL)]
    )
    def test_it_is_judged_by_its_upper_bound(self, check, completing, scenario, gate, field, value, bound, outcome):
        found = check(timed(completing, scenario, **{field: percentiles(1.0, value, bound)}), gate, 5.0, scenario)
        assert found.outcome is outcome
        assert (found.measured, found.bound, found.unit, found.direction) == (value, bound, "ms", "ceiling")

    def test_too_few_queries_are_inconclusive_and_say_how_many_are_missing(
        self, check, completing, scenario, gate, field
    ):
        entries = percentiles(1.0, 4.0, 4.5)
        short = entries[-1].model_copy(update={"upper_bound_ms": None, "missing": 162})
        found = check(timed(completing, scenario, queries=500, **{field: (*entries[:-1], short)}), gate, 5.0, scenario)
        assert found.outcome is INCONCLUSIVE
        assert "162 more queries" in found.sentence

    @pytest.mark.parametrize("bad", [{"value_ms": math.nan}, {"upper_bound_ms": math.inf}, {"percentile": 98.0}])
    def test_a_missing_or_infinite_percentile_is_invalid(self, check, completing, scenario, gate, field, bad):
        entries = percentiles(1.0, 4.0, 4.5)
        spoilt = (*entries[:-1], entries[-1].model_copy(update=bad))
        assert check(timed(completing, scenario, **{field: spoilt}), gate, 5.0, scenario).outcome is INVALID

    def test_answers_without_such_tokens_are_invalid(self, check, completing, scenario, gate, field):
        assert check(timed(completing, scenario, **{field: ()}), gate, 5.0, scenario).outcome is INVALID

    def test_what_lies_within_the_machines_noise_is_not_a_failure(self, check, completing, scenario, gate, field):
        slow = timed(completing, scenario, **{field: percentiles(1.0, 6.0, 6.5)})
        assert check(slow, gate, 5.0, scenario).outcome is FAIL
        assert check(noisy(slow), gate, 5.0, scenario).outcome is INCONCLUSIVE


class TestUnderLoad:
    """LoadGen's own verdict on a streamed Server run, beside the gates."""

    def test_a_run_that_missed_the_other_objective_still_proves_this_one(self, check, completing):
        slow = timed(completing, SERVER, valid=False, validity="INVALID", further=percentiles(9.0, 11.0, 12.0))
        assert check(slow, "ttft_p99_ms", 5.0, SERVER).outcome is PASS
        assert check(slow, "tpot_p99_ms", 5.0, SERVER).outcome is FAIL

    def test_a_run_that_missed_a_bound_stricter_than_the_gates_proves_the_gates(self, check, completing):
        strict = timed(completing, SERVER, valid=False, validity="INVALID", ttft_bound_ms=4.5)
        assert check(strict, "ttft_p99_ms", 5.0, SERVER).outcome is PASS

    @pytest.mark.parametrize("gate", ["ttft_p99_ms", "tpot_p99_ms"])
    def test_a_run_that_is_invalid_for_no_bound_of_its_own_proves_nothing(self, check, completing, gate):
        odd = timed(completing, SERVER, valid=False, validity="INVALID; not met: minimum number of queries")
        found = check(odd, gate, 5.0, SERVER)
        assert found.outcome is INCONCLUSIVE
        assert "minimum number of queries" in found.sentence

    @pytest.mark.parametrize(
        ("sustained", "outcome"), [(60.0, PASS), (57.0, INCONCLUSIVE), (40.0, FAIL), (math.nan, INVALID)]
    )
    def test_tokens_per_second_are_those_of_the_sustained_rate(self, check, completing, sustained, outcome):
        found = check(timed(completing, SERVER, sustained_qps=sustained), "tokens_per_second", 1000.0, SERVER)
        assert found.outcome is outcome
        assert found.unit == "tokens/s"

    @pytest.mark.parametrize(
        ("fields", "outcome", "said"),
        [
            ({"target_qps": 20.0}, FAIL, "1000 tokens/s are asked for"),
            ({"target_qps": 80.0}, INCONCLUSIVE, "themselves were not tried"),
            ({"target_qps": math.nan}, INVALID, "not a finite number"),
            (
                {"first": (percentiles(1, 2, 3)[-1].model_copy(update={"missing": 62}),)},
                INCONCLUSIVE,
                "62 more queries",
            ),
        ],
    )
    def test_where_no_rate_was_sustained_it_matters_what_was_tried(self, check, completing, fields, outcome, said):
        none = timed(completing, SERVER, sustained_qps=None, valid=False, validity="INVALID", **fields)
        found = check(none, "tokens_per_second", 1000.0, SERVER)
        assert found.outcome is outcome
        assert said in found.sentence

    def test_a_query_that_raised_while_it_streamed_fails_the_bundle(self, judged, completing):
        verdict = judged(timed(completing, SERVER, errors=3), gates=GenerationGates(accuracy=0.9))
        (errors,) = [entry for entry in verdict.checks if entry.gate == "errors"]
        assert errors.outcome is FAIL
        assert "streamed Server 3" in errors.sentence


class TestTokenRate:
    @pytest.mark.parametrize(
        ("rate", "outcome"),
        [(1000.0, PASS), (990.0, INCONCLUSIVE), (700.0, FAIL), (math.nan, INVALID), (-1.0, INVALID)],
    )
    def test_it_is_a_floor(self, check, completing, rate, outcome):
        found = check(timed(completing, tokens_per_second=rate), "tokens_per_second", 1000.0)
        assert found.outcome is outcome
        assert found.unit == "tokens/s"

    def test_what_lies_within_the_machines_noise_is_not_a_failure(self, check, completing):
        slow = timed(completing, tokens_per_second=850.0)
        assert check(slow, "tokens_per_second", 1000.0).outcome is FAIL
        assert check(noisy(slow), "tokens_per_second", 1000.0).outcome is INCONCLUSIVE


@pytest.mark.parametrize(
    ("gate", "slow"),
    [
        ("ttft_p99_ms", {"first": percentiles(1.0, 9.0, 9.5)}),
        ("tpot_p99_ms", {"further": percentiles(1.0, 9.0, 9.5)}),
        ("tokens_per_second", {"tokens_per_second": 100.0}),
    ],
)
def test_tokens_that_were_slow_on_a_busy_machine_are_not_a_failure(check, completing, gate, slow):
    busy = Disturbance(share=0.4, during="SingleStream", disturbed=True, attempts=3)
    found = check(benchmarked(timed(completing, **slow), disturbance=busy), gate, TOKENS[gate])
    assert found.outcome is INCONCLUSIVE
    assert "busy" in found.sentence


def test_every_target_has_to_meet_the_token_gates(judged, completing, target):
    other = completing.benchmarks[0].model_copy(update={"target": "edge", "tokens": None})
    both = completing.model_copy(update={"benchmarks": (*completing.benchmarks, other)})
    targets = [target, target.model_copy(update={"name": "edge"})]
    verdict = judged(both, gates=GenerationGates(ttft_p99_ms=5), targets=targets)
    outcomes = {check.name: check.outcome for check in verdict.checks if check.gate == "ttft_p99_ms"}
    assert outcomes == {
        "ttft_p99_ms/local-cpu/SingleStream": PASS,
        "ttft_p99_ms/local-cpu/Server": PASS,
        "ttft_p99_ms/edge/SingleStream": INVALID,
        "ttft_p99_ms/edge/Server": PASS,
    }
    assert verdict.outcome is INVALID
