"""A training whose numbers are no longer finite ends at that step, in every loop, and says what to lower."""

from pathlib import Path

import numpy as np
import pytest

from tasks.artifact import Workspace
from tasks.errors import UserError
from tests.tiny_bases import write_decoder, write_encoder

NAN = float("nan")


def workspace(folder: Path) -> Workspace:
    (folder / "out").mkdir()
    return Workspace(folder / "out", folder / "scratch")


@pytest.mark.parametrize("section", ["fine_tune", "prune"])
def test_an_encoders_training_says_step_and_learning_rate(section: str, tmp_path: Path) -> None:
    import torch

    from tasks.families.classification.encoder.base_encoder import open_encoder
    from tasks.families.classification.encoder.multi_exit import MultiExitClassifier
    from tasks.families.classification.encoder.shape import Shape
    from tasks.families.classification.encoder.training import train
    from tasks.families.classification.recipe import FineTuneConfig

    base = write_encoder(tmp_path / "base")
    encoder = open_encoder(base, base / "tokenizer.json", 16, tell=lambda _: None)
    model = MultiExitClassifier(encoder, Shape(("a", "b"), (2,), (1, 2), (32, 32), 16))
    rows = [{"input_ids": np.arange(2, 9), "labels": number % 2} for number in range(8)]
    losses = iter([0.5, NAN])

    def loss(trained: MultiExitClassifier, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        del inputs
        return next(trained.parameters()).sum() * 0 + next(losses)

    config = FineTuneConfig(epochs=1, batch_size=4, learning_rate=0.25, warmup_ratio=0)
    with pytest.raises(UserError, match=rf"{section}\.learning_rate: the loss is nan at step 2 .* rate of 0\.125:"):
        train(
            model,
            {"train": rows, "tune": rows},
            config=config,
            seed=0,
            workspace=workspace(tmp_path),
            loss=loss,
            section=section,
        )


def test_a_decoders_training_says_step_and_learning_rate(tmp_path: Path) -> None:
    import torch

    from tasks.families.generation.recipe_sections import GenerationFineTuneConfig
    from tasks.families.generation.rows.batches import Batch
    from tasks.families.generation.rows.examples import Example
    from tasks.families.generation.training.model_files import open_model
    from tasks.families.generation.training.training import train

    model = open_model(write_decoder(tmp_path / "base"))

    def loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        del batch
        return logits.sum() * NAN

    config = GenerationFineTuneConfig(epochs=1, learning_rate=0.25, optimizer="adamw", warmup_ratio=0)
    with pytest.raises(UserError, match=r"distil\.learning_rate: student, the loss is nan at step 1 .* rate of 0\.25:"):
        train(
            model,
            [Example([5, 6, 7], [8, 9])] * 4,
            config=config,
            seed=0,
            workspace=workspace(tmp_path),
            loss=loss,
            phase="student, ",
            section="distil",
        )


def test_the_lexical_paths_training_says_its_step() -> None:
    from tasks.families.classification.encoder.pair_bag import build_vocabulary, fit
    from tasks.families.classification.recipe import LexicalConfig

    rows = [np.array([1, 2, 3]), np.array([2, 3, 4])]
    teacher = np.array([[0.0, NAN], [0.0, 1.0]], dtype=np.float32)
    config = LexicalConfig(width=8, epochs=1, min_steps=1, augmentation=0, min_pair_rows=1)
    vectors = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    with pytest.raises(UserError, match=r"lexical\.learning_rate: lexical path, the loss is nan at step 1"):
        fit(build_vocabulary(rows, 5, 1), rows, np.array([0, 1]), [], teacher, vectors, config, 0, lambda _: None)


def test_weights_that_are_not_finite_are_saved_by_neither_family(tmp_path: Path) -> None:
    import torch

    from tasks.families.classification.encoder.base_encoder import open_encoder
    from tasks.families.classification.encoder.multi_exit import MultiExitClassifier, save_model
    from tasks.families.classification.encoder.shape import Shape
    from tasks.families.generation.training.model_files import open_model, open_tokenizer, write_model

    base = write_encoder(tmp_path / "encoder")
    encoder = open_encoder(base, base / "tokenizer.json", 16, tell=lambda _: None)
    model = MultiExitClassifier(encoder, Shape(("a", "b"), (2,), (1, 2), (32, 32), 16))
    with torch.no_grad():
        model.heads[0].bias[0] = NAN
    with pytest.raises(UserError, match=r"the trained model, heads\.0\.bias: 1 of 2 numbers are not finite"):
        save_model(model, tmp_path / "saved")
    folder = write_decoder(tmp_path / "decoder")
    decoder = open_model(folder)
    with torch.no_grad():
        decoder.lm_head.weight[0, 0] = NAN
    with pytest.raises(UserError, match=r"the trained model, lm_head\.weight: 1 of"):
        write_model(tmp_path / "written", decoder, open_tokenizer(folder))


def test_logits_that_are_not_finite_are_no_parity() -> None:
    from tasks.graphs.parity import compare, logits_of

    good, bad = np.zeros((2, 3), np.float32), np.full((2, 3), NAN, np.float32)
    for own, parents in ((good, bad), (bad, good)):
        with pytest.raises(UserError, match=r"logits .* are not finite"):
            compare("own", "parent", own, parents, 1e-3)
    with pytest.raises(UserError, match="of a graph: 1 of 2 numbers"):
        logits_of(lambda ids: np.array([1.0, NAN if len(ids) > 1 else 0.0], np.float32), [np.array([1, 2])])
