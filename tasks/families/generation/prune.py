"""Prunes the full model to fewer layers and neurons, then lets it recover by distillation from what it was.

Layers are chosen by block influence (Men et al., 2024, "ShortGPT"), which is how far each by itself turns the residual stream,
or by angular distance (Gromov et al., 2024, "The Unreasonable Ineffectiveness of the Deeper Layers"): the block of consecutive
ones goes that together turn it least. Neurons are chosen by how much they write into it: mean absolute activation times the
length of the output column (Sun et al., 2023).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tasks.artifact import Artifact, Workspace
from tasks.data.rows import read_rows
from tasks.errors import UserError
from tasks.families.generation.distil import trained_student
from tasks.families.generation.recipe_sections import GenerationPruneConfig
from tasks.families.generation.records import GenerationFineTuneResult, StudentResult
from tasks.families.generation.rows.examples import Example, to_examples
from tasks.finite import finite
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
    from tasks.families.generation.training.model_files import on_accelerator, open_model, open_tokenizer
    from tasks.families.generation.training.teacher_parts import keep_neurons, with_layers

    parent = on_accelerator(open_model(fine_tuned.folder))
    tokenizer = open_tokenizer(fine_tuned.folder)
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
    examples = to_examples(rows, tokenizer, fine_tuned.result.prompt_format)
    influence = measure_influence(parent, examples, block=max(0, layers - config.layers))
    if influence.blocks and config.depth == "angular_distance":
        kept = without_flattest_block(influence.blocks, layers)
    else:
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
    """`layers`: mean of 1 - cosine between a layer's input and output, by layer; `neurons`: by layer, (ffn width,).

    `blocks`: mean angle, as a share of half a turn, between the input of a layer and that of the layer so many behind it,
    by the layer where the block begins; empty where no block was asked for.
    """

    layers: tuple[float, ...]
    neurons: "tuple[Tensor, ...]"
    blocks: tuple[float, ...] = ()


def measure_influence(model: "PreTrainedModel", examples: Sequence[Example], block: int = 0) -> Influence:
    """Over all real tokens of the examples. `block`: how many consecutive layers would go.

    The angles are of all tokens, too, where Gromov et al. take the last of each text: here every token of a completion counts.
    """
    import math

    import torch
    from torch.nn import functional

    from tasks.families.generation.rows.batches import batches_by_length, collate

    layers = model.get_decoder().layers
    turned = [0.0] * len(layers)
    angles = [0.0] * (len(layers) - block + 1 if block else 0)
    begun: deque[Tensor] = deque(maxlen=max(1, block))  # what the last so many layers were given
    written = [torch.zeros(layer.mlp.down_proj.in_features) for layer in layers]
    seen = 0
    real: Tensor = torch.zeros(0)

    def on_layer(number: int) -> Any:
        def hook(_module: Any, inputs: tuple[Any, ...], output: Any) -> None:
            before, after = inputs[0][real], (output[0] if isinstance(output, tuple) else output)[real]
            turned[number] += float((1 - functional.cosine_similarity(before, after, dim=-1)).sum())
            begun.append(before)
            first = number + 1 - block
            if block and first >= 0:
                cosine = functional.cosine_similarity(begun[0], after, dim=-1)
                angles[first] += float(cosine.clamp(-1, 1).arccos().sum()) / math.pi

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
                begun.clear()
                model.get_decoder()(input_ids=batch.ids, use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    finite("influence of layers", np.array([*turned, *angles]))
    columns = [layer.mlp.down_proj.weight.detach().norm(dim=0).cpu() for layer in layers]
    return Influence(
        tuple(total / seen for total in turned),
        tuple(total / seen * column for total, column in zip(written, columns, strict=True)),
        tuple(total / seen for total in angles),
    )


def most_influential(influence: Sequence[float], count: int) -> tuple[int, ...]:
    """0-based indices of the `count` layers with the most influence, in the model's order; among equals the earlier."""
    ranked = sorted(range(len(influence)), key=lambda index: (-influence[index], index))
    return tuple(sorted(ranked[:count]))


def without_flattest_block(angles: Sequence[float], layers: int) -> tuple[int, ...]:
    """0-based indices of the layers that stay where the block with the least angle goes; among equals the earliest.

    `angles`: by the layer where a block begins; all blocks are as long as that allows.
    """
    block = layers + 1 - len(angles)
    first = min(range(len(angles)), key=lambda index: (angles[index], index))
    return tuple(index for index in range(layers) if not first <= index < first + block)
