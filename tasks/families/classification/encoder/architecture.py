"""What differs between BERT-like architectures of transformers: how to embed, to run one layer, and where its FFN is."""

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from tasks.errors import UserError

MASKED: Final = -1.0e4
"""Added to masked attention scores: finite, so that int8 graphs stay finite."""


@dataclass(frozen=True)
class FeedForward:
    """The two dense modules of one layer's feed-forward network: hidden → width → hidden."""

    owner_in: nn.Module
    name_in: str
    owner_out: nn.Module
    name_out: str

    @property
    def dense_in(self) -> nn.Linear:
        """(width, hidden) weights."""
        return getattr(self.owner_in, self.name_in)

    @property
    def dense_out(self) -> nn.Linear:
        """(hidden, width) weights."""
        return getattr(self.owner_out, self.name_out)

    def replace(self, dense_in: nn.Linear, dense_out: nn.Linear) -> None:
        """Put narrower modules in place of both."""
        setattr(self.owner_in, self.name_in, dense_in)
        setattr(self.owner_out, self.name_out, dense_out)


class BertLayout:
    """BERT, RoBERTa, XLM-RoBERTa, CamemBERT, ELECTRA: `embeddings`, `encoder.layer[i]`."""

    fusion_type: Final = "bert"
    hidden_output: Final = 0  # the layer's further outputs are attention weights

    @staticmethod
    def embed(encoder: Any, input_ids: Tensor) -> Tensor:
        """(rows, tokens) ids → (rows, tokens, hidden)."""
        hidden = encoder.embeddings(input_ids=input_ids)
        return encoder.embeddings_project(hidden) if hasattr(encoder, "embeddings_project") else hidden

    @staticmethod
    def layers(encoder: Any) -> nn.ModuleList:
        """The encoder's layers, which may be shortened in place."""
        return encoder.encoder.layer

    @staticmethod
    def run_layer(layer: nn.Module, hidden: Tensor, mask: Tensor) -> Tensor:
        """One layer; `mask` (rows, tokens) is 1 for tokens and 0 for padding."""
        added = (1.0 - mask[:, None, None, :].to(hidden.dtype)) * MASKED
        return layer(hidden, added)[BertLayout.hidden_output]

    @staticmethod
    def feed_forward(layer: Any) -> FeedForward:
        """Where the layer keeps its feed-forward network."""
        return FeedForward(layer.intermediate, "dense", layer.output, "dense")


class DistilBertLayout:
    """DistilBERT: `embeddings`, `transformer.layer[i]`."""

    fusion_type: Final = "bert"
    hidden_output: Final = -1  # attention weights come first

    @staticmethod
    def embed(encoder: Any, input_ids: Tensor) -> Tensor:
        """(rows, tokens) ids → (rows, tokens, hidden)."""
        return encoder.embeddings(input_ids)

    @staticmethod
    def layers(encoder: Any) -> nn.ModuleList:
        """The encoder's layers, which may be shortened in place."""
        return encoder.transformer.layer

    @staticmethod
    def run_layer(layer: nn.Module, hidden: Tensor, mask: Tensor) -> Tensor:
        """One layer; `mask` (rows, tokens) is 1 for tokens and 0 for padding."""
        return layer(hidden, mask)[DistilBertLayout.hidden_output]

    @staticmethod
    def feed_forward(layer: Any) -> FeedForward:
        """Where the layer keeps its feed-forward network."""
        return FeedForward(layer.ffn, "lin1", layer.ffn, "lin2")


Layout = type[BertLayout] | type[DistilBertLayout]

_LAYOUTS: Final[dict[str, Layout]] = {
    "bert": BertLayout,
    "roberta": BertLayout,
    "xlm-roberta": BertLayout,
    "camembert": BertLayout,
    "electra": BertLayout,
    "distilbert": DistilBertLayout,
}


def layout_of(model_type: str) -> Layout:
    """The layout of a transformers `model_type`; UserError for one that is not supported."""
    if model_type not in _LAYOUTS:
        raise UserError(
            f"architecture {model_type!r} is not supported; use one of {', '.join(sorted(_LAYOUTS))}",
            field="base_model",
        )
    return _LAYOUTS[model_type]


def narrowed(dense_in: nn.Linear, dense_out: nn.Linear, kept: Tensor) -> tuple[nn.Linear, nn.Linear]:
    """Physically smaller copies of a feed-forward pair that keep only the neurons `kept` (1-D indices)."""
    with torch.no_grad():
        smaller_in = nn.Linear(dense_in.in_features, len(kept))
        smaller_in.weight.copy_(dense_in.weight[kept])
        smaller_in.bias.copy_(dense_in.bias[kept])
        smaller_out = nn.Linear(len(kept), dense_out.out_features)
        smaller_out.weight.copy_(dense_out.weight[:, kept])
        smaller_out.bias.copy_(dense_out.bias)
    return smaller_in, smaller_out
