"""One model in every precision, on the tune rows and on the target: which is the fastest that loses no more than its budget."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.generation.drafting import PhraseDrafter
from engine.generation.phrases import Phrases
from engine.generation.prompts import GenerationSettings
from tasks.artifact import Workspace
from tasks.data.rows import Row
from tasks.generation.building import decoder_size_mb
from tasks.generation.correctness import Correctness, is_correct
from tasks.generation.greedy import GreedyDecoder, on_all_cores
from tasks.generation.precision import FP32, DecoderPrecision
from tasks.graphs.timing import interleaved_means
from tasks.recipe.target import Target
from tasks.records import GraphParity, Technique
from tasks.techniques import Measured, is_better, judge

TIMED_ROWS: Final = 24
TIMED_BLOCKS: Final = 7
PARITY_ROWS: Final = 64
DRAFT_TOKENS: Final = 8
_STATIC: Final = "static-"  # begins the names of those without drafts
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Tried:
    """One decoder on the tune rows: what it answers greedily, and whether that is right."""

    folder: Path
    decoder: GreedyDecoder
    texts: Sequence[str]
    right: NDArray[np.bool_]

    def agreement(self, other: "_Tried") -> float:
        """Share of rows with the same answer."""
        return float(np.mean([own == theirs for own, theirs in zip(self.texts, other.texts, strict=True)]))


@dataclass(frozen=True)
class Judged:
    """The precisions of one model against its fp32: as they would serve, without drafts, and each one's parity."""

    serving: dict[DecoderPrecision, Technique]
    static: dict[DecoderPrecision, Technique]
    parity: list[GraphParity]


@dataclass(frozen=True)
class PrecisionTrial:
    """What all precisions of one model share; `prefix` begins their names."""

    prefix: str
    rows: Sequence[Row]
    phrases: Phrases
    correct: Correctness
    settings: GenerationSettings
    target: Target

    def judge_all(
        self, folders: Mapping[DecoderPrecision, Path], budget: float, confidence: float, workspace: Workspace
    ) -> Judged:
        """Every precision but fp32 against fp32: what it gained, and how far its log-probabilities are off."""
        tried = {precision: self._try(folder) for precision, folder in folders.items()}
        step = max(1, len(self.rows) // TIMED_ROWS)
        timed = [tried[FP32].decoder.prompt(row.text) for row in self.rows[::step][:TIMED_ROWS]]
        runs: dict[str, Callable[[Sequence[int]], object]] = {
            precision.name: own.decoder.answer for precision, own in tried.items()
        }
        runs |= {_drafted(precision): self._with_drafts(own.decoder) for precision, own in tried.items()}
        means = interleaved_means(runs, timed, TIMED_BLOCKS, workspace.progress)
        parity = {
            precision: self._parity(precision, own, tried[FP32])
            for precision, own in tried.items()
            if precision != FP32
        }
        perplexities = {precision: own.decoder.perplexity(self.rows) for precision, own in tried.items()}

        def judged(prefix: str, block_ms: Callable[[DecoderPrecision], Floats]) -> dict[DecoderPrecision, Technique]:
            measured = {
                precision: Measured(
                    name=self._name(precision) if precision == FP32 else prefix + self._name(precision),
                    right=own.right,
                    block_ms=block_ms(precision),
                    size_mb=decoder_size_mb(own.folder),
                    perplexity=perplexities[precision],
                )
                for precision, own in tried.items()
            }
            return {
                precision: judge(
                    measured[precision].name,
                    measured[precision],
                    measured[FP32],
                    parity=check.max_abs_difference,
                    agreement=tried[precision].agreement(tried[FP32]),
                    budget=budget,
                    confidence=confidence,
                )
                for precision, check in parity.items()
            }

        return Judged(
            serving=judged("", lambda each: min(means[each.name], means[_drafted(each)], key=np.mean)),
            static=judged(_STATIC, lambda each: means[each.name]),
            parity=list(parity.values()),
        )

    def _with_drafts(self, decoder: GreedyDecoder) -> Callable[[Sequence[int]], object]:
        return lambda prompt: decoder.answer(prompt, PhraseDrafter(self.phrases, prompt, DRAFT_TOKENS))

    def _try(self, folder: Path) -> _Tried:
        decoder = GreedyDecoder.open(folder, self.settings, self.target)
        answers = on_all_cores(lambda row: decoder.answer(decoder.prompt(row.text)), self.rows)
        texts = [decoder.text(answer) for answer in answers]
        right = [is_correct(self.correct, row.label, text) for row, text in zip(self.rows, texts, strict=True)]
        return _Tried(folder, decoder, texts, np.array(right, dtype=np.bool_))

    def _parity(self, precision: DecoderPrecision, own: _Tried, fp32: _Tried) -> GraphParity:
        """Log-probabilities behind every token of gold completions, row by row: all rows' together may be gigabytes."""

        def compared(row: Row) -> tuple[float, int, int]:
            """The largest difference, how many tokens are the likeliest for both, and how many there are."""
            with own.decoder.predicted(row) as ours, fp32.decoder.predicted(row) as theirs:
                alike = int((ours.argmax(-1) == theirs.argmax(-1)).sum())
                return float(np.abs(ours - theirs).max(initial=0.0)), alike, len(ours)

        differences, alike, tokens = zip(*on_all_cores(compared, self.rows[:PARITY_ROWS]), strict=True)
        return GraphParity(
            graph=self._name(precision),
            parent=self._name(FP32),
            max_abs_difference=float(np.max(differences)),
            bound=None,
            agreement=sum(alike) / sum(tokens),
            rows=sum(tokens),
        )

    def _name(self, precision: DecoderPrecision) -> str:
        return f"{self.prefix}{precision.name}"


def best(judged: Mapping[DecoderPrecision, Technique]) -> DecoderPrecision:
    """The fastest that earned its place, else fp32."""
    chosen = FP32
    for precision, technique in judged.items():
        if technique.kept and (chosen == FP32 or is_better(technique, judged[chosen])):
            chosen = precision
    return chosen


def _drafted(precision: DecoderPrecision) -> str:
    return f"{precision.name}, drafted"
