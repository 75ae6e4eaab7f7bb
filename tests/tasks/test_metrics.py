"""The project's `evaluate` metrics against scikit-learn, offline, leaving nothing on disk."""

import os
import subprocess
import sys

import evaluate
import numpy as np
import pytest
from sklearn.metrics import f1_score

from tasks.statistics.calibration_error import ExpectedCalibrationError, expected_calibration_error
from tasks.statistics.macro_f1 import MacroF1


@pytest.fixture
def answers():
    rng = np.random.default_rng(1)
    references = rng.integers(0, 12, 500)
    predictions = np.where(rng.random(500) < 0.8, references, rng.integers(0, 15, 500))
    return predictions, references


def test_macro_f1_equals_scikit_learn(answers):
    predictions, references = answers
    macro_f1 = MacroF1().compute(predictions=predictions, references=references)
    assert macro_f1 == {"macro_f1": pytest.approx(f1_score(references, predictions, average="macro"))}


def test_macro_f1_over_named_labels_counts_other_answers_as_misses(answers):
    predictions, references = answers
    labels = [0, 1, 2, 3, 99]
    expected = f1_score(references, predictions, average="macro", labels=labels[:-1])
    answer = MacroF1().compute(predictions=predictions, references=references, labels=labels)
    assert answer["macro_f1"] == pytest.approx(expected)


def test_calibration_error_is_that_of_the_statistics(answers):
    predictions, references = answers
    confidences = np.random.default_rng(2).random(500)
    answer = ExpectedCalibrationError().compute(predictions=predictions, references=references, confidences=confidences)
    expected = expected_calibration_error(confidences, predictions == references)
    assert answer == {"expected_calibration_error": pytest.approx(expected)}


def test_batches_and_combinations_work_as_in_the_library(answers):
    predictions, references = answers
    metric = MacroF1()
    for rows in np.array_split(np.arange(500), 7):
        metric.add_batch(predictions=predictions[rows], references=references[rows])
    whole = metric.compute()
    combined = evaluate.combine([MacroF1()]).compute(predictions=predictions, references=references)
    assert combined == whole == {"macro_f1": pytest.approx(f1_score(references, predictions, average="macro"))}


def test_no_rows_have_no_metric():
    with pytest.raises(ValueError, match="undefined"):
        MacroF1().compute(predictions=[], references=[])


def test_rows_without_any_of_the_labels_have_no_macro_f1():
    with pytest.raises(ValueError, match="undefined"):
        MacroF1().compute(predictions=[1], references=[1], labels=[2])


@pytest.mark.slow
def test_nothing_is_fetched_or_left_behind(tmp_path):
    code = """
from tasks.statistics.calibration_error import ExpectedCalibrationError
from tasks.statistics.macro_f1 import MacroF1
MacroF1().compute(predictions=[0, 1], references=[0, 1])
ExpectedCalibrationError().compute(predictions=[0, 1], references=[0, 1], confidences=[0.5, 0.5])
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "XDG_"))}
    environment |= {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=300)
    assert list(tmp_path.iterdir()) == []
