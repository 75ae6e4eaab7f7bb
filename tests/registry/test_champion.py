"""A bundle is judged against the champion by its margin and its factor, and by the absolute rules alone without one."""

import math
import random
import statistics

import pytest

from registry.checks import Outcome
from registry.headline import headline_metrics
from tasks.benchmark import evidence as benchmark_evidence
from tasks.benchmark.job import Timings
from tasks.families.classification.recipe import Gates
from tasks.records import Disturbance, Ratio, SliceComparison, UnreadableChampion
from tasks.statistics.paired_test import paired_test_of_counts
from tasks.statistics.rows_to_settle import rows_to_decide

PASS, FAIL, INCONCLUSIVE, INVALID = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.INVALID
ONE_PERCENT = Gates(accuracy=0.5, champion_accuracy_loss=0.01)
GONE = UnreadableChampion(name="support-intents", version=7, problem="the bytes of models:/support-intents/7 are gone")


def against(evidence, rows, harms, gains):
    """The evidence with this comparison on `rows` gate rows."""
    test = paired_test_of_counts(rows, harms, gains, 0.0, 0.95)
    snapshot = evidence.snapshot.model_copy(update={"rows": evidence.snapshot.rows | {"gate": rows}})
    return evidence.model_copy(
        update={
            "champion": evidence.champion.model_copy(update={"test": test}),
            "evaluation": evidence.evaluation.model_copy(update={"rows": rows}),
            "snapshot": snapshot,
        }
    )


def measured(evidence, speedup=None, **fields):
    """The evidence with another speed-up over the champion, or other fields of its benchmark."""
    benchmark = evidence.benchmarks[0]
    if speedup is not None:
        fields["against_champion"] = benchmark.against_champion.model_copy(update={"speedup": speedup})
    return evidence.model_copy(update={"benchmarks": (benchmark.model_copy(update=fields),)})


def ratio(slowdown, spread=0.02):
    """The speed-up of a bundle that takes `slowdown` times as long as the champion."""
    return Ratio(value=1 / slowdown, low=(1 - spread) / slowdown, high=(1 + spread) / slowdown)


def the_check(verdict, name):
    return next(check for check in verdict.checks if check.name == name)


def by_slice(evidence, **counts):
    """The evidence with these slices: rows, harms, gains."""
    slices = tuple(
        SliceComparison(name=name, test=paired_test_of_counts(*numbers, 0.0, 0.95)) for name, numbers in counts.items()
    )
    return evidence.model_copy(update={"champion": evidence.champion.model_copy(update={"slices": slices})})


def test_a_gain_in_the_new_domain_does_not_pay_for_an_old_one_that_is_lost(judged, challenging):
    verdict = judged(by_slice(challenging, travel=(120, 0, 110), bank=(150, 40, 2), home=(150, 3, 3)))
    check = the_check(verdict, "champion_slices")
    assert verdict.outcome is FAIL
    assert check.outcome is FAIL
    assert "bank (-25.3% on 150 rows)" in check.sentence
    assert "home" not in check.sentence


def test_a_slice_that_is_lost_whole_is_seen_in_few_rows(judged, challenging):
    assert the_check(judged(by_slice(challenging, bank=(12, 10, 0))), "champion_slices").outcome is FAIL


def test_slices_that_hold_pass_and_a_doubtful_one_is_inconclusive(judged, challenging):
    assert the_check(judged(by_slice(challenging, bank=(150, 6, 4))), "champion_slices").outcome is PASS
    doubtful = by_slice(challenging, bank=(60, 6, 2), tiny=(8, 1, 0))
    check = the_check(judged(doubtful), "champion_slices")
    assert check.outcome is INCONCLUSIVE
    (missing,) = check.missing
    assert (missing.slice, missing.have, missing.needed) == ("bank", 60, rows_to_decide(60, 6, 2, 0.05, 0.05))
    assert str(missing) in check.sentence
    assert "tiny" not in the_check(judged(doubtful), "champion_slices").sentence
    few = by_slice(challenging, tiny=(8, 1, 0))
    assert the_check(judged(few), "champion_slices").outcome is PASS
    assert not [check for check in judged(challenging).checks if check.name == "champion_slices"]


def test_a_bundle_like_the_champion_passes(judged, challenging):
    verdict = judged(challenging)
    assert verdict.outcome is PASS
    assert the_check(verdict, "champion_accuracy").outcome is PASS
    assert the_check(verdict, "champion_speed/local-cpu").outcome is PASS


def test_a_first_run_without_a_champion_passes_on_the_absolute_rules_alone(judged, evidence):
    verdict = judged(evidence)
    assert verdict.outcome is PASS
    assert not [check for check in verdict.checks if "champion" in check.name]


def test_0_4_percent_worse_with_a_margin_of_1_percent_passes(judged, challenging):
    check = the_check(judged(against(challenging, 4000, 36, 20), gates=ONE_PERCENT), "champion_accuracy")
    assert check.measured == pytest.approx(0.004)
    assert check.outcome is PASS
    assert check.bound < 0.01


def test_1_5_percent_worse_fails(judged, challenging):
    check = the_check(judged(against(challenging, 4000, 80, 20), gates=ONE_PERCENT), "champion_accuracy")
    assert check.measured == pytest.approx(0.015)
    assert check.outcome is FAIL
    assert "beyond the margin of 1.00%" in check.sentence


def test_0_9_percent_worse_on_some_200_rows_is_inconclusive_and_says_how_many_rows_would_settle_it(judged, challenging):
    check = the_check(judged(against(challenging, 222, 2, 0), gates=ONE_PERCENT), "champion_accuracy")
    assert check.measured == pytest.approx(0.009, abs=1e-4)
    assert check.outcome is INCONCLUSIVE
    rows = int(check.sentence.split("about ")[1].split()[0])
    times = rows / 222
    settled = paired_test_of_counts(rows, round(2 * times), 0, 0.01, 0.95)
    assert settled.p_value == pytest.approx(0.05, abs=0.02)


def test_no_number_of_rows_settles_a_loss_that_sits_on_the_margin(judged, challenging):
    check = the_check(judged(against(challenging, 1000, 10, 0), gates=ONE_PERCENT), "champion_accuracy")
    assert check.outcome is INCONCLUSIVE
    assert "more rows cannot settle it" in check.sentence


@pytest.mark.parametrize("numbers", [{"loss": math.nan}, {"upper_bound": math.inf}, {"n": 0}, {"n": 899}])
def test_a_comparison_that_says_nothing_is_invalid(judged, challenging, numbers):
    test = challenging.champion.test.model_copy(update=numbers)
    spoilt = challenging.model_copy(update={"champion": challenging.champion.model_copy(update={"test": test})})
    assert the_check(judged(spoilt), "champion_accuracy").outcome is INVALID


def test_a_comparison_of_other_bytes_or_other_answers_is_invalid(judged, challenging):
    def verdict_with(**fields):
        champion = challenging.champion.model_copy(update=fields)
        return judged(challenging.model_copy(update={"champion": champion}))

    assert the_check(verdict_with(challenger_digest="0" * 64), "bundle_digest").outcome is INVALID
    fewer = challenging.champion.accuracy.model_copy(update={"successes": 1})
    assert the_check(verdict_with(accuracy=fewer), "champion_accuracy").outcome is INVALID
    assert the_check(verdict_with(bundle_digest="0" * 64), "champion_speed/local-cpu").outcome is INVALID


@pytest.mark.parametrize(
    ("slowdown", "outcome"),
    [(0.8, PASS), (1.0, PASS), (1.05, PASS), (1.1, INCONCLUSIVE), (1.13, INCONCLUSIVE), (1.3, FAIL)],
)
def test_the_mean_latency_is_held_against_the_champions(judged, challenging, slowdown, outcome):
    check = the_check(judged(measured(challenging, ratio(slowdown))), "champion_speed/local-cpu")
    assert check.outcome is outcome
    assert check.measured == pytest.approx(slowdown)
    assert check.bound == pytest.approx(slowdown / 0.98)


@pytest.mark.parametrize(
    "fields",
    [
        {"against_champion": None},
        {"speedup": Ratio(value=math.nan, low=1.0, high=1.0)},
        {"speedup": Ratio(value=1.0, low=0.0, high=1.0)},
        {"noise": Ratio(value=math.nan, low=math.nan, high=math.nan)},
    ],
)
def test_a_speed_that_was_not_measured_never_passes(judged, challenging, fields):
    assert the_check(judged(measured(challenging, **fields)), "champion_speed/local-cpu").outcome is INVALID


def test_identical_bytes_are_called_a_regression_at_most_once_in_20(judged, challenging):
    """A/A through the real evidence and the real rule: drifting, heavy-tailed timings, and no slowdown allowed at all."""
    strict = Gates(accuracy=0.5, champion_slowdown=1.0)
    outcomes = {1.0: [], 1.1: []}
    for seed in range(200):
        timings, repeat = noisy_timings(random.Random(seed), ("adaptive", "static-int8", "champion"))
        seen = measured(
            challenging,
            against_champion=benchmark_evidence.against_champion(timings, challenging.champion.bundle_digest),
            noise=benchmark_evidence.noise(timings[0], repeat),
        )
        for limit, gates in ((1.0, strict), (1.1, Gates(accuracy=0.5))):
            outcomes[limit].append(the_check(judged(seen, gates=gates), "champion_speed/local-cpu").outcome)
    assert outcomes[1.0].count(FAIL) <= 200 / 20
    assert outcomes[1.1].count(FAIL) == 0
    assert outcomes[1.1].count(PASS) > 150


def test_a_bundle_that_is_half_as_fast_again_is_called_a_regression_in_spite_of_the_noise(judged, challenging):
    outcomes = []
    for seed in range(20):
        timings, repeat = noisy_timings(random.Random(seed), ("adaptive", "champion"), slowdown=1.5)
        speed = benchmark_evidence.against_champion(timings, challenging.champion.bundle_digest)
        seen = measured(challenging, against_champion=speed, noise=benchmark_evidence.noise(timings[0], repeat))
        outcomes.append(the_check(judged(seen), "champion_speed/local-cpu").outcome)
    assert outcomes.count(FAIL) > 15


def noisy_timings(chance, names, slowdown=1.0, blocks=12, inputs=80):
    """Timings of one model under several names: a machine that drifts from block to block, and a few slow answers.

    The first name is the bundle under judgement, which takes `slowdown` times as long; it is timed twice.
    """
    speeds = [math.exp(chance.gauss(0, 0.2)) for _ in range(blocks)]

    def timing(name, factor):
        def answer(speed):
            stall = chance.uniform(5, 20) if chance.random() < 0.003 else 0.0
            return factor * speed * chance.lognormvariate(0, 0.3) + stall

        blocks_ms = tuple(
            tuple(answer(speed * math.exp(chance.gauss(0, 0.03))) for _ in range(inputs)) for speed in speeds
        )
        return Timings(name=name, blocks_ms=blocks_ms)

    timings = tuple(timing(name, slowdown if name == names[0] else 1.0) for name in names)
    return timings, timing(names[0], slowdown)


def test_the_noise_of_the_synthetic_machine_is_real():
    timings, _ = noisy_timings(random.Random(0), ("adaptive", "champion"))
    means = [statistics.fmean(block) for block in timings[0].blocks_ms]
    assert max(means) / min(means) > 1.2


def test_champion_gates_can_be_turned_off(judged, challenging):
    off = Gates(accuracy=0.5, champion_accuracy_loss=None, champion_slice_loss=None, champion_slowdown=None)
    verdict = judged(measured(against(challenging, 4000, 400, 0), ratio(3.0)), gates=off)
    assert verdict.outcome is PASS
    assert not [check for check in verdict.checks if "champion" in check.name]


def test_champion_gates_alone_are_no_gates(judged, challenging):
    verdict = judged(challenging, gates=Gates(champion_accuracy_loss=0.01, champion_slowdown=1.2))
    assert verdict.outcome is INVALID
    assert the_check(verdict, "gates").outcome is INVALID


def test_a_champion_that_cannot_be_read_is_replaced_and_the_check_says_why(judged, evidence):
    verdict = judged(evidence, unreadable_champion=GONE)
    assert verdict.outcome is PASS
    said = the_check(verdict, "champion").sentence
    assert GONE.problem in said
    assert "absolute rules alone" in said


def test_a_champion_that_cannot_be_read_stops_promotion_where_the_recipe_says_so(judged, evidence):
    verdict = judged(evidence, unreadable_champion=GONE, if_unreadable="refuse")
    assert verdict.outcome is INVALID
    assert "promotion.unreadable_champion: replace" in the_check(verdict, "champion").sentence


def test_nights_are_compared_by_the_champions_numbers_too(challenging, evidence):
    metrics = headline_metrics(challenging)
    assert metrics["champion/accuracy_loss"] == 0.0
    assert metrics["champion/accuracy_loss_upper_bound"] == challenging.champion.test.upper_bound
    assert metrics["local-cpu/speedup_over_champion_low"] == 0.97
    assert set(metrics) - set(headline_metrics(evidence)) == {
        "champion/accuracy",
        "champion/accuracy_loss",
        "champion/accuracy_loss_upper_bound",
        "local-cpu/speedup_over_champion",
        "local-cpu/speedup_over_champion_low",
    }


def test_on_a_disturbed_machine_a_slower_bundle_is_inconclusive(judged, challenging):
    busy = Disturbance(share=0.4, during="Server", disturbed=True, attempts=3)
    check = the_check(judged(measured(challenging, ratio(1.5), disturbance=busy)), "champion_speed/local-cpu")
    assert check.outcome is INCONCLUSIVE
    assert "40%" in check.sentence
    assert "measure again" in check.sentence
