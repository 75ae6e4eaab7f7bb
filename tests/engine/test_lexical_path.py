"""The lexical path: pairs of tokens in order, the same answers in training and at run time, and after saving."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine import BundleError
from engine.classification.lexical import LexicalModel, LexicalVocabulary
from tasks.families.classification.encoder.pair_bag import PairBag, build_vocabulary, fit, frozen, starting_vectors
from tasks.families.classification.recipe import LexicalConfig

ROWS = [np.array(ids) for ids in ([2, 7, 8, 3], [2, 8, 7, 3], [2, 7, 8, 9, 3], [2, 8, 7, 9, 3])]
CONFIG = LexicalConfig(width=16, min_steps=150)


def fitted(labels: list[int], count: int) -> LexicalModel:
    vocabulary = build_vocabulary(ROWS, tokens=12, min_rows=2)
    teacher = np.full((len(ROWS), count), -4, np.float32)
    teacher[np.arange(len(ROWS)), labels] = 4
    words = np.random.default_rng(0).normal(size=(12, 24)).astype(np.float32)
    return fit(vocabulary, ROWS, np.array(labels), [], teacher, words, CONFIG, 0, lambda _: None)


def test_pairs_tell_order_apart() -> None:
    model = fitted([0, 1, 0, 1], 2)
    assert [int(model.answer(ids)[0].argmax()) for ids in ROWS] == [0, 1, 0, 1]


@given(ids=st.lists(st.integers(0, 11), max_size=12))
def test_the_members_of_a_row_are_its_tokens_and_its_known_pairs(ids: list[int]) -> None:
    vocabulary = build_vocabulary(ROWS, tokens=12, min_rows=2)
    near = {(2, 7), (2, 8), (7, 8), (8, 7), (9, 3)}
    apart = {(2, 7), (2, 8), (8, 3), (7, 3)}
    pairs = [(pair in near) for pair in pairwise(ids)]
    pairs += [(pair in apart) for pair in zip(ids, ids[2:], strict=False)]
    members, novelty = vocabulary.members(np.array(ids, dtype=np.int64))
    assert members[: len(ids)].tolist() == ids
    assert len(members) - len(ids) == sum(pairs)
    assert novelty == pytest.approx(1 - sum(pairs) / len(pairs) if pairs else 1)


@given(ids=st.lists(st.integers(0, 11), min_size=1, max_size=12), seed=st.integers(0, 99))
def test_the_engine_answers_what_the_trained_model_answers(ids: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    row = np.array(ids)
    vocabulary = build_vocabulary(ROWS, tokens=12, min_rows=2)
    words = np.random.default_rng(seed).normal(size=(12, 24)).astype(np.float32)
    vectors = starting_vectors(vocabulary, words, 16)
    model = PairBag(vectors, 3).eval()
    with torch.no_grad():
        expected = model(torch.tensor(vocabulary.members(row)[0]), torch.tensor([0]))[0].numpy()
    # Vectors become int8: what is left of the difference is their rounding.
    np.testing.assert_allclose(frozen(vectors, model.head, vocabulary).answer(row)[0], expected, atol=0.05)


def test_a_row_without_tokens_is_answered() -> None:
    model = LexicalModel(
        LexicalVocabulary.of((), 5),
        np.zeros((5, 4), np.int8),
        np.ones(5, np.float32),
        np.ones((4, 3), np.float32),
        np.array([1, 2, 3], np.float32),
    )
    logits, novelty = model.answer(np.array([], dtype=np.int64))
    assert (logits.tolist(), novelty) == ([1, 2, 3], 1)


def test_training_again_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        fitted([0, 1, 0, 1], 2).save(tmp_path / f"{name}.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_saving_keeps_the_answers(tmp_path: Path) -> None:
    model = fitted([0, 1, 0, 1], 2)
    model.save(tmp_path / "lexical.npz")
    loaded = LexicalModel.load(tmp_path / "lexical.npz")
    for ids in ROWS:
        np.testing.assert_allclose(loaded.answer(ids)[0], model.answer(ids)[0], atol=2e-2)


def test_a_file_that_is_no_lexical_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lexical.npz").write_bytes(b"PK")
    with pytest.raises(BundleError, match=r"lexical\.npz"):
        LexicalModel.load(tmp_path / "lexical.npz")
