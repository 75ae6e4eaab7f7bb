"""An encoder with classification heads at several depths, trained jointly.

Each exit mean-pools the hidden states and classifies them linearly. Losses: cross-entropy at every head, and at the
early ones KL divergence from the last head's detached logits, with weights that grow with depth (self-distillation:
Zhang et al. 2019, "Be Your Own Teacher"; joint training of exits: Teerapittayanon et al. 2016, "BranchyNet").
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from engine import strict_json
from tasks.families.classification.encoder.architecture import layout_of, narrowed
from tasks.families.classification.encoder.shape import ENCODER_FILE, SHAPE_FILE, Shape, read_shape
from tasks.finite import require_finite_weights

WEIGHTS_FILE = "model.safetensors"


@dataclass
class Answers:
    """Per exit, from first to last: logits (rows, labels) and pooled embedding (rows, hidden)."""

    logits: list[Tensor]
    pooled: list[Tensor]


def mean_pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens that are not padding: (rows, tokens, hidden) → (rows, hidden)."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


class MultiExitClassifier(nn.Module):
    """An encoder with a linear head at every exit of `shape.exits`.

    While `exits_train_encoder` is False, the early heads learn from the encoder without moving it.
    """

    def __init__(self, encoder: Any, shape: Shape) -> None:
        """`encoder` has all layers of `shape.layers` already, in that order."""
        super().__init__()
        self.shape = shape
        self.layout = layout_of(encoder.config.model_type)
        self.encoder = encoder
        self.dropout = nn.Dropout(getattr(encoder.config, "hidden_dropout_prob", 0.1))
        self.heads = nn.ModuleList(nn.Linear(encoder.config.hidden_size, len(shape.labels)) for _ in shape.exits)
        self.exits_train_encoder = True

    @property
    def layers(self) -> nn.ModuleList:
        """The encoder's layers."""
        return self.layout.layers(self.encoder)

    def answers(self, input_ids: Tensor, attention_mask: Tensor) -> Answers:
        """All exits for (rows, tokens) ids and mask."""
        hidden = self.layout.embed(self.encoder, input_ids)
        logits: list[Tensor] = []
        pooled: list[Tensor] = []
        for depth, layer in enumerate(self.layers, start=1):
            hidden = self.layout.run_layer(layer, hidden, attention_mask)
            if depth in self.shape.exits:
                embedding = mean_pool(hidden, attention_mask)
                pooled.append(embedding)
                early = depth != self.shape.exits[-1]
                seen = embedding.detach() if early and not self.exits_train_encoder else embedding
                logits.append(self.heads[len(logits)](self.dropout(seen)))
        return Answers(logits, pooled)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Logits of all exits as (rows, exits, labels) and, with labels, the joint loss."""
        logits = self.answers(input_ids, attention_mask).logits
        output = {"logits": torch.stack(logits, dim=1)}
        if labels is not None:
            output = {"loss": self.joint_loss(logits, labels), **output}
        return output

    def joint_loss(self, logits: list[Tensor], labels: Tensor) -> Tensor:
        """Cross-entropy of the last head, plus that of each early head with KL from the last, weighted by depth."""
        final = logits[-1]
        loss = functional.cross_entropy(final, labels)
        teacher = functional.softmax(final.detach(), dim=-1)
        depth = self.shape.exits[-1]
        for exit_layer, early in zip(self.shape.exits[:-1], logits[:-1], strict=True):
            divergence = functional.kl_div(functional.log_softmax(early, dim=-1), teacher, reduction="batchmean")
            loss = loss + exit_layer / depth * (functional.cross_entropy(early, labels) + divergence)
        return loss


def save_model(model: MultiExitClassifier, folder: Path) -> None:
    """Weights as safetensors beside the encoder's config and the shape; UserError where they are not finite."""
    require_finite_weights("the trained model", model, field="fine_tune.learning_rate")
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in model.state_dict().items()}
    save_file(tensors, str(folder / WEIGHTS_FILE))
    (folder / ENCODER_FILE).write_text(model.encoder.config.to_json_string(use_diff=False), encoding="utf-8")
    strict_json.write(folder / SHAPE_FILE, asdict(model.shape))


def load_model(folder: Path) -> MultiExitClassifier:
    """A saved model in evaluation mode, with its pruned layers and widths."""
    from transformers import AutoConfig, AutoModel

    shape = read_shape(folder)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    encoder = AutoModel.from_config(config, attn_implementation="eager", **without_pooler(config.model_type))
    layout = layout_of(config.model_type)
    keep_layers(encoder, [layer - 1 for layer in shape.layers])
    for layer, width in zip(layout.layers(encoder), shape.ffn_widths, strict=True):
        feed_forward = layout.feed_forward(layer)
        if width != feed_forward.dense_in.out_features:
            feed_forward.replace(*narrowed(feed_forward.dense_in, feed_forward.dense_out, torch.arange(width)))
    model = MultiExitClassifier(encoder, shape)
    model.load_state_dict(load_file(str(folder / WEIGHTS_FILE)))
    return model.eval()


def without_pooler(model_type: str) -> dict[str, bool]:
    """Arguments that leave out the pooling layer, where the architecture has one."""
    return {"add_pooling_layer": False} if model_type in {"bert", "roberta", "xlm-roberta", "camembert"} else {}


def keep_layers(encoder: Any, kept: list[int]) -> None:
    """Drop all layers but those at the 0-based indices `kept`, in place."""
    layers = layout_of(encoder.config.model_type).layers(encoder)
    remaining = [layers[index] for index in kept]
    del layers[:]
    layers.extend(remaining)
