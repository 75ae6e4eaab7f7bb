"""Starts a small Llama with working induction heads, so that it can copy from its prompt before it has been trained.

An induction head finds the place in the prompt where the current token stood before and copies what followed (Olsson et
al., 2022). Small models need many steps until one forms by itself; here it is built. A constant feature of the embeddings
lets a head of the first layer look one token back through the rotary positions, and heads of the second layer match the
current token with what it wrote. All other layers start with a tenth of their usual effect, so as not to drown it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from transformers import LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaAttention

EMBEDDING_STD: Final = 0.04
_CONSTANT_SHARE: Final = 0.25  # of an embedding's energy lies in the constant feature
_SHARPNESS: Final = 10.0  # lead of the last token over its neighbours, in logits of the previous-token head
_MATCH: Final = 40.0  # logit of a token that is the same
_COPY: Final = 6.0  # size of a copied token against an embedding
_OTHERS: Final = 0.1
_HEAD_NOISE: Final = 0.002
_SLOW: Final = 0.02  # radians by token: a feature that turns faster cannot match over a whole prompt


@torch.no_grad()
def build_induction_heads(model: LlamaForCausalLM) -> None:
    """Overwrites the embeddings and the heads involved, in place.

    Raises ValueError where the model has fewer than two layers, or heads that are as wide as the model.
    """
    parts = _Parts.of(model)
    layers = model.model.layers
    for layer in layers:
        layer.self_attn.o_proj.weight.mul_(_OTHERS)
        layer.mlp.down_proj.weight.mul_(_OTHERS)
    _embed(model.model.embed_tokens.weight, parts)
    _look_back(layers[0].self_attn, parts)
    _match_and_copy(layers[1].self_attn, parts)


@dataclass(frozen=True)
class _Parts:
    """The features of the residual stream: one constant, as many for the previous token as a head is wide, the content."""

    width: int
    head: int
    groups: int  # key-value heads
    queries: int  # query heads that share a key-value head
    turns: Tensor  # (head / 2,) radians by token

    @classmethod
    def of(cls, model: LlamaForCausalLM) -> "_Parts":
        config = model.config
        head = config.head_dim or config.hidden_size // config.num_attention_heads
        if config.num_hidden_layers < 2 or head + 1 >= config.hidden_size:
            raise ValueError("induction heads need two layers and a model that is wider than a head")
        groups = config.num_key_value_heads
        turns = config.rope_theta ** -(torch.arange(head // 2) * 2 / head)
        return cls(config.hidden_size, head, groups, config.num_attention_heads // groups, turns)

    @property
    def previous(self) -> range:
        return range(1, 1 + self.head)

    @property
    def content(self) -> range:
        return range(1 + self.head, self.width)

    @property
    def variance(self) -> float:
        """Of a content feature behind the first norm."""
        return (1 - _CONSTANT_SHARE) * self.width / len(self.content)

    @property
    def later_variance(self) -> float:
        """Of a content feature behind the norms of the second layer, when the previous token is there, too."""
        return self.variance / (1 + (1 - _CONSTANT_SHARE) * self.head / len(self.content))


def _embed(embeddings: Tensor, parts: _Parts) -> None:
    embeddings.normal_(0, EMBEDDING_STD)
    embeddings[:, parts.previous] *= _OTHERS
    energy = len(parts.content) * EMBEDDING_STD**2
    embeddings[:, 0] = math.sqrt(_CONSTANT_SHARE / (1 - _CONSTANT_SHARE) * energy)


def _look_back(attention: LlamaAttention, parts: _Parts) -> None:
    """Head 0: query and key are the constant feature, the key turned by one position; the value goes to `previous`."""
    half, head = parts.head // 2, parts.head
    lead = float((1 - torch.cos(parts.turns)).sum())
    constant = _CONSTANT_SHARE * parts.width
    strength = math.sqrt(_SHARPNESS * math.sqrt(head) / lead / constant)
    queries, keys = attention.q_proj.weight[:head], attention.k_proj.weight[:head]
    queries.normal_(0, _HEAD_NOISE)
    keys.normal_(0, _HEAD_NOISE)
    queries[:half, 0] += strength
    keys[:half, 0] += strength * torch.cos(parts.turns)
    keys[half:, 0] += strength * torch.sin(parts.turns)
    size = EMBEDDING_STD / math.sqrt(parts.variance)
    _carry(attention, 0, 0, parts, parts.content[:head], parts.previous, size)


def _match_and_copy(attention: LlamaAttention, parts: _Parts) -> None:
    """The first query head of each key-value head: query the content, key `previous`, value another slice of the content."""
    head = parts.head
    slow = [int(pair) for pair in torch.nonzero(parts.turns <= _SLOW)] or list(range(head // 4, head // 2))
    slots = [slot for pair in slow for slot in (pair, pair + head // 2)]
    strength = math.sqrt(_MATCH * math.sqrt(head) / (len(slots) * parts.later_variance))
    size = _COPY * EMBEDDING_STD / math.sqrt(parts.later_variance)
    for group in range(parts.groups):
        query = group * parts.queries
        queries = attention.q_proj.weight[query * head : (query + 1) * head]
        keys = attention.k_proj.weight[group * head : (group + 1) * head]
        queries.normal_(0, _HEAD_NOISE)
        keys.normal_(0, _HEAD_NOISE)
        for place, slot in enumerate(slots):
            feature = (place + group * len(slots)) % head
            if feature < len(parts.content):
                queries[slot, parts.content[feature]] += strength
                keys[slot, parts.previous[feature]] += strength
        copied = parts.content[group * head : (group + 1) * head]
        _carry(attention, query, group, parts, copied, copied, size)


def _carry(
    attention: LlamaAttention,
    query: int,
    group: int,
    parts: _Parts,
    source: Sequence[int],
    goal: Sequence[int],
    size: float,
) -> None:
    """Makes a head carry features from `source` to `goal`, `size` times as large."""
    values = attention.v_proj.weight[group * parts.head : (group + 1) * parts.head]
    out = attention.o_proj.weight[:, query * parts.head : (query + 1) * parts.head]
    values *= _OTHERS
    out *= _OTHERS
    for place, (taken, given) in enumerate(zip(source, goal, strict=False)):
        values[place, taken] += 1
        out[given, place] += size
