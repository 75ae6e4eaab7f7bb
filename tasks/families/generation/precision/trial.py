"""One model in every precision, on the tune rows and on the target: which is the fastest that keeps to its limits."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.generation.phrases import Phrases
from engine.generation.prompts import GenerationSettings
from tasks.artifact import Workspace
from tasks.data.completions import Correctness
from tasks.data.rows import Row
from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.families.generation.decoders.answers import Answers
from tasks.families.generation.decoders.building import decoder_size_mb
from tasks.families.generation.decoders.greedy import GreedyDecoder, on_all_cores
from tasks.families.generation.decoders.ways import both_ways, faster_way
from tasks.families.generation.precision.kinds import FP32
from tasks.recipe.target import Target
from tasks.records import GraphParity, Technique
from tasks.techniques import Limits, Measured, judge, preferred
from tasks.timing.speed import Blocks, Speed, compare_speed
from tasks.timing.stopwatch import Budget, Stopwatch, Timed

TIMED_ROWS: Final = 24
PARITY_ROWS: Final = 64
FEWEST_ALIKE: Final = 8
_STATIC: Final = "static-"  # begins the names of those without drafts


@dataclass(frozen=True)
class Tried:
    """One decoder and its greedy answers to the tune rows."""

    folder: Path
    decoder: GreedyDecoder
    answers: Answers


@dataclass(frozen=True)
class Judged:
    """The precisions of one model against its fp32: as they would serve, without drafts, and each one's parity."""

    serving: dict[DecoderPrecision, Technique]
    static: dict[DecoderPrecision, Technique]
    parity: list[GraphParity]


@dataclass(frozen=True)
class PrecisionTrial:
    """What all precisions of one model share; `prefix` begins their names. `parent`: what they have to be faster than.

    Accuracy is compared with fp32 whatever the parent; on a GPU, where fp32 cannot serve, fp16 is the parent.
    """

    prefix: str
    rows: Sequence[Row]
    phrases: Phrases
    correct: Correctness
    settings: GenerationSettings
    target: Target
    watch: Stopwatch
    parent: DecoderPrecision = FP32

    def judge_all(
        self, fp32: Tried, folders: Mapping[DecoderPrecision, Path], limits: Limits, workspace: Workspace
    ) -> Judged:
        """Every precision in `folders` against its parent: what it gained, and how far its log-probabilities are off."""
        tried = {FP32: fp32} | {precision: self.answers_of(folder) for precision, folder in folders.items()}
        answers = [own.answers for own in tried.values()]
        decoders = {precision: own.decoder for precision, own in tried.items()}
        timed = [tried[FP32].decoder.prompt(self.rows[number].text) for number in timed_rows(answers)]
        serving, static = self._speeds(decoders, timed)
        parity = {
            precision: self._parity(precision, own, tried[FP32])
            for precision, own in tried.items()
            if precision != FP32
        }
        perplexities = {precision: own.decoder.perplexity(self.rows) for precision, own in tried.items()}

        def judged(prefix: str, speeds: Mapping[DecoderPrecision, Speed]) -> dict[DecoderPrecision, Technique]:
            def measured(precision: DecoderPrecision) -> Measured:
                return Measured(
                    name=prefix + self._name(precision),
                    right=tried[precision].answers.right,
                    size_mb=decoder_size_mb(tried[precision].folder),
                    perplexity=perplexities[precision],
                )

            def against(parent: DecoderPrecision) -> Measured:
                size = measured(parent)
                name = self._name(parent) if parent == FP32 else size.name
                return replace(size, name=name, right=tried[FP32].answers.right, perplexity=perplexities[FP32])

            return {
                precision: judge(
                    prefix + self._name(precision),
                    measured(precision),
                    against(self._parent_of(precision)),
                    speeds[precision],
                    parity=check.max_abs_difference,
                    agreement=tried[precision].answers.agreement(tried[FP32].answers),
                    limits=limits,
                    must_be_faster=precision != self.parent,
                )
                for precision, check in parity.items()
            }

        return Judged(serving=judged("", serving), static=judged(_STATIC, static), parity=list(parity.values()))

    def _speeds(
        self, decoders: Mapping[DecoderPrecision, GreedyDecoder], prompts: Sequence[Sequence[int]]
    ) -> tuple[dict[DecoderPrecision, Speed], dict[DecoderPrecision, Speed]]:
        """Of every precision over its parent: as it would serve, in the faster of two ways, and without drafts."""

        def serving(timed: Timed, precision: DecoderPrecision) -> Blocks:
            return faster_way(timed, precision.name)

        def static(timed: Timed, precision: DecoderPrecision) -> Blocks:
            return timed.blocks(precision.name)

        def compared(timed: Timed, use: Callable[[Timed, DecoderPrecision], Blocks]) -> dict[DecoderPrecision, Speed]:
            return {
                precision: compare_speed(
                    use(timed, self._parent_of(precision)), use(timed, precision), disturbed=timed.disturbed
                )
                for precision in decoders
                if precision != FP32
            }

        def settled(timed: Timed) -> bool:
            return all(
                speed.answer is not None or precision == self.parent
                for use in (serving, static)
                for precision, speed in compared(timed, use).items()
            )

        runs = both_ways({precision.name: decoder for precision, decoder in decoders.items()}, self.phrases)
        timed = self.watch.interleaved(f"the times of {self.prefix}precisions", runs, prompts, Budget(), settled)
        return compared(timed, serving), compared(timed, static)

    def _parent_of(self, precision: DecoderPrecision) -> DecoderPrecision:
        return FP32 if precision == self.parent else self.parent

    def answers_of(self, folder: Path) -> Tried:
        """What a decoder answers to all rows, greedily."""
        decoder = GreedyDecoder.open(folder, self.settings, self.target)
        return Tried(folder, decoder, Answers.of(decoder, self.rows, decoder.answers(self.rows), self.correct))

    def _parity(self, precision: DecoderPrecision, own: Tried, fp32: Tried) -> GraphParity:
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


def timed_rows(answers: Collection[Answers]) -> NDArray[np.int64]:
    """Numbers of the rows that are timed: of those that all answer alike, so that all write as many tokens.

    Else the one that by chance runs on to the longest answer on one of few rows would be the slowest. Where they are alike
    on fewer than FEWEST_ALIKE rows, of all.
    """
    first, *others = (own.texts for own in answers)
    alike = [row for row, text in enumerate(first) if all(texts[row] == text for texts in others)]
    numbers = np.array(alike if len(alike) >= FEWEST_ALIKE else range(len(first)), dtype=np.int64)
    return numbers[:: max(1, len(numbers) // TIMED_ROWS)][:TIMED_ROWS]


def best(judged: Mapping[DecoderPrecision, Technique], parent: DecoderPrecision = FP32) -> DecoderPrecision:
    """The fastest that earned its place over the parent, else that; else fp32."""
    others = [precision for precision in judged if precision != parent]
    better = preferred([judged[precision] for precision in others])
    if better is not None:
        return next(precision for precision in others if judged[precision] is better)
    return parent if parent in judged and judged[parent].kept else FP32
