"""A decoder opened for the offline steps: greedy answers to prompts, and how well it predicts gold completions."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from engine.generation.decoder import Decoder, LogProbabilities
from engine.generation.decoding import Decoded, Drafter, decode
from tasks.data.rows import Row
from tasks.generation.prompt_format import PromptFormat
from tasks.recipe.target import Target

TOKENIZER_FILE = "tokenizer.json"
Ids = list[int]
T = TypeVar("T")
U = TypeVar("U")


class MakesDrafter(Protocol):
    """Makes what guesses an answer from the ids of its prompt."""

    def __call__(self, prompt: Sequence[int], /) -> Drafter: ...


@dataclass(frozen=True)
class GreedyDecoder:
    """`max_new_tokens`: of an answer at most; one that does not end by then is cut there, as it is when it serves."""

    decoder: Decoder
    tokenizer: Tokenizer
    layout: PromptFormat
    max_new_tokens: int

    @classmethod
    def open(cls, folder: Path, layout: PromptFormat, max_new_tokens: int, target: Target) -> Self:
        """The exported decoder of a folder, with the target's threads and execution provider."""
        decoder = Decoder(folder, threads=target.threads, execution_provider=target.execution_provider)
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(decoder, tokenizer, layout, max_new_tokens)

    def prompt(self, text: str) -> Ids:
        """The ids that the decoder is given for a prompt."""
        return list(self.tokenizer.encode(self.layout.text(text), add_special_tokens=False).ids)

    def text(self, answer: Decoded) -> str:
        """What an answer says."""
        return str(self.tokenizer.decode(answer.tokens, skip_special_tokens=True))

    def answer(self, prompt: Sequence[int], make_drafter: MakesDrafter | None = None) -> Decoded:
        """The greedy answer; an empty one to a prompt that leaves no room for any."""
        most = min(self.max_new_tokens, self.decoder.context_length - len(prompt))
        answer = Decoded()
        if most < 1:
            return answer
        drafter = make_drafter(prompt) if make_drafter is not None else None
        with self.decoder.state(len(prompt) + most) as state:
            for grown in decode(state, prompt, end_ids=self.decoder.end_ids, max_new_tokens=most, drafter=drafter):
                answer = grown
        return answer

    def answers(self, rows: Sequence[Row], make_drafter: MakesDrafter | None = None) -> list[Decoded]:
        """One answer per row, in order, on all cores."""
        return on_all_cores(lambda row: self.answer(self.prompt(row.text), make_drafter), rows)

    def predicted(self, row: Row) -> LogProbabilities:
        """(tokens, vocabulary) log-probabilities behind every token of the gold completion before it, its end included.

        Without rows where prompt and completion are longer than the context.
        """
        prompt, gold = self.prompt(row.text), self.gold(row)
        if len(prompt) + len(gold) - 1 > self.decoder.context_length:
            return np.zeros((0, 1), dtype=np.float32)
        with self.decoder.state(len(prompt) + len(gold)) as state:
            return state.read(prompt + gold[:-1], 0, len(gold)).copy()

    def gold(self, row: Row) -> Ids:
        """The ids of the gold completion and of the end."""
        ids = self.tokenizer.encode(row.label, add_special_tokens=False).ids
        return [*ids, min(self.decoder.end_ids)]

    def perplexity(self, rows: Sequence[Row]) -> float:
        """By token, over the gold completions of all rows that fit the context."""
        return float(np.exp(np.concatenate(on_all_cores(self._surprise, rows)).mean()))

    def _surprise(self, row: Row) -> NDArray[np.float64]:
        """(tokens,) negative log-probabilities of the gold completion and its end."""
        rows = self.predicted(row)
        return -rows[np.arange(len(rows)), self.gold(row)[: len(rows)]].astype(np.float64)


def on_all_cores(work: Callable[[T], U], items: Sequence[T]) -> list[U]:
    """`work` of every item, in order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, items))
