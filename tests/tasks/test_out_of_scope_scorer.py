"""The out-of-scope score: ranks among in-scope rows, and distances that equal their textbook definitions."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from engine.classification.confidence import FEATURES, Confidence
from engine.classification.out_of_scope import OutOfScopeScorer
from engine.classification.router import PathRule, Router
from engine.classification.router_files import ROUTER_FILE, load_router, save_router
from engine.operating_points import OperatingPoint
from tasks.errors import UserError
from tasks.families.classification.routing.out_of_scope import fit_scorer, fit_space

CLASSES, HIDDEN = 4, 10


def rows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(CLASSES, HIDDEN)) * 4
    labels = random.integers(0, CLASSES, count)
    mixing = np.random.default_rng(98).normal(size=(HIDDEN, HIDDEN)) / 3 + np.eye(HIDDEN)
    return (centres[labels] + random.normal(size=(count, HIDDEN)) @ mixing).astype(np.float32), labels


def test_the_relative_distance_is_the_difference_of_two_mahalanobis_distances() -> None:
    embeddings, labels = rows(600, 0)
    space = fit_space(embeddings, labels, neighbours=False)
    assert space is not None
    centres = np.stack([embeddings[labels == c].mean(axis=0) for c in range(CLASSES)]).astype(np.float64)
    within = LedoitWolf(assume_centered=True).fit(embeddings - centres[labels]).covariance_
    mean = embeddings.astype(np.float64).mean(axis=0)
    shares = np.bincount(labels) / len(labels)
    between = (centres - mean).T @ np.diag(shares) @ (centres - mean)
    inverse, background = np.linalg.inv(within), np.linalg.inv(within + between)
    for row in rows(20, 1)[0].astype(np.float64):
        nearest = min((row - centre) @ inverse @ (row - centre) for centre in centres)
        expected = nearest - (row - mean) @ background @ (row - mean)
        relative, neighbour = space.distances(row.astype(np.float32))
        assert relative == pytest.approx(expected, rel=1e-3, abs=1e-2)
        assert neighbour is None


def test_the_nearest_neighbour_of_a_train_row_is_itself() -> None:
    embeddings, labels = rows(300, 0)
    space = fit_space(embeddings, labels, neighbours=True)
    assert space is not None
    distances = [space.distances(row)[1] for row in embeddings[:20]]
    assert distances == pytest.approx([0] * 20, abs=1e-2)


def test_the_threshold_bounds_the_false_rejections_on_tune() -> None:
    train, labels = rows(600, 0)
    tune, _ = rows(1000, 1)
    logits = np.random.default_rng(2).normal(size=(1000, CLASSES)).astype(np.float32)
    said = [Confidence.of(row, None) for row in logits]
    space = fit_space(train, labels, neighbours=True)
    scorer = fit_scorer(said, tune, space, false_rejection=0.05, reads_label=False)
    scores = [scorer.score_of(own, row) for own, row in zip(said, tune, strict=True)]
    assert np.mean(np.array(scores) > scorer.threshold) <= 0.05
    far = np.full(HIDDEN, 60, np.float32)
    assert scorer.score(0.0, far) == 1


def test_labels_that_are_added_do_not_hide_what_the_out_of_scope_label_knows() -> None:
    """The energy of a head with many labels rises for no input; the odds of its out-of-scope label do."""
    random = np.random.default_rng(3)
    for labels in (5, 40):
        inside = random.normal(size=(400, labels)).astype(np.float32)
        inside[np.arange(400), random.integers(1, labels, 400)] += 6
        outside = random.normal(size=(400, labels)).astype(np.float32)
        outside[:, 0] += 4
        outside[np.arange(400), random.integers(1, labels, 400)] += 6

        def recall(said: bool, inside: np.ndarray = inside, outside: np.ndarray = outside) -> float:
            scorer = fit_scorer([Confidence.of(row, 0) for row in inside], None, None, 0.01, reads_label=said)
            flags = [scorer.score_of(Confidence.of(row, 0), None) > scorer.threshold for row in outside]
            return float(np.mean(flags))

        assert recall(True) > 0.7
        assert recall(False) < 0.3


def test_a_rank_is_linear_between_quantiles_and_ends_at_0_and_1() -> None:
    scorer = OutOfScopeScorer(energy_quantiles=(0.0, 1.0, 3.0), threshold=1.0)
    assert [scorer.score(value, None) for value in (-5, 0, 0.5, 1, 2, 3, 9)] == [0, 0, 0.25, 0.5, 0.75, 1, 1]


def test_one_class_has_no_space() -> None:
    assert fit_space(np.zeros((5, 3), np.float32), np.zeros(5, np.int64), neighbours=False) is None


def test_embeddings_that_are_all_the_same_have_no_space() -> None:
    """As where all rows are equal once they are cut."""
    labels = np.arange(40) % CLASSES
    assert fit_space(np.full((40, HIDDEN), 0.3, np.float32), labels, neighbours=True) is None
    rounding = np.random.default_rng(0).normal(scale=1e-7, size=(40, HIDDEN))
    assert fit_space((0.3 + rounding).astype(np.float32), labels, neighbours=True) is None


def test_classes_without_any_variance_within_are_told_apart() -> None:
    centres = np.random.default_rng(1).normal(size=(CLASSES, HIDDEN)).astype(np.float32)
    labels = np.arange(40) % CLASSES
    space = fit_space(centres[labels], labels, neighbours=True)
    assert space is not None
    own, far = space.distances(centres[0]), space.distances(centres[0] + 5)
    assert np.isfinite([*own, *far]).all()
    assert far[0] > own[0]
    said = [Confidence.of(np.zeros(CLASSES, np.float32), None)] * 40
    scorer = fit_scorer(said, centres[labels], space, false_rejection=0.05, reads_label=False)
    assert np.isfinite(scorer.threshold)


def test_an_axis_without_variance_makes_no_number_that_is_not_finite() -> None:
    embeddings, labels = rows(300, 0)
    embeddings[:, 3] = 0
    space = fit_space(embeddings, labels, neighbours=False)
    assert space is not None
    assert np.isfinite([space.distances(row)[0] for row in embeddings]).all()


def test_embeddings_that_are_not_finite_are_refused() -> None:
    embeddings, labels = rows(30, 0)
    embeddings[2, 5] = np.nan
    with pytest.raises(UserError, match=r"embeddings .* not finite, the first at \[2, 5\]"):
        fit_space(embeddings, labels, neighbours=False)


def test_a_bundle_of_before_goes_on_ranking_the_energy_it_was_calibrated_by(tmp_path: Path) -> None:
    scorer = OutOfScopeScorer(energy_quantiles=(0.0, 1.0), threshold=0.5, reads_label=True)
    rule = PathRule("full", 1.0, scorer, (0.0,) * len(FEATURES), 0.0)
    save_router(Router((rule,), {"1%": OperatingPoint("1%", 0.01, ())}, "1%", 0), tmp_path)
    assert load_router(tmp_path).rules[0].scorer.reads_label
    file = tmp_path / ROUTER_FILE
    document = json.loads(file.read_text("utf-8"))
    del document["paths"][0]["reads_out_of_scope_label"]
    file.write_text(json.dumps(document), "utf-8")
    before = load_router(tmp_path).rules[0].scorer
    said = Confidence.of(np.array([5.0, -0.5, -3.0], np.float32), 0)
    assert before.score_of(said, None) == before.score(said.energy, None) != scorer.score_of(said, None)
