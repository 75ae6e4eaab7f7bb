"""The lexical path: features in NumPy, and the same answers after saving and loading."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import BundleError
from engine.lexical import LexicalModel, LexicalVocabulary
from tasks.lexical import build_vocabulary, fit_model
from tasks.recipe.schema import LexicalConfig

ROWS = [np.array(ids) for ids in ([2, 7, 8, 3], [2, 8, 7, 3], [2, 7, 8, 9, 3], [2, 8, 7, 9, 3])]


def test_bigrams_tell_order_apart() -> None:
    vocabulary = build_vocabulary(ROWS, vocabulary_size=12, min_bigram_rows=2)
    labels = np.array([0, 1, 0, 1])
    model = fit_model(vocabulary, ROWS, labels, 2, LexicalConfig(), seed=0)
    assert [int(model.logits(ids).argmax()) for ids in ROWS] == labels.tolist()


@given(ids=st.lists(st.integers(0, 11), min_size=1, max_size=12))
def test_features_are_the_known_unigrams_and_bigrams(ids: list[int]) -> None:
    vocabulary = build_vocabulary(ROWS, vocabulary_size=12, min_bigram_rows=2)
    seen = {token for row in ROWS for token in row.tolist()}
    pairs = [(2, 7), (2, 8), (7, 8), (8, 7), (9, 3)]
    expected = sum(token in seen for token in ids) + sum(pair in pairs for pair in itertools.pairwise(ids))
    assert len(vocabulary.features(np.array(ids))) == expected


def test_a_text_without_any_known_feature_gets_the_bias() -> None:
    vocabulary = LexicalVocabulary(np.full(5, -1, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int32))
    model = LexicalModel(vocabulary, np.zeros((0, 3), np.float32), np.array([1, 2, 3], np.float32))
    assert model.logits(np.array([0, 1])).tolist() == [1, 2, 3]


def test_a_label_without_rows_is_never_the_answer() -> None:
    vocabulary = build_vocabulary(ROWS, vocabulary_size=12, min_bigram_rows=2)
    model = fit_model(vocabulary, ROWS, np.array([0, 2, 0, 2]), 4, LexicalConfig(), seed=0)
    assert {int(model.logits(ids).argmax()) for ids in ROWS} == {0, 2}


def test_saving_keeps_the_answers(tmp_path: Path) -> None:
    vocabulary = build_vocabulary(ROWS, vocabulary_size=12, min_bigram_rows=2)
    model = fit_model(vocabulary, ROWS, np.array([0, 1, 0, 1]), 2, LexicalConfig(), seed=0)
    model.save(tmp_path / "lexical.npz")
    loaded = LexicalModel.load(tmp_path / "lexical.npz")
    for ids in ROWS:
        np.testing.assert_allclose(loaded.logits(ids), model.logits(ids), atol=2e-3)


def test_a_file_that_is_no_lexical_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lexical.npz").write_bytes(b"PK")
    with pytest.raises(BundleError, match=r"lexical\.npz"):
        LexicalModel.load(tmp_path / "lexical.npz")
