"""The two ways in which a decoder answers by itself: token by token, and with drafts from phrases of training rows.

What serves answers in the faster way, so decoders are compared in it; which one that is depends on model and machine.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.generation.decoding import Decoded
from engine.generation.drafting import PhraseDrafter
from engine.generation.phrases import Phrases
from tasks.generation.greedy import GreedyDecoder

DRAFT_TOKENS: Final = 8
Answering = Callable[[Sequence[int]], Decoded]
Floats = NDArray[np.float64]


def both_ways(decoders: Mapping[str, GreedyDecoder], phrases: Phrases) -> dict[str, Answering]:
    """To be timed: each decoder under its name without drafts, and under another one with them."""
    plain: dict[str, Answering] = {name: decoder.answer for name, decoder in decoders.items()}
    return plain | {drafted(name): with_drafts(decoder, phrases) for name, decoder in decoders.items()}


def with_drafts(decoder: GreedyDecoder, phrases: Phrases) -> Answering:
    """How a decoder answers a prompt with drafts."""
    return lambda prompt: decoder.answer(prompt, PhraseDrafter(phrases, prompt, DRAFT_TOKENS))


def faster_way(block_ms: Mapping[str, Floats], name: str) -> Floats:
    """(blocks,) of a decoder's two ways, whichever took less on the whole."""
    return min(block_ms[name], block_ms[drafted(name)], key=np.mean)


def drafted(name: str) -> str:
    """What a decoder is called as it answers with drafts."""
    return f"{name}, drafted"
