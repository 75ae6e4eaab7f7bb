"""Evaluation on the gate rows: figures that fit together and agree with the engine's own answers."""

import numpy as np
import pytest

from engine import AdaptiveModel
from tasks.artifact import Workspace
from tasks.data.rows import read_rows
from tasks.families.classification.evaluate import evaluate
from tasks.families.classification.routing.answers import ABSTAIN, truth_ids

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def evaluation(tiny, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("evaluation")
    workspace = Workspace(folder, folder)
    return evaluate(
        tiny.snapshot,
        tiny.router,
        tiny.compression,
        epsilon=0.02,
        confidence=0.95,
        target=tiny.target,
        workspace=workspace,
    )


def test_accuracy_is_that_of_the_engines_answers(tiny, tiny_bundle, evaluation) -> None:
    rows = read_rows(tiny.snapshot, "gate")
    answers = AdaptiveModel.load(tiny_bundle).predict([row.text for row in rows])
    right = sum((a.label or "oos") == row.label for a, row in zip(answers, rows, strict=True))
    assert (evaluation.accuracy.successes, evaluation.accuracy.n) == (right, len(rows))
    assert evaluation.accuracy.low < evaluation.accuracy.value < evaluation.accuracy.high


def test_slices_and_classes_add_up(evaluation) -> None:
    for groups in (evaluation.slices, evaluation.classes):
        assert sum(group.accuracy.n for group in groups) == evaluation.rows
        assert sum(group.accuracy.successes for group in groups) == evaluation.accuracy.successes


def test_stop_shares_add_up_and_agree_with_accuracy_when_stopped(evaluation) -> None:
    assert sum(path.stop_share for path in evaluation.paths) == pytest.approx(1)
    total = sum(path.stop_share * (path.accuracy_when_stopped or 0) for path in evaluation.paths)
    assert total == pytest.approx(evaluation.accuracy.value)


def test_out_of_scope_rows_are_told_from_the_others(evaluation) -> None:
    found = {figure.name: figure for figure in evaluation.figures}
    assert found["out_of_scope_recall"].value > 0.8
    assert found["out_of_scope_recall"].label == "oos"
    assert found["out_of_scope_auroc"].value > 0.8
    assert found["out_of_scope_early_share"].value == 0
    outside = found["out_of_scope_recall"].rows
    assert outside + found["in_scope_accuracy"].rows == evaluation.rows


def test_every_figure_lies_within_its_own_bounds(evaluation) -> None:
    for figure in evaluation.figures:
        assert figure.value is not None
        assert (figure.low or 0.0) <= figure.value <= (figure.high or 1.0)
    assert evaluation.figure("macro_f1").low > 0
    assert evaluation.figure("expected_calibration_error").high < 1
    assert evaluation.figure("accuracy").interval == evaluation.accuracy
    assert evaluation.figure("perplexity") is None


def test_routed_is_compared_with_the_reference_path(evaluation) -> None:
    test = evaluation.reference
    loss = evaluation.reference_accuracy.value - evaluation.accuracy.value
    assert test.loss == pytest.approx(loss)
    assert (test.harms - test.gains) / test.n == pytest.approx(loss)
    assert evaluation.leaking_rows == 0


def test_the_truth_of_an_out_of_scope_row_is_to_abstain(tiny) -> None:
    data = tiny.snapshot.result
    truth = truth_ids(read_rows(tiny.snapshot, "gate"), data.labels, data.out_of_scope_label)
    assert (truth == ABSTAIN).sum() == data.out_of_scope_rows["gate"]
    assert np.array_equal(np.unique(truth[truth >= 0]), np.arange(len(data.labels) - 1))


def test_the_loss_is_at_most_the_disagreement(evaluation) -> None:
    assert evaluation.disagreement.n == evaluation.rows
    assert evaluation.disagreement.successes >= evaluation.reference.harms + evaluation.reference.gains
    assert evaluation.reference.loss <= evaluation.disagreement.value <= evaluation.disagreement.high
