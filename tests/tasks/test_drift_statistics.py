"""The two-sample tests of drift against brute force, SciPy and known distributions."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from tasks.drift.embedding_shift import character_features, embedding_shift, unbiased_mmd2
from tasks.drift.label_shift import label_shift
from tasks.drift.vocabulary_shift import UnknownWords, unknown_share, vocabulary_shift, words
from tasks.statistics.holm import holm_adjusted
from tasks.statistics.permutation import partitions, permutation_p_value
from tasks.statistics.two_proportions import drop_lower_bound, drop_p_value

NONE_UNKNOWN = UnknownWords(fresh=0.0, gate=0.0)


def mmd2_by_definition(x, y, bandwidth):
    def kernel(a, b):
        return np.exp(-np.sum((a - b) ** 2) / (2 * bandwidth**2))

    within_x = sum(kernel(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j)
    within_y = sum(kernel(y[i], y[j]) for i in range(len(y)) for j in range(len(y)) if i != j)
    between = sum(kernel(a, b) for a in x for b in y)
    m, n = len(x), len(y)
    return within_x / (m * (m - 1)) + within_y / (n * (n - 1)) - 2 * between / (m * n)


def test_kernel_test_of_few_rows_equals_full_enumeration():
    random = np.random.default_rng(5)
    old, new = random.normal(size=(4, 3)), random.normal(size=(5, 3)) + 0.8
    shift = embedding_shift(old, new, permutations=999, seed=0)
    pooled = np.concatenate([old, new])
    pairs = [np.linalg.norm(pooled[i] - pooled[j]) for i, j in combinations(range(9), 2)]
    assert shift.bandwidth == pytest.approx(np.median(pairs))
    every = []
    for chosen in combinations(range(9), 4):
        rest = [row for row in range(9) if row not in chosen]
        every.append(mmd2_by_definition(pooled[list(chosen)], pooled[rest], shift.bandwidth))
    assert len(every) == comb(9, 4)
    assert shift.mmd2 == pytest.approx(every[0])
    assert shift.p_value == pytest.approx(np.mean(np.array(every) >= every[0] - 1e-12))
    assert (shift.old_rows, shift.new_rows, shift.dimensions) == (4, 5, 3)


def test_unbiased_mmd2_averages_to_zero_under_one_distribution():
    random = np.random.default_rng(1)
    values = []
    for _ in range(400):
        points = random.normal(size=(12, 2))
        kernel = np.exp(-((points[:, None] - points[None, :]) ** 2).sum(-1) / 4)
        values.append(unbiased_mmd2(kernel, (np.arange(12) < 5)[None, :])[0])
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(400)


def test_kernel_test_sees_a_change_of_spread_that_leaves_the_mean():
    random = np.random.default_rng(2)
    old, new = random.normal(size=(80, 4)), 2.5 * random.normal(size=(80, 4))
    assert embedding_shift(old, new, permutations=199, seed=0).p_value == pytest.approx(1 / 200)


def test_kernel_test_does_not_depend_on_where_the_origin_is():
    random = np.random.default_rng(3)
    old, new = random.normal(size=(20, 3)), random.normal(size=(20, 3)) + 0.5
    near = embedding_shift(old, new, permutations=99, seed=0)
    far = embedding_shift(old + 1e4, new + 1e4, permutations=99, seed=0)
    assert far.mmd2 == pytest.approx(near.mmd2, rel=1e-4)
    assert far.p_value == near.p_value


def test_equal_points_say_nothing():
    same = np.full((6, 3), 0.1)
    assert embedding_shift(same, same, permutations=99, seed=0).p_value == 1.0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (np.zeros((1, 2)), np.zeros((3, 2))),
        (np.zeros((3, 2)), np.zeros((3, 4))),
        (np.array([[0.0], [np.nan]]), np.zeros((2, 1))),
        (np.zeros(3), np.zeros(3)),
    ],
)
def test_embeddings_that_cannot_be_compared_are_refused(old, new):
    with pytest.raises(ValueError, match="embedding"):
        embedding_shift(old, new, permutations=99, seed=0)


def test_character_features_are_the_same_in_every_process_and_of_unit_length():
    features = character_features(["order a card", "weather in town", "order a card"])
    assert features.shape == (3, 1024)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1)
    np.testing.assert_array_equal(features[0], features[2])
    assert features[0] @ features[1] < 0.5


def test_false_alarms_of_each_test_keep_to_their_level():
    random = np.random.default_rng(11)
    alarms = {"labels": 0, "words": 0, "embeddings": 0}
    trials, level = 120, 0.1
    for trial in range(trials):
        labels = random.choice(list("abcdef"), size=120, p=[0.4, 0.3, 0.2, 0.06, 0.03, 0.01]).tolist()
        texts = [" ".join(random.choice(list("uvwxyz"), size=5)) for _ in range(60)]
        points = random.normal(size=(50, 3))
        settings = {"permutations": 99, "seed": trial}
        alarms["labels"] += label_shift(labels[:80], labels[80:], **settings).p_value <= level
        alarms["words"] += vocabulary_shift(texts[:35], texts[35:], NONE_UNKNOWN, **settings).p_value <= level
        alarms["embeddings"] += embedding_shift(points[:30], points[30:], **settings).p_value <= level
    # P(more than 24 of 120 at 10 %) is below 1e-3 for each.
    assert max(alarms.values()) <= 24, alarms


def test_label_test_equals_scipys_g_and_the_exact_p_value():
    old, new = ["a"] * 9 + ["b"] * 6, ["a"] * 4 + ["b"] * 11
    shift = label_shift(old, new, permutations=20_000, seed=0)
    table = np.array([[9, 6], [4, 11]])
    assert shift.g == pytest.approx(chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic)
    # Two labels: the new rows' count of "a" is hypergeometric, and G grows with its distance from the mean.
    total = comb(30, 15)
    exact = sum(comb(13, a) * comb(17, 15 - a) for a in range(14) if abs(a - 6.5) >= 2.5 - 1e-9) / total
    assert shift.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 20_000))
    assert shift.distance == pytest.approx(1 / 3)


def test_rare_labels_are_pooled_by_their_totals_alone():
    common = ["a"] * 100 + ["b"] * 100
    rare = [f"rare {number}" for number in range(40)]
    shift = label_shift(common + rare[:20], common + rare[20:], permutations=99, seed=0)
    assert (shift.labels, shift.pooled) == (42, 40)
    assert shift.g == pytest.approx(0)
    assert shift.p_value == 1.0


def test_one_label_only_says_nothing():
    assert label_shift(["a"] * 5, ["a"] * 3, permutations=99, seed=0).p_value == 1.0


def test_word_test_of_few_rows_equals_full_enumeration():
    old, new = ["pay the card", "lost card", "card please"], ["rain today", "sun the sun", "rain please rain"]
    shift = vocabulary_shift(old, new, NONE_UNKNOWN, permutations=99, seed=0)
    texts = old + new
    vocabulary = sorted({word for text in texts for word in text.split()})

    def divergence(chosen):
        parts = ["", ""]
        for row, text in enumerate(texts):
            parts[row not in chosen] += f" {text}"
        counts = [[part.split().count(word) for word in vocabulary] for part in parts]
        return jensenshannon(*counts, base=2) ** 2

    every = [divergence(chosen) for chosen in combinations(range(6), 3)]
    assert shift.divergence == pytest.approx(every[0])
    assert shift.p_value == pytest.approx(np.mean(np.array(every) >= every[0] - 1e-9))


def test_texts_without_words_have_no_divergence():
    assert vocabulary_shift(["?!", "..."], ["", "--"], NONE_UNKNOWN, permutations=9, seed=0).divergence == 0.0


def test_words_are_folded_and_scripts_without_spaces_read_by_character():
    assert words("Pay, my CARD_2 now!") == ["pay", "my", "card", "2", "now"]
    assert words("我的卡 lost") == ["我", "的", "卡", "lost"]
    assert unknown_share(["pay the bill", "?"], frozenset({"pay", "the"})) == pytest.approx(1 / 3)
    assert unknown_share(["?"], frozenset()) == 0.0


def test_all_partitions_are_taken_once_where_they_are_few():
    random = np.random.default_rng(0)
    every = partitions(2, 3, 9, random)
    assert len({tuple(row) for row in every}) == len(every) == 10
    assert every[0].tolist() == [True, True, False, False, False]
    assert (every.sum(axis=1) == 2).all()
    drawn = partitions(3, 4, 20, random)
    assert drawn.shape == (21, 7)
    assert drawn[0].tolist() == [True] * 3 + [False] * 4
    assert (drawn.sum(axis=1) == 3).all()


def test_permutation_p_value_counts_the_observed_statistic_and_ties():
    assert permutation_p_value([3.0, 1.0, 2.0, 0.0]) == 1 / 4
    assert permutation_p_value([2.0, 2.0 - 1e-13, 3.0, 0.0]) == 3 / 4
    with pytest.raises(ValueError, match="NaN"):
        permutation_p_value([1.0, float("nan")])
    with pytest.raises(ValueError, match="two samples"):
        partitions(0, 3, 9, np.random.default_rng(0))


def test_holm_steps_down_and_keeps_the_order_of_names():
    adjusted = holm_adjusted({"b": 0.04, "a": 0.01, "d": 0.005, "c": 0.03})
    assert list(adjusted) == ["b", "a", "d", "c"]
    assert adjusted == pytest.approx({"b": 0.06, "a": 0.03, "d": 0.02, "c": 0.06})
    assert holm_adjusted({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm_adjusted({}) == {}
    with pytest.raises(ValueError, match="p-value of a"):
        holm_adjusted({"a": float("nan")})


@pytest.mark.parametrize(("p", "margin"), [(0.9, 0.0), (0.9, 0.1), (0.6, 0.05)])
def test_a_drop_within_the_margin_is_called_larger_at_most_as_often_as_stated(p, margin):
    from scipy.stats import binom

    n, m, level = 40, 25, 0.2
    before = binom.pmf(np.arange(n + 1), n, p)
    after = binom.pmf(np.arange(m + 1), m, p - margin)
    wrong = sum(
        before[x] * after[y]
        for x in range(n + 1)
        for y in range(m + 1)
        if drop_lower_bound((x, n), (y, m), 1 - level) > margin
    )
    assert wrong <= level


def test_p_value_of_a_drop_agrees_with_its_lower_bound():
    for before, after in [((95, 100), (70, 100)), ((50, 100), (45, 100)), ((9, 10), (0, 10)), ((5, 10), (10, 10))]:
        p_value = drop_p_value(before, after, 0.02)
        for level in (0.001, 0.01, 0.05, 0.3):
            assert (p_value <= level) == (drop_lower_bound(before, after, 1 - level) > 0.02)
    assert drop_p_value((1000, 1000), (0, 1000), 0.02) == 1e-12
    assert drop_p_value((5, 10), (10, 10), 0.0) > 0.9
    with pytest.raises(ValueError, match="margin"):
        drop_p_value((1, 2), (1, 2), -0.1)
