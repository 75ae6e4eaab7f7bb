"""Which precisions of a model go to the full trial: those that the recipe names, else the usual ones and what a search finds."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.generation.phrases import Phrases
from engine.generation.prompts import GenerationSettings
from tasks.data.rows import Row
from tasks.generation.building import DecoderBuild, DecoderBuilder
from tasks.generation.greedy import GreedyDecoder
from tasks.generation.precision import FP16, FP32, INT8, DecoderPrecision, on_cuda, tried_first
from tasks.generation.precision_screening import ScreenedSetting, Screening, finalists
from tasks.generation.precision_search import AXES, Matrices, search
from tasks.recipe.target import Target
from tasks.recipe.text_generation import GenerationQuantizeConfig
from tasks.records import Screened
from tasks.techniques import Limits


@dataclass(frozen=True)
class Found:
    """Folders of what goes to the full trial, fp32's among them, and everything that a search tried."""

    folders: dict[DecoderPrecision, Path]
    screened: tuple[Screened, ...] = ()


@dataclass(frozen=True)
class Candidates:
    """Of one model: `prefix` begins its precisions' names, `model` is its transformers folder, `fp32` its exported decoder.

    What is built lies in `scratch`.
    """

    prefix: str
    model: Path
    fp32: Path
    scratch: Path

    def found(
        self,
        builder: DecoderBuilder,
        rows: Sequence[Row],
        *,
        config: GenerationQuantizeConfig,
        phrases: Phrases,
        limits: Limits,
        uses: Sequence[str],
        settings: GenerationSettings,
        target: Target,
        progress: Callable[..., None],
    ) -> Found:
        """Build what is tried in any case, and search int4 where the recipe names no candidates; `rows`: tune."""
        shutil.rmtree(self.scratch, ignore_errors=True)  # of a build that was killed
        given = tried_first(target) if config.candidates is None else config.candidates
        folders = {FP32: self.fp32} | {precision: self._folder(precision) for precision in given}
        start = None
        matrices = Matrices.of(self.model)
        if config.candidates is None and config.search.builds:
            start = matrices.fast_end()
        builder.build([self._build(precision) for precision in given])
        if start is None:
            return Found(folders)
        progress(f"{self.prefix}int4: which settings", 0.1)
        screening = Screening.of(
            rows,
            self.fp32,
            folders[FP16 if on_cuda(target) else FP32],
            phrases=phrases,
            limits=limits,
            uses=uses,
            open_decoder=lambda folder: GreedyDecoder.open(folder, settings, target),
            progress=progress,
        )
        to_beat = screening.to_beat(screening.screen(folders[INT8], dict.fromkeys(uses, 1.0)))
        unbuilt: dict[DecoderPrecision, str] = {}

        def measure(precision: DecoderPrecision) -> ScreenedSetting | None:
            failed = builder.try_to_build([self._build(precision)])
            if failed:
                (unbuilt[precision],) = failed.values()
                return None
            return screening.screen(self._folder(precision), to_beat)

        # A GPU's kernels have no accuracy levels.
        axes = [axis for axis in AXES if axis != "accuracy_level" or not on_cuda(target)]
        tried = search(start, measure, builds=config.search.builds, axes=axes, possible=matrices.allow)
        taken = finalists(tried)
        for precision in tried.keys() - set(taken):
            shutil.rmtree(self._folder(precision))  # of a large model they would fill the disk
        parent = self.prefix + (FP16 if on_cuda(target) else FP32).name
        records = [self._record(precision, each, precision in taken, parent) for precision, each in tried.items()]
        records += [
            Screened(
                name=self.prefix + precision.name, parent=parent, taken=False, reason=f"not built: {why}", figures=None
            )
            for precision, why in unbuilt.items()
        ]
        return Found(folders | {precision: self._folder(precision) for precision in taken}, tuple(records))

    def _record(self, precision: DecoderPrecision, tried: ScreenedSetting, taken: bool, parent: str) -> Screened:
        reason = tried.reason or ("promising" if taken else "a better one keeps the limits, too")
        return Screened(
            name=self.prefix + precision.name, parent=parent, taken=taken, reason=reason, figures=tried.figures
        )

    def _build(self, precision: DecoderPrecision) -> DecoderBuild:
        return DecoderBuild(self.model, precision, self._folder(precision))

    def _folder(self, precision: DecoderPrecision) -> Path:
        return self.scratch / precision.name
