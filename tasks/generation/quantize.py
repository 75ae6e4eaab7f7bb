"""Choose what each decoder's weights are kept in: every precision of the recipe earns its place on tune and on the target.

What that takes is said in tasks.techniques; the fastest that earns it serves, else fp32. Decoders are timed as they answer
by themselves, greedily, with drafts from the phrases of training rows and without, and the faster way counts: weights of few
bits gain most where tokens come one by one, and may lose where many are read at a time.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.generation.drafting import PhraseDrafter
from engine.generation.phrases import Phrases
from engine.generation.prompts import GenerationSettings
from tasks.artifact import Artifact, Workspace
from tasks.data.rows import Row, read_rows
from tasks.generation.building import DecoderBuild, Provider, build_decoders, decoder_size_mb
from tasks.generation.correctness import Correctness, is_correct
from tasks.generation.greedy import GreedyDecoder, on_all_cores
from tasks.generation.phrases import phrases_of
from tasks.generation.precision import FP32, DecoderPrecision
from tasks.generation.records import DecoderExport, GenerationFineTuneResult, StudentResult
from tasks.graphs.parity import compare
from tasks.graphs.timing import interleaved_means
from tasks.recipe.target import Target
from tasks.recipe.text_generation import GenerationQuantizeConfig
from tasks.records import CompressionResult, GraphParity, SnapshotResult, Technique
from tasks.techniques import Measured, is_better, judge

FULL: Final = "full"
SMALL: Final = "small"
REFERENCE: Final = "reference"
"""The full model in fp32; also the name of its folder."""
TrainedModel = Artifact[GenerationFineTuneResult] | Artifact[StudentResult]
TIMED_ROWS: Final = 24
TIMED_BLOCKS: Final = 7
PARITY_ROWS: Final = 64
PHRASE_ROWS: Final = 4096
DRAFT_TOKENS: Final = 8


@dataclass(frozen=True)
class _Tried:
    """One decoder on the tune rows: what it answers greedily, and whether that is right."""

    folder: Path
    decoder: GreedyDecoder
    texts: Sequence[str]
    right: NDArray[np.bool_]


def select_decoder(
    snapshot: Artifact[SnapshotResult],
    models: Mapping[str, TrainedModel],
    exports: Mapping[str, Artifact[DecoderExport]],
    *,
    config: GenerationQuantizeConfig,
    confidence: float,
    correct: Correctness,
    max_new_tokens: int,
    target: Target,
    workspace: Workspace,
) -> CompressionResult:
    """Try the precisions on each trained model; `models`, `exports`: `full`, and `small` where there is one.

    Leaves the decoders that were chosen in `full/` and `small/`, and the full model's fp32 one in `reference/`.
    """
    rows = read_rows(snapshot, "tune")
    settings = settings_of(models, correct, max_new_tokens)
    reference = exports[FULL].folder / exports[FULL].result.folder
    phrases = phrases_of(GreedyDecoder.open(reference, settings, target), read_rows(snapshot, "train")[:PHRASE_ROWS])
    names = [name for name in (SMALL, FULL) if name in models]
    workspace.progress("build the candidates", 0.0)
    built = _build(models, config.candidates, target, workspace)
    techniques: list[Technique] = []
    parity: list[GraphParity] = []
    precisions = {}
    for number, name in enumerate(reversed(names)):
        trial = _Trial(name, rows, phrases, correct, settings, target)
        fp32 = exports[name].folder / exports[name].result.folder
        folders = {FP32: fp32} | {precision: built[name, precision] for precision in config.candidates}
        workspace.progress(
            f"{name}: {len(folders)} precisions on {len(rows)} tune rows", 0.1 + 0.8 * number / len(names)
        )
        tried, checks = trial.judge_all(folders, config.max_accuracy_loss, confidence, workspace)
        techniques += tried.values()
        parity += checks
        precisions[name] = _best(tried)
        shutil.copytree(folders[precisions[name]], workspace.out / name)
    shutil.copytree(reference, workspace.out / REFERENCE)
    return CompressionResult(
        model=" and ".join(names),
        precision=" and ".join(dict.fromkeys(precisions[name].name for name in names)),
        techniques=tuple(techniques),
        parity=tuple(parity),
        segments=tuple(names),
        parent_segments=(),
        static_monolith=REFERENCE if precisions[FULL] == FP32 else FULL,
        static_precision=precisions[FULL].name,
        reference_monolith=REFERENCE,
    )


def settings_of(models: Mapping[str, TrainedModel], correct: Correctness, max_new_tokens: int) -> GenerationSettings:
    """How the models are asked: in the format that the full one was trained with, which is the small one's, too."""
    result = models[FULL].result
    assert isinstance(result, GenerationFineTuneResult)
    layout = result.prompt_format
    return GenerationSettings(layout.prefix, layout.suffix, max_new_tokens, "json" if correct == "json" else "text")


def _build(
    models: Mapping[str, TrainedModel],
    candidates: Sequence[DecoderPrecision],
    target: Target,
    workspace: Workspace,
) -> dict[tuple[str, DecoderPrecision], Path]:
    """The folder of every candidate, in scratch."""
    built = {
        (name, precision): workspace.scratch / "candidates" / f"{name}-{precision.name}"
        for name in models
        for precision in candidates
    }
    shutil.rmtree(workspace.scratch / "candidates", ignore_errors=True)  # of a build that was killed
    provider: Provider = "cuda" if target.execution_provider == "CUDAExecutionProvider" else "cpu"
    builds = [DecoderBuild(models[name].folder, precision, out) for (name, precision), out in built.items()]
    if builds:
        build_decoders(builds, scratch=workspace.scratch / "build", provider=provider)
    return built


@dataclass(frozen=True)
class _Trial:
    """What all precisions of one model share."""

    model: str
    rows: Sequence[Row]
    phrases: Phrases
    correct: Correctness
    settings: GenerationSettings
    target: Target

    def judge_all(
        self, folders: Mapping[DecoderPrecision, Path], budget: float, confidence: float, workspace: Workspace
    ) -> tuple[dict[DecoderPrecision, Technique], list[GraphParity]]:
        """Every precision but fp32 against fp32: what it gained, and how far its log-probabilities are off."""
        tried = {precision: self._try(folder) for precision, folder in folders.items()}
        step = max(1, len(self.rows) // TIMED_ROWS)
        timed = [tried[FP32].decoder.prompt(row.text) for row in self.rows[::step][:TIMED_ROWS]]
        runs: dict[str, Callable[[Sequence[int]], object]] = {
            precision.name: own.decoder.answer for precision, own in tried.items()
        }
        runs |= {_drafted(precision): self._with_drafts(own.decoder) for precision, own in tried.items()}
        means = interleaved_means(runs, timed, TIMED_BLOCKS, workspace.progress)
        measured = {
            precision: Measured(
                name=self._name(precision),
                right=own.right,
                block_ms=min(means[precision.name], means[_drafted(precision)], key=np.mean),
                size_mb=decoder_size_mb(own.folder),
                perplexity=own.decoder.perplexity(self.rows),
            )
            for precision, own in tried.items()
        }
        techniques, parity = {}, []
        for precision in folders:
            if precision == FP32:
                continue
            check = self._parity(precision, tried[precision], tried[FP32])
            parity.append(check)
            same = [own == other for own, other in zip(tried[precision].texts, tried[FP32].texts, strict=True)]
            techniques[precision] = judge(
                self._name(precision),
                measured[precision],
                measured[FP32],
                parity=check.max_abs_difference,
                agreement=float(np.mean(same)),
                budget=budget,
                confidence=confidence,
            )
        return techniques, parity

    def _with_drafts(self, decoder: GreedyDecoder) -> Callable[[Sequence[int]], object]:
        return lambda prompt: decoder.answer(prompt, PhraseDrafter(self.phrases, prompt, DRAFT_TOKENS))

    def _try(self, folder: Path) -> _Tried:
        decoder = GreedyDecoder.open(folder, self.settings, self.target)
        answers = on_all_cores(lambda row: decoder.answer(decoder.prompt(row.text)), self.rows)
        texts = [decoder.text(answer) for answer in answers]
        right = [is_correct(self.correct, row.label, text) for row, text in zip(self.rows, texts, strict=True)]
        return _Tried(folder, decoder, texts, np.array(right, dtype=np.bool_))

    def _parity(self, precision: DecoderPrecision, own: _Tried, fp32: _Tried) -> GraphParity:
        """Log-probabilities behind every token of gold completions."""
        rows = self.rows[:PARITY_ROWS]
        pairs = zip(on_all_cores(own.decoder.predicted, rows), on_all_cores(fp32.decoder.predicted, rows), strict=True)
        kept = [(one, other) for one, other in pairs if len(one)]
        ours, theirs = (np.concatenate(side) for side in zip(*kept, strict=True))
        return compare(self._name(precision), self._name(FP32), ours, theirs)

    def _name(self, precision: DecoderPrecision) -> str:
        """The full model's by their precision alone: they are what its speed-ups are counted from."""
        return precision.name if self.model == FULL else f"{self.model} {precision.name}"


def _drafted(precision: DecoderPrecision) -> str:
    return f"{precision.name}, drafted"


def _best(tried: Mapping[DecoderPrecision, Technique]) -> DecoderPrecision:
    best, chosen = None, FP32
    for precision, technique in tried.items():
        if technique.kept and (best is None or is_better(technique, best)):
            best, chosen = technique, precision
    return chosen
