"""Distils the full model into a shallower or narrower student that predicts its token distributions (Hinton et al., 2015)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.artifact import Artifact, Workspace
from tasks.data.rows import read_rows
from tasks.errors import UserError
from tasks.families.generation.fine_tune import fitting, shape_of, training_record
from tasks.families.generation.prompt_format import PromptFormat
from tasks.families.generation.recipe_sections import DistilConfig, GenerationPruneConfig
from tasks.families.generation.records import GenerationFineTuneResult, StudentResult
from tasks.families.generation.rows.examples import to_examples
from tasks.records import SnapshotResult

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from tasks.families.generation.rows.batches import Batch
    from tasks.families.generation.training.gradients import Loss


def distil(
    snapshot: Artifact[SnapshotResult],
    fine_tuned: Artifact[GenerationFineTuneResult],
    *,
    config: DistilConfig,
    seed: int,
    workspace: Workspace,
) -> StudentResult:
    """Make the student, train it on the teacher's distributions over the train rows, score both on tune, and save it.

    Raises UserError where the student would not be smaller than its teacher.
    """
    from tasks.families.generation.training.model_files import on_accelerator, open_model, open_tokenizer

    teacher = on_accelerator(open_model(fine_tuned.folder))
    tokenizer = open_tokenizer(fine_tuned.folder)
    student, kept = make_student(teacher, tokenizer, config, seed)
    return trained_student(
        snapshot,
        teacher,
        student,
        tokenizer,
        fine_tuned.result.prompt_format,
        config=config,
        seed=seed,
        workspace=workspace,
        layers_kept=kept,
    )


def trained_student(
    snapshot: Artifact[SnapshotResult],
    teacher: "PreTrainedModel",
    student: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerFast",
    layout: PromptFormat,
    *,
    config: DistilConfig | GenerationPruneConfig,
    seed: int,
    workspace: Workspace,
    layers_kept: Sequence[int],
    influence: Sequence[float] = (),
) -> StudentResult:
    """Train a student that is there already, score it and its teacher on tune, and save it.

    `layout`: the teacher's prompt format; `layers_kept`: 0-based.
    """
    from tasks.families.generation.training.model_files import context_of, write_model
    from tasks.families.generation.training.scoring import agreement, score_completions
    from tasks.families.generation.training.training import train

    pruned = isinstance(config, GenerationPruneConfig)
    section = "prune" if pruned else "distil"
    examples, left_out = fitting(
        to_examples(read_rows(snapshot, "train"), tokenizer, layout),
        config.max_length,
        context_of(teacher),
        field=f"{section}.max_length",
    )
    tune = to_examples(read_rows(snapshot, "tune"), tokenizer, layout)
    history = train(
        student,
        examples,
        config=config,
        seed=seed,
        workspace=workspace,
        loss=distillation_loss(teacher, temperature=config.temperature, gold_weight=config.gold_weight),
        phase="recovery, " if pruned else "student, ",
        section=section,
    )
    workspace.progress("scores on tune", None)
    write_model(workspace.out, student, tokenizer)
    return StudentResult(
        method="pruned" if pruned else "distilled",
        layers_kept=tuple(index + 1 for index in layers_kept),
        influence=tuple(influence),
        shape=shape_of(student),
        parent_shape=shape_of(teacher),
        training=training_record(history, rows=len(examples), left_out=left_out),
        prompt_format=layout,
        tune=score_completions(student, tune),
        parent_tune=score_completions(teacher, tune),
        agreement=agreement(student, teacher, tune),
    )


def distillation_loss(teacher: "PreTrainedModel", *, temperature: float, gold_weight: float) -> "Loss":
    """Kullback-Leibler divergence from the teacher's softened distribution at each learned position, and cross-entropy."""
    import torch
    from torch.nn import functional

    from tasks.families.generation.training.gradients import learned_logits
    from tasks.families.generation.training.training import completion_loss

    teacher.eval()

    def loss(logits: "Tensor", batch: "Batch") -> "Tensor":
        with torch.inference_mode():
            wanted = functional.log_softmax(learned_logits(teacher, batch) / temperature, dim=-1)
        divergence = functional.kl_div(
            functional.log_softmax(logits / temperature, dim=-1), wanted.clone(), reduction="batchmean", log_target=True
        )
        soft = (1 - gold_weight) * temperature**2 * divergence
        return soft + gold_weight * completion_loss(logits, batch) if gold_weight else soft

    return loss


def make_student(
    teacher: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast", config: DistilConfig, seed: int
) -> "tuple[PreTrainedModel, tuple[int, ...]]":
    """The untrained student, and the 0-based layers of the teacher that it starts from; none where it starts from nothing.

    Raises UserError where it would not be smaller than its teacher, or its width has no room for the teacher's heads.
    """
    from tasks.families.generation.training.initialise import new_llama, new_llama_config
    from tasks.families.generation.training.teacher_parts import evenly_spread, with_layers

    shape = teacher.config
    width = config.width or shape.hidden_size
    if config.layers >= shape.num_hidden_layers and width >= shape.hidden_size:
        raise UserError(
            f"a student of {config.layers} layers of width {width} is no smaller than the full model of "
            f"{shape.num_hidden_layers} of {shape.hidden_size}; give it fewer layers",
            field="distil.layers",
        )
    if width == shape.hidden_size:
        kept = evenly_spread(shape.num_hidden_layers, config.layers)
        return with_layers(teacher, kept), kept
    head = getattr(shape, "head_dim", None) or shape.hidden_size // shape.num_attention_heads
    if width % head or width < 2 * head:
        raise UserError(
            f"must be a multiple of the full model's head size, {head}, and at least {2 * head}, not {width}",
            field="distil.width",
        )
    new = new_llama_config(
        tokenizer,
        layers=config.layers,
        width=width,
        heads=width // head,
        ffn_width=max(16, 16 * round(width * shape.intermediate_size / shape.hidden_size / 16)),
        vocabulary=shape.vocab_size,  # with its padding, so that both have logits of one shape
        context=shape.max_position_embeddings,
    )
    student = new_llama(new, seed)
    student.to(teacher.device)  # type: ignore[arg-type]  # its wrapper hides what it takes
    return student, ()
