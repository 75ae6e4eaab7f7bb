"""Brings a base model's embeddings up to its tokenizer: tokens that were added to the one get rows in the other."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tasks.errors import UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor
    from transformers import PreTrainedModel

_NAMED: Final = 5


def fit_embeddings(model: "PreTrainedModel", tokenizer: "Tokenizer", *, tell: Callable[[str], object]) -> None:
    """Gives every id of the tokenizer a row, in place; `tell` hears of it. More rows than ids are usual, and stay.

    A new row begins as the mean of those that are there, the head's likewise (Hewitt, 2021), and is trained as they are.
    UserError where the ids beyond are no added tokens: then the tokenizer is another model's.
    """
    import torch

    rows = len(_tables(model)[0])
    beyond = {number: token for token, number in tokenizer.get_vocab(with_added_tokens=True).items() if number >= rows}
    if not beyond:
        return
    names = [beyond[number] for number in sorted(beyond)]
    shown = ", ".join(map(repr, names[:_NAMED])) + (", …" if len(names) > _NAMED else "")
    added = tokenizer.get_added_tokens_decoder()
    if any(number not in added for number in beyond):
        raise UserError(
            f"the tokenizer has {len(beyond):,} tokens beyond the model's {rows:,} embeddings ({shown}), and not as added "
            "tokens: it is another model's",
            field="base_model",
        )
    model.resize_token_embeddings(max(beyond) + 1, mean_resizing=False)
    with torch.no_grad():
        for table in _tables(model):
            table[rows:] = table[:rows].mean(dim=0)
    tell(
        f"{len(beyond):,} tokens were added to the base model's tokenizer, but not to its {rows:,} embeddings ({shown}); they "
        "got embeddings that begin as the mean of the others"
    )


def _tables(model: "PreTrainedModel") -> "list[Tensor]":
    """The embeddings, and the head's weights where they are not the same."""
    from torch import nn

    modules = (model.get_input_embeddings(), model.get_output_embeddings())
    tables = {id(each.weight): each.weight for each in modules if isinstance(each, nn.Embedding | nn.Linear)}
    return list(tables.values())
