"""AUROC and FPR@95 against scikit-learn, ties included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from tasks.statistics.out_of_scope import auroc, false_positive_rate_at_recall

# A few values only, so that ties within and between the classes are the rule.
SCORES = st.lists(st.sampled_from([-1.0, 0.0, 0.1, 0.5, 0.7, 2.0]), min_size=1, max_size=60)


def labelled(in_scope, out_of_scope):
    return np.repeat([0, 1], [len(in_scope), len(out_of_scope)]), np.concatenate([in_scope, out_of_scope])


@settings(deadline=None)
@given(in_scope=SCORES, out_of_scope=SCORES, recall=st.sampled_from([0.5, 0.8, 0.95, 1.0]))
def test_both_equal_scikit_learn(in_scope, out_of_scope, recall):
    truth, scores = labelled(in_scope, out_of_scope)
    assert auroc(in_scope, out_of_scope) == pytest.approx(roc_auc_score(truth, scores))
    false_positives, true_positives, _ = roc_curve(truth, scores, drop_intermediate=False)
    expected = false_positives[true_positives >= recall - 1e-12].min()
    assert false_positive_rate_at_recall(in_scope, out_of_scope, recall) == pytest.approx(expected)


def test_perfect_reversed_and_useless_scores():
    assert auroc([0, 1], [2, 3]) == 1.0
    assert auroc([2, 3], [0, 1]) == 0.0
    assert auroc([1, 1], [1, 1, 1]) == 0.5
    assert false_positive_rate_at_recall([0, 1], [2, 3]) == 0.0
    assert false_positive_rate_at_recall([2, 3], [0, 1]) == 1.0


def test_19_of_20_are_95_percent():
    out_of_scope = [0.0, *([1.0] * 19)]
    assert false_positive_rate_at_recall([0.5, 0.6], out_of_scope) == 0.0


@pytest.mark.parametrize("measure", [auroc, false_positive_rate_at_recall])
@pytest.mark.parametrize(("in_scope", "out_of_scope"), [([], [1.0]), ([1.0], []), ([np.nan], [1.0]), ([[1.0]], [1.0])])
def test_empty_or_missing_scores_are_refused(measure, in_scope, out_of_scope):
    with pytest.raises(ValueError):
        measure(in_scope, out_of_scope)


def test_an_impossible_recall_is_refused():
    with pytest.raises(ValueError, match="recall"):
        false_positive_rate_at_recall([0.0], [1.0], recall=95)
