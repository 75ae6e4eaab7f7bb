"""A decoder opened for the offline steps: greedy answers to prompts, and how well it predicts gold completions."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from engine.bundle import TOKENIZER_FILE
from engine.errors import InputError
from engine.generation.decoder import Decoder
from engine.generation.decoding import Decoded, Drafter, decode
from engine.generation.prompts import GenerationSettings, PromptTokenizer
from engine.generation.state import LogProbabilities
from tasks.data.rows import Row
from tasks.families.generation.rows.examples import Example
from tasks.finite import finite
from tasks.machine.child_process import usable_cpus
from tasks.recipe.target import Target

UNANSWERABLE: Final[tuple[int, ...]] = ()
"""The ids of a prompt that the engine refuses."""
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class GreedyDecoder:
    """`settings`: how it is asked; an answer that does not end by `max_new_tokens` is cut there, as it is when it serves."""

    decoder: Decoder
    prompts: PromptTokenizer
    tokenizer: Tokenizer
    settings: GenerationSettings

    @classmethod
    def open(
        cls, folder: Path, settings: GenerationSettings, target: Target, tokenizer_folder: Path | None = None
    ) -> Self:
        """The exported decoder of a folder, with the target's threads and execution provider.

        `tokenizer_folder`: where `tokenizer.json` lies, if not in the decoder's own.
        """
        tokenizer_file = (tokenizer_folder or folder) / TOKENIZER_FILE
        prompts = PromptTokenizer(tokenizer_file, settings)
        decoder = Decoder(
            folder,
            threads=target.threads,
            execution_provider=target.execution_provider,
            prefix=prompts.prefix_ids,
        )
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(decoder, prompts, tokenizer, settings)

    def prompt(self, text: str) -> Sequence[int]:
        """The ids that the decoder is given for a prompt; UNANSWERABLE where it is refused or leaves no room to answer."""
        try:
            ids = self.prompts.encode(text, self.decoder.vocabulary_size)
        except InputError:
            return UNANSWERABLE
        return ids if len(ids) < self.decoder.context_length else UNANSWERABLE

    def text(self, answer: Decoded) -> str:
        """What an answer says."""
        return self.prompts.decode(answer.tokens)

    def most_tokens(self, prompt: Sequence[int]) -> int:
        """Of an answer to a prompt that can be asked."""
        return min(self.settings.max_new_tokens, self.decoder.context_length - len(prompt))

    def answer(self, prompt: Sequence[int], drafter: Drafter | None = None, tokens: int | None = None) -> Decoded:
        """The greedy answer; none at all to a prompt that is unanswerable.

        `tokens`: with how many log-probabilities the rest is not awaited; as many more as a pass brought are kept.
        """
        answer = Decoded()
        if not prompt:
            return answer
        most = self.most_tokens(prompt)
        with self.decoder.request(prompt, most) as (state, past):
            ends = self.decoder.end_ids
            for answer in decode(state, prompt, end_ids=ends, max_new_tokens=most, past=past, drafter=drafter):
                if tokens is not None and len(answer.log_probabilities) >= tokens:
                    break
        return answer

    def answers(
        self, rows: Sequence[Row], answering: "Callable[[Sequence[int]], Decoded] | None" = None
    ) -> list[Decoded]:
        """One answer for each row, on all cores; `answering`: from the ids of a prompt, None is token by token."""
        answer = answering or self.answer
        return on_all_cores(lambda row: answer(self.prompt(row.text)), rows)

    def example(self, row: Row) -> Example:
        """The ids of a row's prompt, and of its gold completion and the end."""
        gold = self.tokenizer.encode(row.label, add_special_tokens=False).ids
        return Example(list(self.prompt(row.text)), [*gold, min(self.decoder.end_ids)])

    @contextmanager
    def predicted(self, row: Row) -> Iterator[LogProbabilities]:
        """(tokens, vocabulary) log-probabilities behind every token of the gold completion before it, its end included.

        Without rows where prompt and completion are longer than the context. They are the decoder's own memory, which the
        next request writes over.
        """
        example = self.example(row)
        prompt, gold = example.prompt, example.completion
        if not prompt or len(example) - 1 > self.decoder.context_length:
            yield np.zeros((0, 1), dtype=np.float32)
            return
        with self.decoder.request(prompt, len(gold)) as (state, past):
            yield state.read([*prompt, *gold[:-1]][past:], past, len(gold))

    def perplexity(self, rows: Sequence[Row]) -> float:
        """By token, over the gold completions of all rows that fit the context."""
        surprise = np.concatenate(on_all_cores(self._surprise, rows))
        return float(np.exp(finite("log-probabilities of the gold completions", surprise).mean()))

    def _surprise(self, row: Row) -> NDArray[np.float64]:
        """(tokens,) negative log-probabilities of the gold completion and its end."""
        with self.predicted(row) as rows:
            return -rows[np.arange(len(rows)), self.example(row).completion[: len(rows)]].astype(np.float64)


def can_be_asked(paths: Iterable[GreedyDecoder], text: str) -> bool:
    """Whether a bundle of these paths answers a prompt at all."""
    return all(path.prompt(text) for path in paths)


def on_all_cores(work: Callable[[T], U], items: Sequence[T]) -> list[U]:
    """`work` of every item, in order."""
    with ThreadPoolExecutor(len(usable_cpus())) as pool:
        return list(pool.map(work, items))
