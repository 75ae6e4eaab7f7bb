"""A real bundle as champion: its answers and the embeddings of its first encoder segment."""

import numpy as np
import pytest

from tasks.bundles.loading import load_bundle
from tasks.data.rows import SPLITS, Row, read_rows
from tasks.drift.assess import assess
from tasks.drift.champion import champion_answers, champion_embeddings
from tasks.drift.decide import decide
from tasks.recipe.drift import DriftPolicy
from tests.conftest import tiny_rows

pytestmark = pytest.mark.slow


def test_answers_are_those_that_the_bundle_serves(tiny, tiny_bundle):
    texts = [row.text for row in read_rows(tiny.snapshot, "gate")][:40]
    served = [prediction.label for prediction in load_bundle(tiny_bundle, tiny.target).predict(texts)]
    assert champion_answers(tiny_bundle, tiny.target, tiny.data)(texts) == served


def test_embeddings_are_one_row_per_text_whatever_the_batch(tiny, tiny_bundle):
    embed = champion_embeddings(tiny_bundle, tiny.target)
    texts = [row.text for row in read_rows(tiny.snapshot, "gate")][:12]
    together = embed(texts)
    assert together.shape == (12, 48)
    np.testing.assert_allclose(together, np.concatenate([embed([text]) for text in texts]), atol=1e-4)


def test_a_real_champion_is_kept_for_rows_like_its_own_and_retrained_for_a_new_label(tiny, tiny_bundle):
    snapshot = {split: read_rows(tiny.snapshot, split) for split in SPLITS}
    answer, embed = champion_answers(tiny_bundle, tiny.target, tiny.data), champion_embeddings(tiny_bundle, tiny.target)
    policy = DriftPolicy(permutations=599, sample_rows=100)
    same = [Row(row["text"], row["label"], row["domain"]) for row in tiny_rows(200, seed=77)]
    report = assess(snapshot, same, answer, embed, out_of_scope_label="oos", policy=policy, seed=0)
    assert decide(report, policy).outcome == "nothing", decide(report, policy).findings
    assert report.embedding.dimensions == 48
    pizza = [Row(f"order a pizza with {number} olives", "pizza", "food") for number in range(30)]
    report = assess(snapshot, [*same, *pizza], answer, embed, out_of_scope_label="oos", policy=policy, seed=0)
    decision = decide(report, policy)
    assert decision.outcome == "retrain"
    assert {entry.name for entry in report.new_names} == {"pizza", "food"}
