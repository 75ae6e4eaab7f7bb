"""Fine-tuning of decoders: from nothing, from a base model, by low-rank updates, and through a kill."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

from tasks.artifact import Artifact
from tasks.base_models.base_model import resolve_base_model
from tasks.data.rows import Row
from tasks.errors import UserError
from tasks.families.generation.fine_tune import fine_tune
from tasks.families.generation.recipe import TextGenerationRecipe
from tasks.families.generation.recipe_sections import GenerationFineTuneConfig, LoraConfig
from tasks.families.generation.rows.examples import to_examples
from tasks.families.generation.training.lora import add_lora
from tasks.families.generation.training.model_files import open_model, open_tokenizer
from tasks.families.generation.training.optimizers import optimizers_of
from tasks.families.generation.training.scoring import agreement, score_completions
from tasks.families.generation.training.training import learning_rate_share, steps_of
from tests.tasks.generation.conftest import TINY_INIT, call_rows, snapshot_of, workspace_in

SHORT = GenerationFineTuneConfig(
    epochs=0.5,
    learning_rate=5e-3,
    embedding_learning_rate=5e-3,
    tokens_per_step=256,
    max_length=64,
    swapped_rows=0.5,
)
needs_peft = pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="peft is not installed")


class KilledError(Exception):
    """Stands for the death of the process."""


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def generated(caller: Artifact, text: str) -> str:
    model, tokenizer = open_model(caller.folder), open_tokenizer(caller.folder)
    ids = torch.tensor([tokenizer.apply_chat_template([{"role": "user", "content": text}], add_generation_prompt=True)])
    answer = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=40)
    return tokenizer.decode(answer[0, ids.shape[1] :], skip_special_tokens=True)


@pytest.mark.slow
def test_a_model_from_nothing_learns_to_copy(caller: Artifact) -> None:
    result = caller.result
    assert result.method == "init"
    assert result.base_digest is None
    assert result.tune.exact_match > 0.8
    assert result.tune.perplexity < 1.2
    assert result.shape.layers == 3


@pytest.mark.slow
def test_the_folder_answers_greedily_and_stops_at_the_end_token(caller: Artifact) -> None:
    wanted = {"function": "tell", "to": "ann", "what": "milk"}
    assert json.loads(generated(caller, "please tell ann to bring milk")) == wanted
    settings = json.loads((caller.folder / "generation_config.json").read_text())
    assert settings["eos_token_id"] == open_tokenizer(caller.folder).eos_token_id
    assert not list(caller.folder.rglob("*.bin"))


@pytest.mark.slow
def test_the_score_is_the_share_of_greedy_answers_with_the_golds_tokens(caller: Artifact) -> None:
    rows = call_rows(12, 77)
    model, tokenizer = open_model(caller.folder), open_tokenizer(caller.folder)
    right = [generated(caller, row.text) == row.label for row in rows]
    assert score_completions(model, to_examples(rows, tokenizer, caller.result.prompt_format)).exact_match == sum(
        right
    ) / len(rows)
    assert agreement(model, model, to_examples(rows, tokenizer, caller.result.prompt_format)) == 1


@pytest.mark.parametrize("packing", [False, True])
def test_a_killed_training_ends_with_the_weights_of_one_that_was_not(
    calls: Artifact, packing: bool, tmp_path: Path
) -> None:
    config = SHORT.model_copy(update={"packing": packing})
    whole = workspace_in(tmp_path / "whole")
    fine_tune(calls, start=TINY_INIT, config=config, seed=5, workspace=whole)

    def die(message: str, fraction: float | None = None) -> None:
        if fraction is not None and fraction > 0.6:
            raise KilledError

    with pytest.raises(KilledError):
        fine_tune(calls, start=TINY_INIT, config=config, seed=5, workspace=workspace_in(tmp_path / "killed", die))
    assert list((tmp_path / "killed" / "scratch" / "checkpoints").glob("step-*"))
    told: list[str] = []
    resumed = workspace_in(tmp_path / "killed", lambda message, fraction=None: told.append(message))
    fine_tune(calls, start=TINY_INIT, config=config, seed=5, workspace=resumed)
    assert not any(message.startswith("step 10 of") for message in told)
    for name, tensor in weights(whole.out).items():
        assert torch.equal(tensor, weights(resumed.out)[name]), name


def test_a_checkpoint_that_was_not_finished_is_passed_over(calls: Artifact, tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path)
    unfinished = workspace.scratch / "checkpoints" / "unfinished-7"
    unfinished.mkdir(parents=True)
    (unfinished / "state.safetensors").write_bytes(b"half")
    result = fine_tune(calls, start=TINY_INIT, config=SHORT, seed=5, workspace=workspace)
    assert result.training.steps > 7


@pytest.mark.slow
def test_a_folder_is_trained_further_in_full(caller: Artifact, calls: Artifact, tmp_path: Path) -> None:
    base = resolve_base_model(str(caller.folder), recipe_folder=tmp_path)
    config = GenerationFineTuneConfig(
        epochs=0.3, optimizer="adamw", learning_rate=1e-4, tokens_per_step=512, max_length=64
    )
    workspace = workspace_in(tmp_path / "full")
    result = fine_tune(calls, start=base, config=config, seed=0, workspace=workspace)
    assert result.method == "full"
    assert result.base_digest == base.digest
    assert result.tune.exact_match >= caller.result.tune.exact_match - 0.05


@needs_peft
@pytest.mark.slow
def test_low_rank_updates_are_merged_and_alter_linear_layers_alone(
    caller: Artifact, calls: Artifact, tmp_path: Path
) -> None:
    base = resolve_base_model(str(caller.folder), recipe_folder=tmp_path)
    config = GenerationFineTuneConfig(
        epochs=0.3, optimizer="adamw", learning_rate=1e-3, tokens_per_step=512, max_length=64, lora=LoraConfig(rank=4)
    )
    workspace = workspace_in(tmp_path / "lora")
    result = fine_tune(calls, start=base, config=config, seed=0, workspace=workspace)
    before, after = weights(caller.folder), weights(workspace.out)
    assert result.method == "lora"
    assert before.keys() == after.keys()
    altered = {name for name in before if not torch.equal(before[name], after[name])}
    assert altered
    assert all("_proj" in name for name in altered)
    difference = after["model.layers.0.mlp.up_proj.weight"] - before["model.layers.0.mlp.up_proj.weight"]
    assert torch.linalg.matrix_rank(difference, atol=1e-6) <= 4
    examples = to_examples(call_rows(100, 2), open_tokenizer(workspace.out), result.prompt_format)
    scores = score_completions(open_model(workspace.out), examples)
    assert scores.exact_match == result.tune.exact_match


@needs_peft
def test_low_rank_updates_are_trained_at_their_learning_rate_and_never_by_muon(caller: Artifact) -> None:
    """With what a recipe has by default."""
    fields = {"name": "a", "task": "text-generation", "data": {"train": "t.jsonl"}, "targets": ["local-cpu"]}
    recipe = TextGenerationRecipe.model_validate(fields | {"base_model": "base", "fine_tune": {"lora": {"rank": 4}}})
    config = recipe.fine_tune
    assert config.lora is not None
    model = add_lora(open_model(caller.folder), config.lora)
    given = {
        "learning_rate": config.learning_rate,
        "embedding_rate": config.embedding_learning_rate,
        "weight_decay": config.weight_decay,
    }
    (adamw,) = optimizers_of(model, config.optimizer, **given)
    (group,) = adamw.param_groups
    assert (group["lr"], group["weight_decay"]) == (2e-4, 0.1)
    assert len(group["params"]) == sum(parameter.requires_grad for parameter in model.parameters())
    with pytest.raises(ValueError, match="none of the trained weights is a matrix of a layer"):
        optimizers_of(model, "muon", **given)


@needs_peft
def test_a_rank_beyond_the_matrices_is_a_clear_error(caller: Artifact, calls: Artifact, tmp_path: Path) -> None:
    base = resolve_base_model(str(caller.folder), recipe_folder=tmp_path)
    config = SHORT.model_copy(update={"lora": LoraConfig(rank=65)})
    with pytest.raises(UserError, match=r"fine_tune\.lora\.rank.*at most 64"):
        fine_tune(calls, start=base, config=config, seed=0, workspace=workspace_in(tmp_path / "lora"))


def test_rows_that_are_too_long_are_counted_and_none_left_is_an_error(calls: Artifact, tmp_path: Path) -> None:
    rows = [*call_rows(60, 3), Row("please tell ann " + "again and " * 90, '{"function":"tell"}', None)]
    snapshot = snapshot_of(tmp_path / "long", {"train": rows, "tune": call_rows(5, 4)})
    result = fine_tune(snapshot, start=TINY_INIT, config=SHORT, seed=0, workspace=workspace_in(tmp_path / "one"))
    assert (result.training.rows, result.training.left_out) == (60, 1)
    wider = SHORT.model_copy(update={"max_length": 512})
    result = fine_tune(snapshot, start=TINY_INIT, config=wider, seed=0, workspace=workspace_in(tmp_path / "context"))
    assert (result.training.rows, result.training.left_out) == (60, 1)
    shorter = SHORT.model_copy(update={"max_length": 8})
    with pytest.raises(UserError, match=r"fine_tune\.max_length.*8 tokens, but the shortest train row has \d+"):
        fine_tune(calls, start=TINY_INIT, config=shorter, seed=0, workspace=workspace_in(tmp_path / "none"))


def test_a_model_of_another_type_names_those_that_are_supported(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(UserError, match=r"llama.*not 'gpt2'"):
        open_model(tmp_path)


def test_the_learning_rate_rises_then_falls_to_nothing() -> None:
    shares = [learning_rate_share(step, 100, 0.1) for step in range(100)]
    assert max(shares) == shares[10] == 1
    assert shares[:11] == sorted(shares[:11])
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert 0 < shares[0] < 0.2
    assert 0 < shares[-1] < 0.02


def test_epochs_are_counted_in_rows(caller: Artifact) -> None:
    examples = to_examples(call_rows(100, 8), open_tokenizer(caller.folder), caller.result.prompt_format)
    config = SHORT.model_copy(update={"epochs": 1.0})
    once = steps_of(examples, config, 0)
    assert steps_of(examples, config.model_copy(update={"epochs": 3.0}), 0) == pytest.approx(3 * once, abs=3)
