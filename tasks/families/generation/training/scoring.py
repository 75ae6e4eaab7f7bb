"""How well a decoder predicts gold completions, in one forward pass of each row instead of token by token.

Greedy decoding gives the gold tokens exactly where each gold token is the likeliest one after those before it, so the share
of rows right here is a lower bound of exact match that costs a tenth of generating.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tasks.errors import UserError
from tasks.families.generation.records import CompletionScores
from tasks.families.generation.rows.examples import Example

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_TOKENS: Final = 8192


def score_completions(model: "PreTrainedModel", examples: Sequence[Example]) -> CompletionScores:
    """Scores over all examples; the model is left in evaluation mode.

    Raises ValueError where there is no example, UserError where the model's numbers are not finite.
    """
    import torch
    from torch.nn import functional

    from tasks.families.generation.rows.batches import batches_by_length, collate
    from tasks.families.generation.training.gradients import learned_logits

    if not examples:
        raise ValueError("no example to score")
    model.eval()
    surprise, tokens_right, tokens, rows_right = 0.0, 0, 0, 0
    with torch.inference_mode():
        for rows in batches_by_length(examples, _TOKENS):
            batch = collate([examples[row] for row in rows], model.config.pad_token_id or 0).to(model.device)
            logits = learned_logits(model, batch).float()
            right = torch.ones_like(batch.learned)
            right[batch.learned] = logits.argmax(-1) == batch.targets
            surprise += float(functional.cross_entropy(logits, batch.targets, reduction="sum"))
            tokens += len(batch.targets)
            tokens_right += int(right[batch.learned].sum())
            rows_right += int(right.all(1).sum())
    if not math.isfinite(surprise):
        raise UserError(
            "the model's log-probabilities of the gold completions are not finite", field="fine_tune.learning_rate"
        )
    return CompletionScores(
        rows=len(examples),
        exact_match=rows_right / len(examples),
        token_accuracy=tokens_right / tokens,
        perplexity=math.exp(min(surprise / tokens, 700.0)),
    )


def agreement(one: "PreTrainedModel", other: "PreTrainedModel", examples: Sequence[Example]) -> float:
    """Share of the completions' tokens, the gold ones before them given, that both models find likeliest.

    Raises ValueError where there is no example.
    """
    import torch

    from tasks.families.generation.rows.batches import batches_by_length, collate
    from tasks.families.generation.training.gradients import learned_logits

    if not examples:
        raise ValueError("no example to compare on")
    same, tokens = 0, 0
    with torch.inference_mode():
        for rows in batches_by_length(examples, _TOKENS):
            batch = collate([examples[row] for row in rows], one.config.pad_token_id or 0).to(one.device)
            alike = learned_logits(one, batch).argmax(-1) == learned_logits(other, batch).argmax(-1)
            same, tokens = same + int(alike.sum()), tokens + len(alike)
    return same / tokens
