"""Which drafter a path's rule asks for: phrases, the answer of the path before it, and that path's model anew."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from engine.generation.decoder import Decoder
from engine.generation.decoding import Decoded, Drafter
from engine.generation.drafting import AnswerDrafter, PhraseDrafter
from engine.generation.model_drafting import ModelDrafter
from engine.generation.phrases import Phrases
from engine.generation.router import PathRule


@contextmanager
def drafter_of(
    rule: PathRule,
    phrases: Phrases,
    prompt: Sequence[int],
    before: Decoded | None,
    smaller: Decoder | None,
    max_new_tokens: int,
) -> Iterator[Drafter | None]:
    """What guesses a path's answer to a prompt.

    `before`: what the path before it answered, or began to; `smaller`: that path's decoder, which may guess anew.
    """
    drafter = PhraseDrafter(phrases, prompt, rule.draft_tokens) if rule.draft_tokens else None
    if before is None or smaller is None or not rule.draft_answer:
        yield drafter
        return
    ids = [*before.tokens, min(smaller.end_ids)] if before.ended else before.tokens
    if not rule.redraft_tokens:
        yield AnswerDrafter(ids, drafter, before.log_probabilities)
        return
    with smaller.request(prompt, max_new_tokens) as (state, past):
        parted = ModelDrafter(state, past, prompt, rule.redraft_tokens, smaller.end_ids)
        yield AnswerDrafter(ids, drafter, before.log_probabilities, parted)
