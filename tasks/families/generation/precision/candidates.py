"""Which precisions of a model go to the full trial: those that the recipe names, else the usual ones and what a search finds."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.generation.phrases import Phrases
from engine.generation.prompts import GenerationSettings
from tasks.data.rows import Row
from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.families.generation.decoders.building import DecoderBuild, DecoderBuilder
from tasks.families.generation.decoders.greedy import GreedyDecoder
from tasks.families.generation.precision.kinds import FP16, FP32, INT8, on_cuda, tried_first
from tasks.families.generation.precision.screening import ScreenedSetting, Screening, finalists
from tasks.families.generation.precision.search import AXES, Axis, Matrices, search
from tasks.families.generation.recipe_sections import GenerationQuantizeConfig
from tasks.recipe.target import Target
from tasks.records import Screened
from tasks.techniques import Limits
from tasks.timing.stopwatch import Stopwatch


@dataclass(frozen=True)
class Found:
    """Folders of what goes to the full trial beside fp32, and everything that a search tried."""

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
        watch: Stopwatch,
        progress: Callable[..., None],
    ) -> Found:
        """Build what is tried in any case, and search int4 where the recipe names no candidates; `rows`: tune."""
        shutil.rmtree(self.scratch, ignore_errors=True)  # of a build that was killed
        given = tried_first(target) if config.candidates is None else config.candidates
        builder.build([self._build(precision) for precision in given])
        folders = {precision: self._folder(precision) for precision in given}
        if config.candidates is not None:
            return Found(folders)
        progress(f"{self.prefix}int4: which settings", 0.1)
        parent = FP16 if on_cuda(target) else FP32
        screening = Screening.of(
            rows,
            self.fp32,
            folders.get(parent, self.fp32),
            phrases=phrases,
            limits=limits,
            uses=uses,
            open_decoder=lambda folder: GreedyDecoder.open(folder, settings, target),
            watch=watch,
        )
        # A GPU's kernels have no accuracy levels.
        axes = [axis for axis in AXES if axis != "accuracy_level" or not on_cuda(target)]
        tried, unbuilt = self._searched(builder, screening, config.search.builds, axes)
        taken = finalists(tried)
        for precision in tried.keys() - set(taken):
            shutil.rmtree(self._folder(precision))  # of a large model they would fill the disk
        name = self.prefix + parent.name
        records = [self._record(precision, each, precision in taken, name) for precision, each in tried.items()]
        records += [self._unbuilt(precision, why, name) for precision, why in unbuilt.items()]
        return Found(folders | {precision: self._folder(precision) for precision in taken}, tuple(records))

    def _searched(
        self, builder: DecoderBuilder, screening: Screening, builds: int, axes: Sequence[Axis]
    ) -> tuple[dict[DecoderPrecision, ScreenedSetting], dict[DecoderPrecision, str]]:
        """What was tried, and of what could not be built, why not."""
        matrices = Matrices.of(self.model)
        start = matrices.fast_end()
        if start is None or not builds:
            return {}, {}
        to_beat = screening.to_beat(screening.screen(self._folder(INT8), dict.fromkeys(screening.uses, 1.0)))
        unbuilt: dict[DecoderPrecision, str] = {}

        def measure(precision: DecoderPrecision) -> ScreenedSetting | None:
            failed = builder.try_to_build([self._build(precision)])
            if failed:
                (unbuilt[precision],) = failed.values()
                return None
            return screening.screen(self._folder(precision), to_beat)

        return search(start, measure, builds=builds, axes=axes, possible=matrices.allow), unbuilt

    def _record(self, precision: DecoderPrecision, tried: ScreenedSetting, taken: bool, parent: str) -> Screened:
        reason = tried.reason or ("promising" if taken else "a better one keeps the limits, too")
        return Screened(
            name=self.prefix + precision.name, parent=parent, taken=taken, reason=reason, figures=tried.figures
        )

    def _unbuilt(self, precision: DecoderPrecision, why: str, parent: str) -> Screened:
        name = self.prefix + precision.name
        return Screened(name=name, parent=parent, taken=False, reason=f"not built: {why}", figures=None)

    def _build(self, precision: DecoderPrecision) -> DecoderBuild:
        return DecoderBuild(self.model, precision, self._folder(precision))

    def _folder(self, precision: DecoderPrecision) -> Path:
        return self.scratch / precision.name
