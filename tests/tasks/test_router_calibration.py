"""The router's chain and certificate: safest first, stops only where it may, and a promise that the rows support."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from engine.classification.confidence import FEATURES, Confidence, softmax
from engine.classification.router_files import load_router
from tasks.certification.certify import Subject, certify_chain
from tasks.certification.chain import PathView, build_chain, route
from tasks.certification.planning import ChainOnTune
from tasks.certification.stop_score import INVERSE_REGULARIZATION, cross_fitted_scores, fit_stop_score
from tasks.data.rows import read_rows
from tasks.families.classification.routing.evidence_weights import fit_weights
from tasks.families.classification.routing.rules import EARLY_REJECTIONS, USUAL_EARLY_REJECTION, early_limit
from tasks.records import operating_point_name
from tasks.statistics.paired_test import paired_p_value


def views(rows: int, seed: int, harm_rates=(0.12, 0.06, 0.02)) -> tuple[list[PathView], np.ndarray]:
    """Paths whose wrong answers have low scores, mostly; and a reference path that is right 97 % of the time."""
    random = np.random.default_rng(seed)
    reference = random.random(rows) < 0.97
    paths = []
    for rate in harm_rates:
        harmed = random.random(rows) < rate
        score = random.normal(size=rows) + np.where(harmed, -2.0, 1.0)
        paths.append(PathView(score, random.random(rows) > 0.02, reference & ~harmed))
    return paths, reference


COSTS = np.array([0.1, 0.8, 3.0])


def test_the_chain_starts_with_never_stopping_early() -> None:
    paths, reference = views(800, 0)
    chain = build_chain(paths, reference, COSTS)
    assert chain[0] == (np.inf, np.inf)
    assert len(chain) > 10
    decisions = [route(paths, thresholds).stops.tolist() for thresholds in chain]
    assert len({tuple(stops) for stops in decisions}) == len(chain)


def test_later_settings_are_cheaper_and_lose_more() -> None:
    paths, reference = views(3000, 1)
    chain = build_chain(paths, reference, COSTS)
    costs = np.array([route(paths, t).expected_cost(np.cumsum(COSTS)) for t in chain])
    losses = np.array([(reference.astype(int) - route(paths, t).right).mean() for t in chain])
    assert spearmanr(np.arange(len(chain)), costs).statistic < -0.95
    assert losses[-1] > losses[0]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000))
def test_rows_that_may_not_stop_go_to_the_last_path(seed: int) -> None:
    paths, reference = views(300, seed)
    for thresholds in build_chain(paths, reference, COSTS):
        routed = route(paths, thresholds)
        for number, path in enumerate(paths[:-1]):
            assert path.may_stop[routed.stops == number].all()
        assert routed.shares(3).sum() == pytest.approx(1)


def subject_of(chain, tune, tune_right, certify, certify_right) -> Subject:
    return Subject(
        tune=ChainOnTune(chain, tune, tune_right, np.cumsum(COSTS), ends_with_reference=False),
        certify=certify,
        certify_right=certify_right,
        names=["lexical", "layer-1", "full"],
        otherwise_ms=float(sum(COSTS)),
    )


def test_the_walk_may_begin_further_on_and_tests_no_safer_setting() -> None:
    paths, reference = views(1500, 2)
    tune, certify = _halves(paths, 700)
    chain = build_chain(tune, reference[:700], COSTS)
    subject = subject_of(chain, tune, reference[:700], certify, reference[700:])
    whole, _ = certify_chain(subject, epsilon=0.05, confidence=0.95, delta=0.05)
    later, thresholds = certify_chain(subject, start=2, epsilon=0.05, confidence=0.95, delta=0.05)
    assert later.settings_tried == whole.settings_tried - 2
    assert thresholds in chain[2:]


def test_the_certificate_is_the_exact_test_of_the_chosen_setting() -> None:
    paths, reference = views(1500, 2)
    tune, certify = _halves(paths, 700)
    chain = build_chain(tune, reference[:700], COSTS)
    subject = subject_of(chain, tune, reference[:700], certify, reference[700:])
    certificate, thresholds = certify_chain(subject, epsilon=0.05, confidence=0.95, delta=0.05)
    routed = route(certify, thresholds)
    harms = int((reference[700:] & ~routed.right).sum())
    gains = int((routed.right & ~reference[700:]).sum())
    assert certificate.certified
    assert (certificate.test.harms, certificate.test.gains) == (harms, gains)
    assert paired_p_value(800, harms, gains, 0.05, 0.05) <= 0.05
    assert sum(certificate.stop_shares.values()) == pytest.approx(1)
    assert "at most 5.0%" in certificate.statement


def test_a_last_path_that_loses_too_much_is_not_certified() -> None:
    paths, reference = views(1200, 3, harm_rates=(0.3, 0.2, 0.1))
    subject = subject_of(build_chain(paths, reference, COSTS), paths, reference, paths, reference)
    certificate, thresholds = certify_chain(subject, epsilon=0.01, confidence=0.95, delta=0.05)
    assert not certificate.certified
    assert thresholds == (np.inf, np.inf)
    assert certificate.statement.startswith("Not certified")


def test_the_early_limit_lets_few_out_of_scope_rows_through_and_no_fewer_in_scope_rows_than_needed() -> None:
    inside = np.linspace(0, 1, 900)
    in_scope = np.arange(1000) < 900

    def limit(outside: np.ndarray) -> float:
        return early_limit([*inside, *outside], in_scope)

    assert limit(np.full(100, 1.0)) == 1 - EARLY_REJECTIONS[0]
    assert limit(np.linspace(0.85, 1, 100)) == pytest.approx(0.85)
    assert limit(np.linspace(0, 1, 100)) == 1 - EARLY_REJECTIONS[-1]
    assert early_limit([*inside, 0.1], np.arange(901) < 900) == 1 - USUAL_EARLY_REJECTION


def test_the_stop_score_is_low_where_harm_is_likely() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(2000, len(FEATURES)))
    harm = random.random(2000) < 1 / (1 + np.exp(3 * features[:, 0] + 2))
    everyone = np.ones(2000)
    coefficients, intercept = fit_stop_score(features, harm, everyone)
    score = features @ coefficients + intercept
    assert score[harm].mean() < score[~harm].mean() - 1
    crossed = cross_fitted_scores(features, harm, everyone, everyone.astype(bool))
    assert crossed[harm].mean() < crossed[~harm].mean() - 1


def test_cross_fitted_scores_do_not_know_their_own_rows() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(120, len(FEATURES)))
    harm = random.random(120) < 0.3
    everyone = np.ones(120)
    coefficients, intercept = fit_stop_score(features, harm, everyone)
    fitted, crossed = features @ coefficients + intercept, cross_fitted_scores(features, harm, everyone, everyone > 0)
    assert fitted[~harm].mean() - fitted[harm].mean() > crossed[~harm].mean() - crossed[harm].mean()


def test_the_stop_score_is_that_of_a_ridge_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(1)
    features = random.normal(size=(400, len(FEATURES)))
    harm = random.random(400) < 1 / (1 + np.exp(2 * features[:, 0] - features[:, 1] + 1))
    weights = random.uniform(0.1, 1, 400)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    reference = LogisticRegression(C=INVERSE_REGULARIZATION, tol=1e-8, max_iter=1000)
    reference.fit(scaled, harm, sample_weight=weights)
    coefficients, intercept = fit_stop_score(features, harm, weights)
    assert features @ coefficients + intercept == pytest.approx(-reference.decision_function(scaled), abs=1e-3)


def test_a_sign_keeps_a_coefficient_from_saying_that_doubt_is_safe() -> None:
    random = np.random.default_rng(2)
    doubt = random.normal(size=600)
    features = np.zeros((600, len(FEATURES)))
    features[:, 0], features[:, 1] = doubt + random.normal(size=600) * 0.5, doubt  # one is the other with noise
    features[:, 2] = random.normal(size=600)
    harm = random.random(600) < 1 / (1 + np.exp(3 * features[:, 1] - 1.5 * features[:, 0] + features[:, 2] + 2))
    everyone = np.ones(600)
    free, _ = fit_stop_score(features, harm, everyone)
    assert free[0] < 0 < free[1]
    signs = np.zeros(len(FEATURES))
    signs[:3] = (1, 1, -1)
    kept, _ = fit_stop_score(features, harm, everyone, signs=signs)
    assert kept[0] == 0
    assert kept[1] > 0
    assert kept[2] == 0
    crossed = cross_fitted_scores(features, harm, everyone, everyone > 0, signs=signs)
    assert crossed[harm].mean() < crossed[~harm].mean()


def test_with_few_harms_the_stop_score_is_the_log_odds() -> None:
    features = np.random.default_rng(0).normal(size=(50, len(FEATURES)))
    coefficients, intercept = fit_stop_score(features, np.zeros(50, bool), np.ones(50))
    assert coefficients.tolist() == [1, *[0] * (len(FEATURES) - 1)]
    assert intercept == 0


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([0.1, 3.0, 40.0]), outside=st.sampled_from([None, 0, 6]))
def test_confidence_is_what_its_definition_says(seed: int, scale: float, outside: int | None) -> None:
    scores = (np.random.default_rng(seed).normal(size=7) * scale).astype(np.float32)
    own, probabilities = Confidence.of(scores, outside), softmax(scores[None, :])[0]
    first, second = np.sort(probabilities)[::-1][:2]
    entropy = -(probabilities * np.log(np.maximum(probabilities, 1e-300))).sum() / np.log(7)
    inside = probabilities.sum() - (0 if outside is None else probabilities[outside])
    assert own.label == probabilities.argmax()
    assert own.probability == pytest.approx(first, rel=1e-4)
    assert own.margin == pytest.approx(first - second, abs=1e-4)
    assert own.entropy == pytest.approx(entropy, abs=1e-4)
    if inside > 1e-4:
        logarithm = scores.astype(np.float64).max() + np.log(np.exp(scores.astype(np.float64) - scores.max()).sum())
        assert own.energy == pytest.approx(-(logarithm + np.log(inside)), abs=1e-2)
        odds = np.log(np.float64(probabilities[outside]) / inside) if outside is not None else own.energy
        assert own.log_odds == pytest.approx(odds, abs=1e-2)
    assert np.isfinite(own.features(agrees=True, out_of_scope=0.5, tokens=9, novelty=0.2)).all()


@pytest.mark.parametrize("true_temperature", [0.3, 1.0, 4.0])
def test_the_temperature_that_made_the_labels_is_found(true_temperature: float) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(4000, 5)) * 3
    labels = np.array([random.choice(5, p=p) for p in softmax(logits / true_temperature)])
    own, carried = fit_weights(logits, None, labels)
    assert (1 / own, carried) == (pytest.approx(true_temperature, rel=0.15), 0)


def test_evidence_of_two_paths_is_weighted_by_what_each_knows() -> None:
    random = np.random.default_rng(1)
    first, second = random.normal(size=(2, 6000, 5))
    labels = np.array([random.choice(5, p=p) for p in softmax(1.5 * first + 0.5 * second)])
    own, carried = fit_weights(first, second, labels)
    assert (own, carried) == (pytest.approx(1.5, rel=0.1), pytest.approx(0.5, rel=0.2))
    _, nothing = fit_weights(first, random.normal(size=(6000, 5)), labels)
    assert nothing < 0.1


@pytest.mark.parametrize(("epsilon", "name"), [(0.005, "0.5%"), (0.01, "1%"), (0.02, "2%")])
def test_operating_points_are_named_after_their_epsilon(epsilon: float, name: str) -> None:
    assert operating_point_name(epsilon) == name


@pytest.mark.slow
class TestCalibratedBundle:
    def test_the_stored_router_is_what_was_certified(self, tiny) -> None:
        router = load_router(tiny.router.folder / "bundle")
        certificates = json.loads((tiny.router.folder / "bundle" / "certificate.json").read_text())
        assert router.default_point == tiny.router.result.operating_point
        assert len(certificates) == len(router.points) == len(tiny.router.result.certificates)
        assert all(certificate["certified"] for certificate in certificates)

    def test_the_predicted_cost_is_between_the_cheapest_path_and_all_paths(self, tiny) -> None:
        result = tiny.router.result
        assert result.paths[0].cumulative_ms <= result.expected_cost_ms <= result.paths[-1].cumulative_ms
        assert result.oracle_cost_ms <= result.expected_cost_ms
        assert sum(path.stop_share for path in result.paths) == pytest.approx(1)

    def test_out_of_scope_rows_are_abstained_from(self, tiny, tiny_bundle: Path) -> None:
        from engine import AdaptiveModel

        answers = AdaptiveModel.load(tiny_bundle).predict(["volcano soup chess planet", "poem river recipe dinosaur"])
        assert all(answer.abstained for answer in answers)
        last = tiny.router.result.paths[-1].name
        assert all(answer.path == last for answer in answers)

    def test_too_few_certify_rows_ship_the_reference_path_alone(self, tiny, tmp_path: Path) -> None:
        from engine import AdaptiveModel
        from tasks.artifact import Workspace
        from tasks.families.classification.calibrate import calibrate_router
        from tasks.recipe.bundled import BundledRecipe
        from tasks.recipe.schema import RouterConfig

        workspace = Workspace(tmp_path / "out", tmp_path / "scratch")
        workspace.out.mkdir()
        result = calibrate_router(
            tiny.snapshot,
            tiny.compression,
            tiny.export,
            tiny.lexical,
            name="tiny",
            recipe=BundledRecipe.of(RouterConfig(max_accuracy_loss=0.002, operating_points=(0.002,)), tiny.data),
            target=tiny.target,
            attempt=1,
            workspace=workspace,
        )
        assert [path.name for path in result.paths] == ["reference"]
        assert result.operating_point == "reference"
        model = AdaptiveModel.load(workspace.out / "bundle")
        rows = read_rows(tiny.snapshot, "tune")
        answers = model.predict([row.text for row in rows])
        assert np.mean([(a.label or "oos") == row.label for a, row in zip(answers, rows, strict=True)]) > 0.9


def _halves(paths: list[PathView], cut: int) -> tuple[list[PathView], list[PathView]]:
    first = [PathView(p.score[:cut], p.may_stop[:cut], p.right[:cut]) for p in paths]
    second = [PathView(p.score[cut:], p.may_stop[cut:], p.right[cut:]) for p in paths]
    return first, second
