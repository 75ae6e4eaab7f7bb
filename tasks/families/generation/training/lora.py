"""Low-rank adaptation by peft, put into a model's own layers and taken out again merged."""

from typing import TYPE_CHECKING

from tasks.errors import UserError
from tasks.families.generation.recipe_sections import LoraConfig

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def add_lora(model: "PreTrainedModel", config: LoraConfig) -> "PreTrainedModel":
    """The same model with low-rank updates as its only trainable weights; UserError where it has no room for their rank."""
    import peft

    limit = min(model.config.hidden_size, model.config.intermediate_size)
    if config.rank > limit:
        raise UserError(
            f"rank {config.rank} for matrices of {limit} rows; choose at most {limit}", field="fine_tune.lora.rank"
        )
    peft.get_peft_model(
        model,
        peft.LoraConfig(
            task_type=peft.TaskType.CAUSAL_LM,
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=0.0,
            target_modules="all-linear",
        ),
    )
    return model  # peft puts its layers into the model itself


def merge_lora(model: "PreTrainedModel") -> None:
    """Adds the updates to the weights, in place, and puts plain layers back."""
    from peft.tuners.lora import LoraLayer

    for name, layer in list(model.named_modules()):
        if isinstance(layer, LoraLayer):
            layer.merge()
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, layer.get_base_layer())
    for parameter in model.parameters():
        parameter.requires_grad_(True)
