"""Smaller models of the full one: distilled and pruned."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from tasks.artifact import Artifact
from tasks.errors import UserError
from tasks.families.generation.distil import distil, distillation_loss, make_student
from tasks.families.generation.prune import measure_influence, most_influential, prune, without_flattest_block
from tasks.families.generation.recipe_sections import DistilConfig, GenerationPruneConfig
from tasks.families.generation.rows.batches import collate
from tasks.families.generation.rows.examples import Example
from tasks.families.generation.training.gradients import learned_logits
from tasks.families.generation.training.model_files import open_model, open_tokenizer, write_model
from tasks.families.generation.training.teacher_parts import evenly_spread, keep_neurons, with_layers
from tasks.families.generation.training.training import completion_loss
from tests.tasks.generation.conftest import workspace_in
from tests.tasks.generation.test_induction_heads import llama

QUICK = {"learning_rate": 8e-3, "embedding_learning_rate": 5e-3, "tokens_per_step": 512, "max_length": 64}
EXAMPLES = [Example([5, 6, 7, 2], [8, 9, 3]), Example([11, 2], [12, 3])]


@pytest.mark.parametrize(
    ("layers", "count", "expected"),
    [(4, 2, (0, 1)), (4, 3, (0, 1, 3)), (8, 4, (0, 1, 5, 7)), (4, 4, (0, 1, 2, 3)), (3, 5, (0, 1, 2)), (6, 1, (0,))],
)
def test_a_student_keeps_the_layers_that_copy_and_the_last(layers: int, count: int, expected: tuple[int, ...]) -> None:
    kept = evenly_spread(layers, count)
    assert kept[:2] == expected[:2]
    assert len(kept) == len(set(kept)) == len(expected)
    assert kept == tuple(sorted(kept))
    assert count < 3 or kept[-1] == expected[-1]


def test_taking_out_layers_leaves_the_teacher_alone_and_generates_with_a_cache() -> None:
    teacher = llama(4)
    student = with_layers(teacher, (0, 3))
    assert (len(teacher.model.layers), len(student.model.layers)) == (4, 2)
    assert torch.equal(student.model.layers[1].mlp.up_proj.weight, teacher.model.layers[3].mlp.up_proj.weight)
    ids = torch.tensor([[5, 6, 7, 8]])
    cached = student.generate(ids, max_new_tokens=6, do_sample=False, pad_token_id=0)
    plain = student.generate(ids, max_new_tokens=6, do_sample=False, pad_token_id=0, use_cache=False)
    assert torch.equal(cached, plain)


def test_neurons_that_write_nothing_can_go_without_a_trace() -> None:
    model = llama(2)
    kept = [torch.arange(0, 256, 2), torch.arange(128)]
    for layer, indices in zip(model.model.layers, kept, strict=True):
        idle = torch.ones(256, dtype=torch.bool)
        idle[indices] = False
        layer.mlp.down_proj.weight.data[:, idle] = 0
    ids = torch.tensor([[5, 6, 7, 8]])
    before = model(ids).logits
    keep_neurons(model, kept)
    torch.testing.assert_close(model(ids).logits, before)
    assert model.config.intermediate_size == 128


def test_widths_that_differ_between_layers_are_refused() -> None:
    with pytest.raises(ValueError, match="as many neurons"):
        keep_neurons(llama(2), [torch.arange(8), torch.arange(16)])


def test_influence_finds_the_layer_and_the_neuron_that_do_nothing() -> None:
    model = llama(3)
    idle = model.model.layers[1]
    idle.self_attn.o_proj.weight.data.zero_()
    idle.mlp.down_proj.weight.data.zero_()
    model.model.layers[0].mlp.down_proj.weight.data[:, 17] = 0
    found = measure_influence(model, EXAMPLES)
    assert found.layers[1] == pytest.approx(0, abs=1e-6)
    assert most_influential(found.layers, 2) == (0, 2)
    assert found.neurons[0].argmin() == 17


def test_influence_is_over_real_tokens_only() -> None:
    model = llama(3)
    together = measure_influence(model, EXAMPLES)
    apart = [measure_influence(model, [example]) for example in EXAMPLES]
    sizes = torch.tensor([float(len(example)) for example in EXAMPLES])
    mean = (torch.tensor([found.layers for found in apart]) * sizes[:, None]).sum(0) / sizes.sum()
    torch.testing.assert_close(torch.tensor(together.layers), mean, atol=1e-5, rtol=1e-4)


def residuals(model, example: Example) -> list[torch.Tensor]:
    """(tokens, width) that each layer is given, and behind the last one what it leaves, before the norm."""
    given = []
    decoder = model.get_decoder()
    handles = [
        layer.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0][0])) for layer in decoder.layers
    ]
    handles.append(decoder.norm.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0][0])))
    with torch.no_grad():
        model(torch.tensor([[*example.prompt, *example.completion]]))
    for handle in handles:
        handle.remove()
    return given


def with_idle(model, layers: Sequence[int]):
    for index in layers:
        model.model.layers[index].self_attn.o_proj.weight.data.zero_()
        model.model.layers[index].mlp.down_proj.weight.data.zero_()
    return model


@pytest.mark.parametrize("block", [1, 2, 4])
def test_angles_of_blocks_are_those_between_what_goes_in_and_what_comes_out(block: int) -> None:
    model = llama(4)
    found = measure_influence(model, EXAMPLES, block)
    parts = [residuals(model, example) for example in EXAMPLES]
    for start, angle in enumerate(found.blocks):
        own, behind = (torch.cat([given[at] for given in parts]) for at in (start, start + block))
        cosine = (own * behind).sum(-1) / (own.norm(dim=-1) * behind.norm(dim=-1))
        assert angle == pytest.approx(float(cosine.clamp(-1, 1).arccos().mean() / torch.pi), abs=1e-4)
    assert len(found.blocks) == 4 - block + 1
    assert found.layers == measure_influence(model, EXAMPLES).layers


def test_the_flattest_block_is_the_one_that_can_go_without_a_trace() -> None:
    model = with_idle(llama(6), (2, 3))
    found = measure_influence(model, EXAMPLES, 2)
    kept = without_flattest_block(found.blocks, 6)
    assert kept == (0, 1, 4, 5)
    ids = torch.tensor([[5, 6, 7, 8]])
    torch.testing.assert_close(with_layers(model, kept)(ids).logits, model(ids).logits)
    assert without_flattest_block([0.2, 0.1, 0.1], 3) == (0, 2)
    assert without_flattest_block([0.3], 3) == ()


def test_a_block_that_turns_back_is_flat_although_each_of_its_layers_turns_far() -> None:
    """Where the two ways part: block influence sees layers one by one, the angle what is left of them together."""
    model = with_idle(llama(5), (1, 2, 3))
    for index, push in ((1, 3.0), (2, -3.0), (3, 0.1)):
        model.model.layers[index].mlp.register_forward_hook(lambda _, __, output, push=push: output + push)
    found = measure_influence(model, EXAMPLES, 2)
    assert without_flattest_block(found.blocks, 5) == (0, 3, 4)
    assert {1, 2} <= set(most_influential(found.layers, 3))


def test_the_neurons_that_count_are_those_whose_ablation_changes_the_layer_most() -> None:
    model = llama(2)
    chance = torch.Generator().manual_seed(1)
    for layer in model.model.layers:  # of very different size, so that the order is no near tie
        layer.mlp.down_proj.weight.data.mul_(torch.exp(2 * torch.randn(256, generator=chance)))
    found = measure_influence(model, EXAMPLES)
    for number, layer in enumerate(model.model.layers):
        inputs: list[torch.Tensor] = []
        handle = layer.mlp.register_forward_pre_hook(lambda _, given, inputs=inputs: inputs.append(given[0]))
        with torch.no_grad():
            for example in EXAMPLES:
                model(torch.tensor([[*example.prompt, *example.completion]]))
            handle.remove()
            mlp, given = layer.mlp, torch.cat([each[0] for each in inputs])
            whole, change = mlp(given), []
            for neuron in range(256):
                column = mlp.down_proj.weight.data[:, neuron].clone()
                mlp.down_proj.weight.data[:, neuron] = 0
                change.append(float((whole - mlp(given)).norm(dim=-1).mean()))
                mlp.down_proj.weight.data[:, neuron] = column
        torch.testing.assert_close(found.neurons[number], torch.tensor(change), atol=1e-4, rtol=1e-2)
        assert set(found.neurons[number].topk(32).indices.tolist()) == set(
            torch.tensor(change).topk(32).indices.tolist()
        )


def test_the_distillation_loss_is_divergence_and_cross_entropy() -> None:
    teacher, student = llama(2), llama(3)
    batch = collate(EXAMPLES, 0)
    logits = learned_logits(student, batch)
    soft = distillation_loss(teacher, temperature=2.0, gold_weight=0.0)(logits, batch)
    wanted, own = ((learned_logits(m, batch) / 2).log_softmax(-1) for m in (teacher, student))
    assert float(soft) == pytest.approx(float((wanted.exp() * (wanted - own)).sum(-1).mean() * 4), rel=1e-4)
    mixed = distillation_loss(teacher, temperature=2.0, gold_weight=0.25)(logits, batch)
    assert float(mixed) == pytest.approx(float(0.75 * soft + 0.25 * completion_loss(logits, batch)), rel=1e-5)
    assert float(distillation_loss(student, temperature=1.0, gold_weight=0.0)(logits, batch)) == pytest.approx(
        0, abs=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("width", [None, 32])
def test_a_student_is_smaller_and_answers_like_its_teacher(
    caller: Artifact, calls: Artifact, tmp_path: Path, width: int | None
) -> None:
    workspace = workspace_in(tmp_path)
    config = DistilConfig(layers=2, width=width, epochs=3.0, **QUICK)
    result = distil(calls, caller, config=config, seed=0, workspace=workspace)
    assert result.layers_kept == ((1, 2) if width is None else ())
    assert result.shape.parameters < result.parent_shape.parameters
    assert result.parent_tune == caller.result.tune
    assert result.agreement > (0.9 if width is None else 0.5)
    model, tokenizer = open_model(workspace.out), open_tokenizer(workspace.out)
    assert model.config.num_hidden_layers == 2
    assert tokenizer.get_vocab() == open_tokenizer(caller.folder).get_vocab()
    assert result.prompt_format == caller.result.prompt_format


def test_a_narrow_student_has_the_teachers_sizes_however_large_and_padded(
    caller: Artifact, calls: Artifact, tmp_path: Path
) -> None:
    """As Qwen3's: more rows of embeddings than the tokenizer has tokens, more positions than `init` may have."""
    teacher, tokenizer = open_model(caller.folder), open_tokenizer(caller.folder)
    teacher.resize_token_embeddings(len(tokenizer) + 117)
    teacher.config.max_position_embeddings = 40_960
    folder = tmp_path / "teacher"
    write_model(folder, teacher, tokenizer)
    config = DistilConfig(layers=1, width=32, epochs=0.1, **QUICK)
    work = workspace_in(tmp_path / "student")
    result = distil(calls, Artifact("fine-tune", folder, "", caller.result), config=config, seed=0, workspace=work)
    student = open_model(work.out)
    assert (student.config.num_hidden_layers, student.config.hidden_size) == (1, 32)
    assert student.config.vocab_size == result.shape.vocabulary == len(tokenizer) + 117
    assert student.config.max_position_embeddings == 40_960


def test_a_narrow_student_is_where_its_teacher_is(caller: Artifact) -> None:
    teacher, tokenizer = open_model(caller.folder), open_tokenizer(caller.folder)
    teacher.to("meta")
    student, kept = make_student(teacher, tokenizer, DistilConfig(layers=2, width=32), 0)
    assert (student.device.type, kept) == ("meta", ())


@pytest.mark.slow
def test_a_pruned_model_has_the_layers_and_neurons_asked_for(caller: Artifact, calls: Artifact, tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path)
    config = GenerationPruneConfig(layers=2, ffn_share=0.5, epochs=2.0, importance_rows=64, **QUICK)
    result = prune(calls, caller, config=config, seed=0, workspace=workspace)
    assert result.shape.ffn_widths == (48, 48)
    assert len(result.influence) == 3
    assert result.layers_kept == tuple(index + 1 for index in most_influential(result.influence, 2))
    assert open_model(workspace.out).config.intermediate_size == 48
    assert result.agreement > 0.8


@pytest.mark.slow
def test_a_pruned_model_may_lose_a_block_of_layers(caller: Artifact, calls: Artifact, tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path)
    config = GenerationPruneConfig(layers=1, depth="angular_distance", epochs=0.5, importance_rows=64, **QUICK)
    result = prune(calls, caller, config=config, seed=0, workspace=workspace)
    assert result.layers_kept in {(1,), (3,)}
    assert open_model(workspace.out).config.num_hidden_layers == 1


def test_a_student_no_smaller_than_its_teacher_is_refused(caller: Artifact, calls: Artifact, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"distil\.layers.*no smaller"):
        distil(calls, caller, config=DistilConfig(layers=3), seed=0, workspace=workspace_in(tmp_path / "a"))
    with pytest.raises(UserError, match=r"distil\.width.*head size, 16"):
        distil(calls, caller, config=DistilConfig(layers=2, width=40), seed=0, workspace=workspace_in(tmp_path / "b"))
    with pytest.raises(UserError, match=r"prune\.layers.*keep fewer"):
        prune(calls, caller, config=GenerationPruneConfig(layers=3), seed=0, workspace=workspace_in(tmp_path / "c"))
