"""Each gate is judged by the right bound of the right number, and says what it saw."""

import math

import pytest

from registry.checks import Outcome
from registry.gates import CHAMPION_GATES, PERFORMANCE_GATES, SLICES, thresholds
from registry.missing import MissingRows
from tasks.families.classification.recipe import Gates
from tasks.families.generation.recipe import GenerationGates
from tasks.records import Ratio
from tasks.statistics.rows_to_settle import rows_to_reach
from tests.registry.spoilt import with_figure

PASS, FAIL, INCONCLUSIVE, INVALID = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.INVALID


def with_interval(evidence, field, **numbers):
    """The evidence with other numbers in one share of its evaluation."""
    if field == "accuracy":
        return evaluated(evidence, accuracy=evidence.evaluation.accuracy.model_copy(update=numbers))
    return with_figure(evidence, field, **numbers)


def evaluated(evidence, **fields):
    return evidence.model_copy(update={"evaluation": evidence.evaluation.model_copy(update=fields)})


def benchmarked(evidence, **fields):
    return evidence.model_copy(update={"benchmarks": (evidence.benchmarks[0].model_copy(update=fields),)})


def with_percentile(evidence, scenario_name, wanted, scenario_fields=None, **numbers):
    """The evidence with other numbers for one percentile of one scenario."""
    scenarios = []
    for scenario in evidence.benchmarks[0].scenarios:
        if scenario.name == scenario_name:
            changed = [
                entry.model_copy(update=numbers) if entry.percentile == wanted else entry
                for entry in scenario.percentiles
            ]
            scenario = scenario.model_copy(update={"percentiles": tuple(changed)} | (scenario_fields or {}))
        scenarios.append(scenario)
    return benchmarked(evidence, scenarios=tuple(scenarios))


def checks_of(verdict, gate):
    return [check for check in verdict.checks if check.gate == gate]


def the_check(verdict, name):
    return next(check for check in verdict.checks if check.name == name)


def test_every_field_of_the_gates_has_a_rule_and_gives_a_check(judged, evidence, gates, completing, completing_gates):
    every = set()
    for family, proven, asked in ((Gates, evidence, gates), (GenerationGates, completing, completing_gates)):
        names = set(family.model_fields) - {"slice_min_rows"} - CHAMPION_GATES
        verdict = judged(proven, gates=asked)
        assert names <= {check.gate for check in verdict.checks}
        assert thresholds(asked).keys() == names
        assert verdict.outcome is PASS
        every |= names
        figures = {SLICES, *(name for name in names if proven.evaluation.figure(name))}
        assert names == figures | (names & PERFORMANCE_GATES)
    assert every >= PERFORMANCE_GATES


@pytest.mark.parametrize(
    ("value", "low", "outcome"),
    [(0.95, 0.93, PASS), (0.95, 0.90, PASS), (0.92, 0.89, INCONCLUSIVE), (0.9, 0.87, INCONCLUSIVE), (0.89, 0.86, FAIL)],
)
@pytest.mark.parametrize("field", ["accuracy", "in_scope_accuracy"])
def test_an_accuracy_floor_is_judged_by_the_lower_end_of_its_interval(judged, evidence, field, value, low, outcome):
    verdict = judged(with_interval(evidence, field, value=value, low=low))
    check = the_check(verdict, field)
    assert check.outcome is outcome
    assert (check.measured, check.bound, check.threshold) == (value, low, 0.9)
    assert verdict.outcome is outcome


def test_an_unproven_floor_says_how_many_gate_rows_would_settle_it(judged, evidence):
    spoilt = with_interval(evidence, "accuracy", value=0.92, low=0.89, n=300, successes=276)
    check = the_check(judged(spoilt), "accuracy")
    needed = rows_to_reach(300, 276, 0.9, 0.95)
    assert f"about {needed} gate rows" in check.sentence
    assert check.missing == (MissingRows(have=300, needed=needed),)


def test_an_unproven_floor_that_is_met_exactly_cannot_be_settled_by_rows(judged, evidence):
    spoilt = with_interval(evidence, "accuracy", value=0.9, low=0.88, successes=810)
    assert "more rows cannot" in the_check(judged(spoilt), "accuracy").sentence


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"value": math.nan}, "finite"),
        ({"low": math.nan}, "finite"),
        ({"high": math.inf}, "finite"),
        ({"n": 0}, "no rows"),
        ({"confidence": 0.9}, "confidence 0.9"),
    ],
)
def test_an_interval_that_says_nothing_is_invalid(judged, evidence, numbers, said):
    verdict = judged(with_interval(evidence, "accuracy", **numbers))
    assert verdict.outcome is INVALID
    assert said in the_check(verdict, "accuracy").sentence


def test_out_of_scope_recall_without_out_of_scope_rows_is_invalid(judged, evidence):
    none = with_figure(evidence, "out_of_scope_recall", value=None, low=None, high=None, rows=0)
    check = the_check(judged(none), "out_of_scope_recall")
    assert (check.outcome, check.sentence) == (INVALID, "out-of-scope recall is missing")


def test_a_gate_on_a_figure_that_the_evaluation_has_not_is_invalid(judged, evidence):
    figures = tuple(figure for figure in evidence.evaluation.figures if figure.name != "macro_f1")
    check = the_check(judged(evaluated(evidence, figures=figures)), "macro_f1")
    assert (check.outcome, check.sentence) == (INVALID, "macro_f1 is missing: the evaluation has no such figure")


def test_unproven_recall_asks_for_rows_of_the_label_that_it_is_the_share_of(judged, evidence):
    check = the_check(judged(with_figure(evidence, "out_of_scope_recall", low=0.4)), "out_of_scope_recall")
    assert check.outcome is INCONCLUSIVE
    assert [missing.label for missing in check.missing] == ["oos"]


def test_a_share_of_which_less_is_better_is_judged_by_its_upper_end(judged, evidence):
    """No family has such a gate today; the recall stands in for one."""
    for high, outcome in ((0.3, PASS), (0.6, INCONCLUSIVE)):
        few = with_figure(evidence, "out_of_scope_recall", value=0.2, low=0.1, high=high, better="less")
        assert the_check(judged(few), "out_of_scope_recall").outcome is outcome
    many = with_figure(evidence, "out_of_scope_recall", better="less")
    assert the_check(judged(many), "out_of_scope_recall").outcome is FAIL


@pytest.mark.parametrize(
    ("value", "low", "outcome"),
    [
        (0.95, 0.91, PASS),
        (0.95, None, INCONCLUSIVE),
        (0.95, 0.89, INCONCLUSIVE),
        (0.8, None, FAIL),
        (math.nan, 0.9, INVALID),
    ],
)
def test_macro_f1_passes_only_by_its_bound(judged, evidence, value, low, outcome):
    verdict = judged(with_figure(evidence, "macro_f1", value=value, low=low))
    assert the_check(verdict, "macro_f1").outcome is outcome


@pytest.mark.parametrize(
    ("value", "high", "outcome"),
    [
        (0.05, 0.1, PASS),
        (0.05, 0.2, INCONCLUSIVE),
        (0.05, None, INCONCLUSIVE),
        (0.2, 0.3, FAIL),
        (0.05, math.nan, INVALID),
    ],
)
def test_calibration_error_is_a_ceiling(judged, evidence, value, high, outcome):
    spoilt = with_figure(evidence, "expected_calibration_error", value=value, high=high)
    assert the_check(judged(spoilt), "expected_calibration_error").outcome is outcome


class TestSlices:
    def sliced(self, evidence, **rows):
        """The evidence with these numbers of rows in its slices, all of them right."""
        slices = tuple(
            entry.model_copy(
                update={
                    "name": name,
                    "accuracy": entry.accuracy.model_copy(update={"n": count, "value": 1.0, "low": 0.9, "high": 1.0}),
                }
            )
            for (name, count), entry in zip(rows.items(), [evidence.evaluation.slices[0]] * len(rows), strict=True)
        )
        snapshot = evidence.snapshot.model_copy(update={"slices": tuple(rows)})
        return evaluated(evidence, slices=slices).model_copy(update={"snapshot": snapshot})

    def test_each_slice_with_enough_rows_is_judged_on_its_own(self, judged, evidence):
        verdict = judged(evidence)
        names = [check.name for check in checks_of(verdict, "slice_accuracy")]
        assert names == ["slice_accuracy/banking", "slice_accuracy/travel", "slice_accuracy"]
        travel = evidence.evaluation.slices[1]
        low = travel.model_copy(update={"accuracy": travel.accuracy.model_copy(update={"value": 0.7, "low": 0.65})})
        verdict = judged(evaluated(evidence, slices=(evidence.evaluation.slices[0], low)))
        assert the_check(verdict, "slice_accuracy/travel").outcome is FAIL
        assert the_check(verdict, "slice_accuracy/banking").outcome is PASS

    def test_slices_too_small_to_judge_are_named_and_do_not_block(self, judged, evidence):
        verdict = judged(self.sliced(evidence, banking=100, travel=7))
        assert verdict.outcome is PASS
        assert "travel (7)" in the_check(verdict, "slice_accuracy").sentence

    def test_only_small_slices_prove_nothing(self, judged, evidence):
        verdict = judged(self.sliced(evidence, banking=20, travel=7))
        assert the_check(verdict, "slice_accuracy").outcome is INCONCLUSIVE

    def test_an_empty_slice_is_invalid(self, judged, evidence):
        verdict = judged(self.sliced(evidence, banking=100, travel=0))
        assert verdict.outcome is INVALID
        assert "travel" in the_check(verdict, "slice_accuracy").sentence

    def test_a_slice_of_the_snapshot_that_was_not_evaluated_is_invalid(self, judged, evidence):
        assert judged(evaluated(evidence, slices=evidence.evaluation.slices[:1])).outcome is INVALID

    def test_a_floor_per_slice_without_slices_is_invalid(self, judged, evidence):
        verdict = judged(self.sliced(evidence))
        assert "data.slice_column" in the_check(verdict, "slice_accuracy").sentence
        assert verdict.outcome is INVALID


class TestLatency:
    def test_a_latency_is_judged_on_single_stream_and_on_server(self, judged, evidence):
        names = {check.name for check in checks_of(judged(evidence), "latency_p99_ms")}
        assert names == {"latency_p99_ms/local-cpu/SingleStream", "latency_p99_ms/local-cpu/Server"}

    @pytest.mark.parametrize(
        ("value", "bound", "outcome"), [(8, 25, PASS), (8, 26, INCONCLUSIVE), (25.2, 27, INCONCLUSIVE), (30, 31, FAIL)]
    )
    @pytest.mark.parametrize("scenario", ["SingleStream", "Server"])
    def test_it_is_judged_by_the_upper_bound(self, judged, evidence, scenario, value, bound, outcome):
        verdict = judged(with_percentile(evidence, scenario, 99, value_ms=value, upper_bound_ms=bound))
        assert the_check(verdict, f"latency_p99_ms/local-cpu/{scenario}").outcome is outcome

    def test_too_few_queries_are_inconclusive_and_say_how_many_are_missing(self, judged, evidence):
        spoilt = with_percentile(evidence, "Server", 99, {"queries": 500}, upper_bound_ms=None, missing=162)
        check = the_check(judged(spoilt), "latency_p99_ms/local-cpu/Server")
        assert check.outcome is INCONCLUSIVE
        assert "162 more queries" in check.sentence

    def test_too_few_queries_still_fail_when_half_of_them_are_too_slow(self, judged, evidence, gates):
        spoilt = with_percentile(evidence, "Server", 99, {"queries": 60}, upper_bound_ms=None, missing=602)
        verdict = judged(spoilt, gates=gates.model_copy(update={"latency_p99_ms": 0.01}))
        assert the_check(verdict, "latency_p99_ms/local-cpu/Server").outcome is FAIL

    def test_an_slo_only_policy_fails_a_slow_model(self, judged, evidence):
        assert judged(evidence, gates=Gates(latency_p99_ms=0.01)).outcome is FAIL

    @pytest.mark.parametrize("numbers", [{"value_ms": math.nan}, {"upper_bound_ms": math.inf}, {"percentile": 98.0}])
    def test_a_missing_or_infinite_percentile_is_invalid(self, judged, evidence, numbers):
        assert judged(with_percentile(evidence, "SingleStream", 99, **numbers)).outcome is INVALID

    def test_a_scenario_that_was_not_run_is_invalid(self, judged, evidence):
        spoilt = benchmarked(evidence, scenarios=evidence.benchmarks[0].scenarios[:1])
        verdict = judged(spoilt, gates=Gates(latency_p50_ms=5))
        assert the_check(verdict, "latency_p50_ms/local-cpu/Server").outcome is INVALID

    def test_a_scenario_that_loadgen_calls_invalid_proves_nothing(self, judged, evidence):
        spoilt = with_percentile(evidence, "SingleStream", 99, {"valid": False, "validity": "INVALID; too short"})
        check = the_check(judged(spoilt), "latency_p99_ms/local-cpu/SingleStream")
        assert check.outcome is INCONCLUSIVE
        assert "too short" in check.sentence

    def test_a_server_run_that_missed_a_stricter_bound_still_proves_the_gate(self, judged, evidence):
        fields = {"valid": False, "validity": "INVALID", "latency_bound_ms": 8.5}
        verdict = judged(with_percentile(evidence, "Server", 99, fields))
        assert the_check(verdict, "latency_p99_ms/local-cpu/Server").outcome is PASS

    def test_what_lies_within_the_machines_noise_is_not_a_failure(self, judged, evidence):
        slow = with_percentile(evidence, "Server", 99, value_ms=30, upper_bound_ms=33)
        noisy = benchmarked(slow, noise=Ratio(value=1.0, low=0.75, high=1.2))
        assert the_check(judged(slow), "latency_p99_ms/local-cpu/Server").outcome is FAIL
        assert the_check(judged(noisy), "latency_p99_ms/local-cpu/Server").outcome is INCONCLUSIVE

    def test_timings_without_a_noise_floor_are_invalid(self, judged, evidence):
        verdict = judged(benchmarked(evidence, noise=Ratio(value=math.nan, low=math.nan, high=math.nan)))
        assert the_check(verdict, "latency_p99_ms/local-cpu").outcome is INVALID


class TestThroughput:
    @pytest.mark.parametrize(
        ("sustained", "outcome"), [(200.0, PASS), (199.0, INCONCLUSIVE), (150.0, FAIL), (math.nan, INVALID)]
    )
    def test_the_sustained_rate_is_judged(self, judged, evidence, sustained, outcome):
        verdict = judged(benchmarked(evidence, sustained_qps=sustained))
        assert the_check(verdict, "throughput_qps/local-cpu").outcome is outcome

    @pytest.mark.parametrize(
        ("target_qps", "missing", "outcome"), [(200.0, 0, FAIL), (200.0, 90, INCONCLUSIVE), (900.0, 0, INCONCLUSIVE)]
    )
    def test_without_a_sustained_rate_it_depends_on_what_was_tried(
        self, judged, evidence, target_qps, missing, outcome
    ):
        fields = {"valid": False, "validity": "INVALID; not met: performance", "target_qps": target_qps}
        spoilt = with_percentile(evidence, "Server", 99, fields, missing=missing)
        verdict = judged(benchmarked(spoilt, sustained_qps=None))
        assert the_check(verdict, "throughput_qps/local-cpu").outcome is outcome

    def test_no_server_scenario_is_invalid(self, judged, evidence):
        spoilt = benchmarked(evidence, scenarios=evidence.benchmarks[0].scenarios[:1])
        assert judged(spoilt, gates=Gates(throughput_qps=1)).outcome is INVALID


class TestSpeedup:
    @pytest.mark.parametrize(("value", "low", "outcome"), [(3, 2, PASS), (2.1, 1.9, INCONCLUSIVE), (1.5, 1.4, FAIL)])
    def test_the_lower_end_of_the_interleaved_ratio_is_judged(self, judged, evidence, value, low, outcome):
        contender = evidence.benchmarks[0].contenders[0]
        slower = contender.model_copy(update={"speedup": Ratio(value=value, low=low, high=4)})
        verdict = judged(benchmarked(evidence, contenders=(slower,)))
        assert the_check(verdict, "speedup/local-cpu").outcome is outcome

    def test_a_comparison_without_the_router_is_invalid(self, judged, evidence):
        assert the_check(judged(benchmarked(evidence, contenders=())), "speedup/local-cpu").outcome is INVALID


@pytest.mark.parametrize(
    ("field", "gate", "over"),
    [("size_mb", "size_mb", 121.0), ("peak_memory_mb", "memory_mb", 501.0), ("cold_start_s", "cold_start_s", 6.0)],
)
def test_size_memory_and_cold_start_are_ceilings(judged, evidence, field, gate, over):
    assert the_check(judged(evidence), f"{gate}/local-cpu").outcome is PASS
    assert the_check(judged(benchmarked(evidence, **{field: over})), f"{gate}/local-cpu").outcome is FAIL
    assert the_check(judged(benchmarked(evidence, **{field: math.nan})), f"{gate}/local-cpu").outcome is INVALID


def test_a_margin_is_the_room_left_as_a_share_of_the_threshold(judged, evidence):
    margins = judged(with_interval(evidence, "accuracy", value=0.95, low=0.945)).margins
    assert margins["accuracy"] == pytest.approx(0.05)
    assert margins["latency_p99_ms"] == pytest.approx((25 - 9) / 25)


@pytest.mark.parametrize(
    ("rate", "says"),
    [
        ("half of the 420 that were sustained", " at 210 queries/s (half of the 420 that were sustained)"),
        ("as benchmark.server_qps asks", " at 210 queries/s (as benchmark.server_qps asks)"),
        ("", ""),
    ],
)
def test_a_server_latency_says_at_which_rate_it_was_judged_and_why(judged, evidence, rate: str, says: str) -> None:
    benchmark = evidence.benchmarks[0]
    scenarios = [
        scenario.model_copy(update={"target_qps": 210.0, "rate": rate}) if scenario.name == "Server" else scenario
        for scenario in benchmark.scenarios
    ]
    at_rate = benchmark.model_copy(update={"scenarios": tuple(scenarios)})
    verdict = judged(evidence.model_copy(update={"benchmarks": (at_rate,)}), gates=Gates(latency_p99_ms=1000))
    (sentence,) = [check.sentence for check in verdict.checks if check.name == "latency_p99_ms/local-cpu/Server"]
    assert f"Server p99 latency on local-cpu{says} " in sentence
