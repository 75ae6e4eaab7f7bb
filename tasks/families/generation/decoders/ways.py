"""The two ways in which a decoder answers by itself: token by token, and with drafts from phrases of training rows.

What serves answers in the faster way, so decoders are compared in it; which one that is depends on model and machine.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from engine.generation.decoding import Decoded
from engine.generation.drafting import PhraseDrafter
from engine.generation.phrases import Phrases
from tasks.families.generation.decoders.greedy import GreedyDecoder
from tasks.timing.speed import Blocks, faster_of
from tasks.timing.stopwatch import Timed

DRAFT_TOKENS: Final = 8
Answering = Callable[[Sequence[int]], Decoded]


def both_ways(decoders: Mapping[str, GreedyDecoder], phrases: Phrases) -> dict[str, Answering]:
    """To be timed: each decoder under its name without drafts, and under another one with them."""
    plain: dict[str, Answering] = {name: decoder.answer for name, decoder in decoders.items()}
    return plain | {drafted(name): with_drafts(decoder, phrases) for name, decoder in decoders.items()}


def with_drafts(decoder: GreedyDecoder, phrases: Phrases) -> Answering:
    """How a decoder answers a prompt with drafts."""
    return lambda prompt: decoder.answer(prompt, PhraseDrafter(phrases, prompt, DRAFT_TOKENS))


def faster_way(timed: Timed, name: str) -> Blocks:
    """(blocks,) of a decoder's two ways, in each block whichever took less."""
    return faster_of(timed.blocks(name), timed.blocks(drafted(name)))


def drafted(name: str) -> str:
    """What a decoder is called as it answers with drafts."""
    return f"{name}, drafted"
