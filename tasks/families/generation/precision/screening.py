"""Settings of int4 screened on a sample of tune: cheap enough to try many, and only the promising ones go to the full trial.

A setting's own tokens need not be decoded: each is predicted from the gold ones before it, in one pass a row, which gives
perplexity, accuracy and sameness nearly as greedy answers would. A few rows are timed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.generation.phrases import Phrases
from tasks.data.rows import Row
from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.families.generation.decoders.building import decoder_size_mb
from tasks.families.generation.decoders.greedy import GreedyDecoder, on_all_cores
from tasks.families.generation.decoders.ways import both_ways, faster_way
from tasks.records import PairedTest, ScreenedFigures
from tasks.statistics.paired_test import harms_and_gains, paired_test_of_counts
from tasks.techniques import CLEARLY_FASTER, Limits
from tasks.timing.speed import AS_FAST
from tasks.timing.stopwatch import Budget, Stopwatch

SCREENED_ROWS: Final = 512
TIMED_ROWS: Final = 8
BLOCKS: Final = Budget(fewest=9, most=9)
"""Of which the median is taken: no more than four may be disturbed."""
SERVING: Final = "serving"
STATIC: Final = "static"
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Predicted:
    """Of the sample's gold completions: (rows,) whether all tokens are the likeliest, which these are, the perplexity."""

    right: Flags
    likeliest: Sequence[NDArray[np.int64]]
    perplexity: float

    @classmethod
    def by(cls, decoder: GreedyDecoder, rows: Sequence[Row]) -> "Predicted":
        """Row by row, so that no more than a row's distributions are held."""

        def of_row(row: Row) -> tuple[NDArray[np.int64], NDArray[np.float64], bool]:
            with decoder.predicted(row) as distributions:
                gold = np.array(decoder.example(row).completion[: len(distributions)], dtype=np.int64)
                likeliest = distributions.argmax(-1) if len(gold) else gold
                surprise = -distributions[np.arange(len(gold)), gold].astype(np.float64)
            return likeliest, surprise, bool(len(gold)) and bool((likeliest == gold).all())

        found = on_all_cores(of_row, rows)
        surprise = np.concatenate([each for _, each, _ in found])
        right = np.array([each for _, _, each in found], dtype=np.bool_)
        return cls(right, [each for each, _, _ in found], float(np.exp(surprise.mean())))

    def agreement(self, other: "Predicted") -> float:
        """Share of rows with the same likeliest tokens."""
        pairs = zip(self.likeliest, other.likeliest, strict=True)
        return float(np.mean([np.array_equal(own, theirs) for own, theirs in pairs]))


@dataclass(frozen=True)
class ScreenedSetting:
    """One setting as a search sees it. `gains`: over the parent, by what it may be used for; `to_beat`: what they must be."""

    figures: ScreenedFigures
    gains: Mapping[str, float]
    to_beat: Mapping[str, float]
    misses: Sequence[str]

    @property
    def time(self) -> float:
        """Over that of what it has to beat, where it does best."""
        return min(self.to_beat[use] / gain for use, gain in self.gains.items())

    @property
    def fast(self) -> bool:
        """Whether it beats it."""
        return self.time < 1

    @property
    def accurate(self) -> bool:
        """Whether all tune rows would be expected to show that it keeps the limits."""
        return not self.misses

    @property
    def perplexity(self) -> float:
        """On the sample."""
        return self.figures.perplexity

    @property
    def reason(self) -> str:
        """Why it cannot be taken; empty where it can."""
        slow = [] if self.fast else [f"no gain ({self._gains()})"]
        return "; ".join([*slow, *self.misses])

    def _gains(self) -> str:
        return ", ".join(f"{use} {gain:.2f}x, needs {self.to_beat[use]:.2f}x" for use, gain in self.gains.items())


@dataclass(frozen=True)
class Screening:
    """What the settings of one model share.

    `reference`: it in fp32, which accuracy is compared with; `parent`: what speed is, which may be the same. `uses`: what
    settings are wanted for: serving, in the faster of two ways, with drafts and without, or as the static model without.
    `tune_rows`: how many the full trial has.
    """

    reference: GreedyDecoder
    parent: GreedyDecoder
    rows: Sequence[Row]
    predicted: Predicted
    phrases: Phrases
    limits: Limits
    uses: Sequence[str]
    tune_rows: int
    open: Callable[[Path], GreedyDecoder]
    watch: Stopwatch

    @classmethod
    def of(
        cls,
        rows: Sequence[Row],
        reference: Path,
        parent: Path,
        *,
        phrases: Phrases,
        limits: Limits,
        uses: Sequence[str],
        open_decoder: Callable[[Path], GreedyDecoder],
        watch: Stopwatch,
    ) -> "Screening":
        """On a sample of the tune rows; `reference`, `parent`: folders."""
        sample = rows[:: -(-len(rows) // SCREENED_ROWS)]
        fp32 = open_decoder(reference)
        base = fp32 if parent == reference else open_decoder(parent)
        predicted = Predicted.by(fp32, sample)
        return cls(fp32, base, sample, predicted, phrases, limits, uses, len(rows), open_decoder, watch)

    def screen(self, folder: Path, to_beat: Mapping[str, float]) -> ScreenedSetting:
        """One setting; `to_beat`: by use, how many times faster than the parent it has to be."""
        decoder = self.open(folder)
        own = Predicted.by(decoder, self.rows)
        agreement = own.agreement(self.predicted)
        misses = self.limits.misses(
            self._test(own), perplexity=own.perplexity, parent_perplexity=self.predicted.perplexity, agreement=agreement
        )
        gains = self._gains(decoder, own.right & self.predicted.right)
        figures = ScreenedFigures(
            rows=len(self.rows),
            speedup=max(gains.values()),
            accuracy=float(own.right.mean()),
            parent_accuracy=float(self.predicted.right.mean()),
            perplexity=own.perplexity,
            parent_perplexity=self.predicted.perplexity,
            agreement=agreement,
            size_mb=decoder_size_mb(folder),
        )
        return ScreenedSetting(figures, gains, to_beat, misses)

    def to_beat(self, int8: ScreenedSetting | None) -> dict[str, float]:
        """The parent; or int8 where it is faster and keeps the limits, clearly: it answers more like fp32 than any int4."""
        known = int8.gains if int8 is not None and int8.accurate else {}
        return {use: max(1.0, known[use] * CLEARLY_FASTER if known.get(use, 0) > 1 else 1.0) for use in self.uses}

    def _test(self, own: Predicted) -> PairedTest:
        """What the exact test would find on all tune rows if they went as the sample does."""
        times = self.tune_rows / len(self.rows)
        harms, gains = (round(times * count) for count in harms_and_gains(self.predicted.right, own.right))
        return paired_test_of_counts(self.tune_rows, harms, gains, self.limits.budget, self.limits.confidence)

    def _gains(self, decoder: GreedyDecoder, alike: Flags) -> dict[str, float]:
        """How many times faster than the parent, on rows that both answer alike: there they have as much to write."""
        numbers = np.flatnonzero(alike) if alike.any() else np.arange(len(self.rows))
        chosen = numbers[:: -(-len(numbers) // TIMED_ROWS)]
        prompts = [decoder.prompt(self.rows[number].text) for number in chosen]
        runs = both_ways({"own": decoder, "parent": self.parent}, self.phrases)
        timed = self.watch.interleaved("the times of int4's settings", runs, prompts, BLOCKS)
        clock = timed.steady
        gains = {
            STATIC: float(np.median(timed.blocks("parent")[clock] / timed.blocks("own")[clock])),
            SERVING: float(np.median(faster_way(timed, "parent")[clock] / faster_way(timed, "own")[clock])),
        }
        return {use: gains[use] for use in self.uses}


def finalists(tried: Mapping[DecoderPrecision, ScreenedSetting]) -> list[DecoderPrecision]:
    """Of the settings that may go to the full trial the fastest, and the one that is surest, should that one fail.

    Of such that are as fast the first that was tried: noise does not exchange them.
    """
    able = [precision for precision, each in tried.items() if each.fast and each.accurate]
    least = min((tried[each].time for each in able), default=0.0)
    fastest = [each for each in able if tried[each].time <= least * AS_FAST][:1]
    return list(dict.fromkeys(fastest + sorted(able, key=lambda each: tried[each].perplexity)[:1]))
