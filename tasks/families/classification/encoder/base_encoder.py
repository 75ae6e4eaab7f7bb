"""Opens a base model's encoder, and runs it before anything is trained: on the longest row, and against its own class."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoModel

from tasks.base_models.config import read_config, require_numbers
from tasks.base_models.embeddings import fit_embeddings
from tasks.base_models.longest_row import require_length
from tasks.base_models.pretrained import open_pretrained
from tasks.errors import UserError
from tasks.families.classification.encoder.architecture import layout_of
from tasks.families.classification.encoder.multi_exit import without_pooler

_TOLERANCE: Final = 1e-3
_SHORT: Final = 3


def open_encoder(folder: Path, tokenizer_file: Path, max_length: int, *, tell: Callable[[str], object]) -> Any:
    """The encoder of a base model, able to read rows of `max_length` tokens of this tokenizer.

    `tell` hears what was mended. UserError where it cannot be used.
    """
    encoder = open_pretrained(
        AutoModel,
        folder,
        tell=tell,
        attn_implementation="eager",
        **without_pooler(base_config(folder).model_type),
    )
    fit_embeddings(encoder, Tokenizer.from_file(str(tokenizer_file)), tell=tell)
    _check(encoder.eval(), max_length)
    return encoder


def base_config(folder: Path) -> Any:
    """Of a base model whose architecture is supported; UserError for any other."""
    config = read_config(folder)
    layout_of(config.model_type)
    require_numbers(config, folder)
    return config


def _check(encoder: Any, max_length: int) -> None:
    """The longest row is answered, alone and beside a short one, as the encoder's own class answers it."""
    layout = layout_of(encoder.config.model_type)

    def hidden(input_ids: Tensor, mask: Tensor) -> Tensor:
        state = layout.embed(encoder, input_ids)
        for layer in layout.layers(encoder):
            state = layout.run_layer(layer, state, mask)
        return state

    with torch.inference_mode():
        require_length(lambda tokens: hidden(*_rows(encoder, tokens, 1)), max_length, field="fine_tune.max_length")
        input_ids, mask = _rows(encoder, max_length, 2)
        own = hidden(input_ids, mask)
        theirs = encoder(input_ids=input_ids, attention_mask=mask).last_hidden_state
        short = min(_SHORT, max_length)
        alone = hidden(input_ids[1:, :short], mask[1:, :short])
    real = mask.bool()
    furthest = max(float((own - theirs)[real].abs().max()), float((own[1:, :short] - alone).abs().max()))
    if not furthest <= _TOLERANCE * max(1.0, float(theirs[real].abs().max())):
        raise UserError(
            f"this {encoder.config.model_type} does more than its architecture is supported for here: its own class answers "
            f"otherwise, by {furthest:.2g} (look for is_decoder, position_embedding_type and the like in config.json)",
            field="base_model",
        )


def _rows(encoder: Any, tokens: int, rows: int) -> tuple[Tensor, Tensor]:
    """(rows, tokens) ids, none of them the padding's, and mask; the second row is short."""
    padding = encoder.config.pad_token_id or 0
    size = encoder.get_input_embeddings().weight.shape[0]
    ids = torch.arange(rows * tokens).reshape(rows, tokens) % (size - 1)
    ids = ids + (ids >= padding)
    mask = torch.ones(rows, tokens, dtype=torch.long)
    if rows > 1:
        mask[1, _SHORT:] = 0
        ids[1, _SHORT:] = padding
    return ids, mask
