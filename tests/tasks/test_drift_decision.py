"""From new rows to a decision: what calls for retraining, what for recalibration, and what for nothing."""

import random

import numpy as np
import pytest
from pydantic import ValidationError

from tasks.data.rows import Row
from tasks.drift.assess import assess
from tasks.drift.decide import decide
from tasks.recipe.drift import DriftPolicy

WORDS = {"pay": "pay send transfer money to account", "card": "lost card wallet order replacement"}
WEATHER = "weather rain sun wind snow forecast"
POLICY = DriftPolicy(min_rows=60, permutations=999, sample_rows=80)


def rows(count, seed, labels=("pay", "card"), *, words=None, domain="bank", weights=None):
    chance = random.Random(seed)
    made = []
    for number in range(count):
        label = chance.choices(labels, weights)[0] if weights else labels[number % len(labels)]
        source = (words or WORDS[label]).split()
        made.append(Row(f"{' '.join(chance.choices(source, k=4))} {seed}x{number}", label, domain))
    return made


SNAPSHOT = {"train": rows(300, 1), "gate": rows(200, 2)}


def embed(texts):
    """Presence of every word that the tests use."""
    vocabulary = sorted({word for source in (*WORDS.values(), WEATHER) for word in source.split()})
    return np.array([[word in text.split() for word in vocabulary] for text in texts], dtype=float)


class Champion:
    """Answers by the label of the text, wrongly or not at all where told so."""

    def __init__(self, new_rows, *, wrong=0.0, silent=0.0):
        everything = [*SNAPSHOT["gate"], *new_rows]
        self.answers = {row.text: row.label for row in everything}
        fresh = [row.text for row in new_rows]
        for text in fresh[: round(wrong * len(fresh))]:
            self.answers[text] = "card" if self.answers[text] == "pay" else "pay"
        for text in fresh[len(fresh) - round(silent * len(fresh)) :]:
            self.answers[text] = None
        self.calls = 0

    def __call__(self, texts):
        self.calls += 1
        return [self.answers[text] for text in texts]


def judged(new_rows, *, wrong=0.0, silent=0.0, policy=POLICY, outside="oos", snapshot=SNAPSHOT):
    champion = Champion(new_rows, wrong=wrong, silent=silent)
    report = assess(snapshot, new_rows, champion, embed, out_of_scope_label=outside, policy=policy, seed=3)
    return report, decide(report, policy)


def held(decision):
    return [finding.rule for finding in decision.findings if finding.holds]


def test_rows_like_the_old_ones_call_for_nothing():
    report, decision = judged(rows(120, 3))
    assert decision.outcome == "nothing"
    assert held(decision) == []
    assert [test.name for test in decision.tests] == [
        "label mix",
        "vocabulary",
        "embedding",
        "out of scope",
        "accuracy drop",
        "accuracy drop beyond limit",
    ]
    assert report.answers.accuracy.value == 1.0
    assert decision.reasons == tuple(finding.sentence for finding in decision.findings)


def test_too_few_rows_say_how_many_are_missing_and_ask_the_champion_nothing():
    new = rows(40, 3)
    champion = Champion(new)
    report = assess(SNAPSHOT, new, champion, embed, out_of_scope_label="oos", policy=POLICY, seed=3)
    decision = decide(report, POLICY)
    assert (decision.outcome, decision.tests, champion.calls) == ("nothing", (), 0)
    assert "20 more are needed" in decision.reasons[0]


def test_no_new_rows_at_all_call_for_nothing():
    _, decision = judged([])
    assert decision.outcome == "nothing"
    assert "60 more are needed" in decision.reasons[0]


def test_a_new_label_with_enough_rows_calls_for_retraining_even_where_too_few_rows_can_be_tested():
    _, decision = judged(rows(20, 3, ("weather",), words=WEATHER, domain="bank"))
    assert decision.outcome == "retrain"
    assert decision.reasons == ("the label 'weather' is new and has 20 rows, at least the 20 that it needs",)


def test_a_new_label_with_few_rows_waits_and_does_not_count_against_the_champion():
    new = rows(100, 3) + rows(15, 4, ("weather",), words=WEATHER)
    report, decision = judged(new, silent=15 / 115)
    assert decision.outcome == "nothing"
    assert "it waits for 5 more" in decision.findings[0].sentence
    assert (report.answers.accuracy.n, report.answers.accuracy.value) == (100, 1.0)
    assert (report.answers.out_of_scope.value, report.answers.new_labels_abstained.value) == (0.0, 1.0)


def test_a_new_domain_of_known_labels_calls_for_retraining():
    _, decision = judged(rows(100, 3) + rows(25, 4, domain="shop"))
    assert decision.outcome == "retrain"
    assert held(decision) == ["new domain"]


def test_the_out_of_scope_label_is_never_new():
    new = rows(60, 3) + rows(30, 4, ("oos",), words=WEATHER)
    report, _ = judged(new, silent=30 / 90)
    assert report.new_names == ()
    assert report.answers.accuracy.value == 1.0


def test_snapshots_without_domains_have_no_new_ones():
    plain = {split: [Row(row.text, row.label) for row in part] for split, part in SNAPSHOT.items()}
    report, decision = judged(rows(100, 3, domain="shop"), snapshot=plain)
    assert report.new_names == ()
    assert decision.outcome == "nothing"


def test_a_clear_drop_of_accuracy_calls_for_retraining():
    report, decision = judged(rows(120, 3), wrong=0.3)
    assert decision.outcome == "retrain"
    assert "accuracy" in held(decision)
    assert report.answers.drop_low > POLICY.max_accuracy_drop
    assert "100.0% on 200 gate rows and is 70.0% on 120 fresh rows" in decision.reasons[0]


def test_a_drop_that_the_rows_cannot_prove_calls_for_nothing():
    _, decision = judged(rows(60, 3), wrong=0.05)
    assert decision.outcome == "nothing"


def test_moved_inputs_alone_call_for_nothing_and_with_a_drop_for_retraining():
    lenient = POLICY.model_copy(update={"max_accuracy_drop": 0.5})
    moved = rows(120, 3, words=f"{WEATHER} pay card")
    report, decision = judged(moved, policy=lenient)
    assert report.embedding.p_value == 1 / 1000
    assert decision.outcome == "nothing"
    _, decision = judged(moved, wrong=0.3, policy=lenient)
    assert (decision.outcome, held(decision)) == ("retrain", ["inputs and accuracy"])


def test_a_changed_mix_of_labels_calls_for_recalibration():
    report, decision = judged(rows(150, 3, weights=(9, 1)))
    assert (decision.outcome, held(decision)) == ("recalibrate", ["label mix"])
    assert report.labels.distance > 0.3


def test_a_significant_but_small_change_of_the_mix_is_left_alone():
    _, decision = judged(rows(150, 3, weights=(9, 1)), policy=POLICY.model_copy(update={"min_label_distance": 0.6}))
    assert decision.outcome == "nothing"
    assert next(test for test in decision.tests if test.name == "label mix").significant


def test_more_abstentions_call_for_recalibration_while_accuracy_holds():
    lenient = POLICY.model_copy(update={"max_accuracy_drop": 0.5})
    _, decision = judged(rows(150, 3), silent=0.15, policy=lenient)
    assert (decision.outcome, held(decision)) == ("recalibrate", ["out of scope"])
    assert "abstains on 14.7% of 150 fresh rows and on 0.0% of 200 gate rows" in decision.reasons[0]


def test_repeated_rows_count_once_and_rows_that_the_snapshot_has_not_at_all():
    fresh = rows(70, 3)
    relabelled = Row(SNAPSHOT["train"][0].text, "card" if SNAPSHOT["train"][0].label == "pay" else "pay", "bank")
    report, _ = judged([*fresh, *fresh[:5], *SNAPSHOT["train"][:30], *SNAPSHOT["gate"][:4], relabelled])
    assert (report.rows, report.repeated, report.fresh, report.relabelled) == (110, 39, 71, 1)


def test_the_report_does_not_depend_on_the_order_of_the_rows():
    new = rows(90, 3)
    first, _ = judged(new)
    shuffled = random.Random(0).sample(new, len(new))
    backwards = {split: part[::-1] for split, part in SNAPSHOT.items()}
    assert judged(shuffled, snapshot=backwards)[0] == first


def test_domains_are_reported_with_exact_intervals():
    mixed = [Row(row.text, row.label, ("bank", "shop")[number % 2]) for number, row in enumerate(rows(80, 3))]
    report, _ = judged(mixed, wrong=0.1)
    bank, shop = report.answers.domains
    assert (bank.domain, bank.rows, bank.gate_accuracy.n) == ("bank", 40, 200)
    assert (shop.domain, shop.gate_accuracy, shop.gate_out_of_scope) == ("shop", None, None)
    total = report.answers.accuracy.successes
    assert bank.accuracy.successes + shop.accuracy.successes == total == 72


def test_without_embeddings_character_n_grams_stand_in():
    new = rows(80, 3, words=WEATHER)
    report = assess(SNAPSHOT, new, Champion(new), None, out_of_scope_label=None, policy=POLICY, seed=3)
    assert (report.embedding.dimensions, report.embedding.p_value) == (1024, 1 / 1000)


def test_unknown_words_are_compared_with_those_of_the_gate_rows():
    report, _ = judged(rows(80, 3, words=WEATHER))
    # Every row has a word of its own, in the gate split as well.
    assert report.vocabulary.gate_unknown_words == pytest.approx(1 / 5)
    assert report.vocabulary.unknown_words == pytest.approx(1)


def test_a_champion_that_leaves_rows_out_is_refused():
    new = rows(80, 3)
    with pytest.raises(ValueError, match="answers"):
        assess(SNAPSHOT, new, lambda texts: ["pay"], embed, out_of_scope_label=None, policy=POLICY, seed=3)


def test_rows_without_labels_and_snapshots_without_rows_are_refused():
    with pytest.raises(ValueError, match="without a label"):
        judged([Row("pay", "")])
    with pytest.raises(ValueError, match="gate rows"):
        judged(rows(80, 3), snapshot={"train": SNAPSHOT["train"], "gate": []})


def test_a_policy_whose_tests_can_never_be_significant_is_refused():
    with pytest.raises(ValidationError, match="set at least 599"):
        DriftPolicy(permutations=500)
    assert DriftPolicy(permutations=599).permutations == 599


def test_a_decision_survives_json():
    _, decision = judged(rows(120, 3), wrong=0.3)
    assert type(decision).model_validate_json(decision.model_dump_json()) == decision


def completions(count, seed, *, domain="bank", words=None):
    return [Row(row.text, f"call {row.text}", domain) for row in rows(count, seed, words=words)]


def of_completions(new_rows, answer):
    snapshot = {"train": completions(300, 1), "gate": completions(200, 2)}
    report = assess(snapshot, new_rows, answer, embed, out_of_scope_label=None, policy=POLICY, seed=3, classes=False)
    return report, decide(report, POLICY)


def test_completions_are_no_new_labels_and_their_domains_are_what_is_mixed():
    report, decision = of_completions(completions(120, 3), lambda texts: [f"call {text}" for text in texts])
    assert (report.new_names, decision.outcome) == ((), "nothing")
    assert report.answers.accuracy.value == 1
    assert report.labels.labels == 1
    moved, _ = of_completions(completions(120, 3, domain="shop"), lambda texts: [f"call {text}" for text in texts])
    assert [(entry.kind, entry.name, entry.rows) for entry in moved.new_names] == [("domain", "shop", 120)]


def test_another_mix_of_domains_of_completions_calls_for_recalibration():
    def mixed(bank, shop, seed):
        return [*completions(bank, seed), *completions(shop, seed + 10, domain="shop")]

    snapshot, fresh = {"train": mixed(150, 150, 1), "gate": mixed(100, 100, 2)}, mixed(110, 10, 3)
    right = lambda texts: [f"call {text}" for text in texts]  # noqa: E731
    report = assess(snapshot, fresh, right, embed, out_of_scope_label=None, policy=POLICY, seed=3, classes=False)
    decision = decide(report, POLICY)
    assert report.new_names == ()
    assert {finding.rule for finding in decision.findings if finding.holds} == {"label mix"}
    assert decision.outcome == "recalibrate"


def test_wrong_completions_on_fresh_rows_call_for_retraining():
    fresh = {row.text for row in completions(120, 3)}
    answer = lambda texts: ["no call" if text in fresh else f"call {text}" for text in texts]  # noqa: E731
    report, decision = of_completions(completions(120, 3), answer)
    assert report.answers.accuracy.value == 0
    assert decision.outcome == "retrain"
