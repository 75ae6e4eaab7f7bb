"""Prunes the full model to fewer layers and neurons, then lets it recover by distillation from what it was.

Layers are chosen by block influence (Men et al., 2024, "ShortGPT"): how far a layer turns the residual stream. Neurons are
chosen by how much they write into it: mean absolute activation times the length of the output column (Sun et al., 2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tasks.artifact import Artifact, Workspace
from tasks.data.rows import read_rows
from tasks.errors import UserError
from tasks.generation.distil import trained_student
from tasks.generation.examples import Example, to_examples
from tasks.generation.records import GenerationFineTuneResult, StudentResult
from tasks.recipe.text_generation import GenerationPruneConfig
from tasks.records import SnapshotResult

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

_TOKENS: Final = 4096
_MULTIPLE: Final = 16


def prune(
    snapshot: Artifact[SnapshotResult],
    fine_tuned: Artifact[GenerationFineTuneResult],
    *,
    config: GenerationPruneConfig,
    seed: int,
    workspace: Workspace,
) -> StudentResult:
    """Measure, cut, recover, score on tune, save. UserError where nothing would be taken out."""
    from tasks.generation.model_files import open_model, open_tokenizer
    from tasks.generation.student import keep_neurons, with_layers

    parent, tokenizer = open_model(fine_tuned.folder), open_tokenizer(fine_tuned.folder)
    layers, neurons = parent.config.num_hidden_layers, parent.config.intermediate_size
    width = max(_MULTIPLE, round(neurons * config.ffn_share / _MULTIPLE) * _MULTIPLE)
    if config.layers >= layers and width >= neurons:
        raise UserError(
            f"{config.layers} layers of {config.ffn_share:g} of their neurons is all of the full model, which has {layers}; "
            "keep fewer",
            field="prune.layers",
        )
    workspace.progress("influence of layers and neurons", None)
    rows = read_rows(snapshot, "train")[: config.importance_rows]
    influence = measure_influence(parent, to_examples(rows, tokenizer, fine_tuned.result.prompt_format))
    kept = most_influential(influence.layers, config.layers)
    student = with_layers(parent, kept)
    if width < neurons:
        chosen = [influence.neurons[index].topk(width).indices.sort().values for index in kept]
        keep_neurons(student, chosen)
    return trained_student(
        snapshot,
        parent,
        student,
        tokenizer,
        fine_tuned.result.prompt_format,
        config=config,
        seed=seed,
        workspace=workspace,
        layers_kept=kept,
        influence=influence.layers,
    )


@dataclass(frozen=True)
class Influence:
    """`layers`: mean of 1 - cosine between a layer's input and output, by layer; `neurons`: by layer, (ffn width,)."""

    layers: tuple[float, ...]
    neurons: "tuple[Tensor, ...]"


def measure_influence(model: "PreTrainedModel", examples: Sequence[Example]) -> Influence:
    """Over all real tokens of the examples."""
    import torch
    from torch.nn import functional

    from tasks.generation.batches import batches_by_length, collate

    layers = model.get_decoder().layers
    turned = [0.0] * len(layers)
    written = [torch.zeros(layer.mlp.down_proj.in_features) for layer in layers]
    seen = 0
    real: Tensor = torch.zeros(0)

    def on_layer(number: int) -> Any:
        def hook(_module: Any, inputs: tuple[Any, ...], output: Any) -> None:
            after = output[0] if isinstance(output, tuple) else output
            cosine = functional.cosine_similarity(inputs[0][real], after[real], dim=-1)
            turned[number] += float((1 - cosine).sum())

        return hook

    def on_neurons(number: int) -> Any:
        def hook(_module: Any, inputs: tuple[Any, ...]) -> None:
            written[number] += inputs[0][real].abs().sum(0).cpu()

        return hook

    handles = [layer.register_forward_hook(on_layer(number)) for number, layer in enumerate(layers)]
    handles += [
        layer.mlp.down_proj.register_forward_pre_hook(on_neurons(number)) for number, layer in enumerate(layers)
    ]
    model.eval()
    try:
        with torch.inference_mode():
            for rows in batches_by_length(examples, _TOKENS):
                chosen = [examples[row] for row in rows]
                batch = collate(chosen, model.config.pad_token_id or 0).to(model.device)
                lengths = torch.tensor([len(example) for example in chosen], device=model.device)
                real = torch.arange(batch.ids.shape[1], device=model.device) < lengths[:, None]
                seen += int(lengths.sum())
                model.get_decoder()(input_ids=batch.ids, use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    columns = [layer.mlp.down_proj.weight.detach().norm(dim=0).cpu() for layer in layers]
    return Influence(
        tuple(total / seen for total in turned),
        tuple(total / seen * column for total, column in zip(written, columns, strict=True)),
    )


def most_influential(influence: Sequence[float], count: int) -> tuple[int, ...]:
    """0-based indices of the `count` layers with the most influence, in the model's order; among equals the earlier."""
    ranked = sorted(range(len(influence)), key=lambda index: (-influence[index], index))
    return tuple(sorted(ranked[:count]))
