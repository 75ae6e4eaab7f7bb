"""A generation bundle opened for recalibration: its decoders, its phrases, and the reference path, as one trial.

Everything but the training rows is there that calibration had, so calibration itself runs again: drafts and costs on this
machine, stop score, early abort, chain and certificates. A row without a completion is given the reference path's answer,
as tasks.families.classification.opened_bundle says for classification.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.bundle import TOKENIZER_FILE, Manifest, read_manifest, verify
from engine.generation.phrases import Phrases
from engine.generation.prompts import GenerationSettings
from engine.generation.router import GenerationRouter
from tasks.bundles.opened import FreshRouter, check_reference, read_certificates, recipe_of, reference_alone
from tasks.data.completions import Correctness
from tasks.data.rows import UNLABELLED, Row
from tasks.families.generation.calibrate import calibrate_trial
from tasks.families.generation.decoders.greedy import GreedyDecoder, can_be_asked
from tasks.families.generation.roles import REFERENCE
from tasks.families.generation.routing.bundling import bundle_size_mb, decoder_digest
from tasks.families.generation.routing.ladders import Ladder
from tasks.families.generation.routing.trial import Trial
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.data import PromptDataConfig
from tasks.recipe.target import Target
from tasks.records import Certificate


@dataclass(frozen=True)
class OpenedGenerator:
    """Use `open`.

    `recipe`: what the bundle keeps of its own. `decoders`: folder of each path that a fresh router may have, the reference
    path last.
    """

    folder: Path
    manifest: Manifest
    router: GenerationRouter
    recipe: BundledRecipe
    certificates: tuple[Certificate, ...]
    target: Target
    decoders: dict[str, Path]
    trial: Trial

    @classmethod
    def open(cls, folder: Path, reference: Path, target: Target) -> "OpenedGenerator":
        """Verify the bundle; UserError where it has no other path, or where the folder is not its reference path."""
        manifest = read_manifest(folder)
        verify(folder, manifest)
        own = {entry.name: folder / entry.file for entry in manifest.paths if entry.name != REFERENCE}
        if not own:
            raise reference_alone(folder)
        check_reference(reference, decoder_digest(reference), manifest)
        settings, router = GenerationSettings.load(folder), GenerationRouter.load(folder)
        correct: Correctness = "json" if settings.answers == "json" else "exact"
        decoders = own | {REFERENCE: reference}
        paths = {name: GreedyDecoder.open(decoder, settings, target, folder) for name, decoder in decoders.items()}
        return cls(
            folder=folder,
            manifest=manifest,
            router=router,
            recipe=recipe_of(
                folder, router.point(None).epsilon, PromptDataConfig(train=("fresh rows",), correct=correct)
            ),
            certificates=read_certificates(folder),
            target=target,
            decoders=decoders,
            trial=Trial.of(paths, Phrases.load(folder), correct),
        )

    @property
    def promises(self) -> tuple[float, ...]:
        """That of the point that serves: with it the ladder is chosen, and it stays the one that serves."""
        return (self.recipe.router.max_accuracy_loss,)

    def rows_to_label(self, rows: Sequence[Row]) -> list[Row]:
        """The rows without a completion whose completion can matter: some path says something else than the reference path."""
        unlabelled = [row for row in rows if row.label == UNLABELLED]
        return [unlabelled[row] for row in self._disputed(self._completed(unlabelled))]

    def fresh_router(
        self, tune: Sequence[Row], certify: Sequence[Row], *, attempt: int, progress: Callable[[str], None]
    ) -> FreshRouter | None:
        """Of the bundle's paths and the reference path, whichever ladder of them is cheapest on these rows."""
        given = [*tune, *certify]
        completed = self._completed(given)
        assumed = [row for row, before in zip(completed, given, strict=True) if before.label == UNLABELLED]
        limit, tokenizer = self.recipe.size_limit_mb, self.folder / TOKENIZER_FILE

        def fits(ladder: Ladder) -> bool:
            own = [self.decoders[path] for path in ladder.paths]
            return limit is None or bundle_size_mb(own, tokenizer) <= limit

        found = calibrate_trial(
            self.trial,
            completed[: len(tune)],
            completed[len(tune) :],
            static=self.trial.paths[REFERENCE],
            config=self.recipe.router,
            attempt=attempt,
            target=self.target,
            progress=lambda message, _fraction=None: progress(message),
            unlabelled=sum(row.label == UNLABELLED for row in certify),
            fits=fits,
        )
        for doubt in found.provisional:
            progress(f"the costs of the paths are doubtful: {doubt}")
        decided = found.decided
        if decided is None:
            return None
        progress("bundle")

        def write(folder: Path) -> None:
            found.write(
                folder,
                self.manifest.name,
                decided,
                decoders=self.decoders,
                tokenizer=tokenizer,
                reference_digest=self.manifest.reference_digest,
                target=self.target,
                recipe=self.recipe,
            )

        return FreshRouter(
            paths=decided.ladder.paths,
            certificates=decided.certificates,
            operating_point=decided.default,
            rows_to_label=len(self._disputed(assumed)),
            write=write,
        )

    def _disputed(self, assumed: Sequence[Row]) -> list[int]:
        """Which of these rows, completed by the reference path, some other path answers otherwise.

        None of those that no bundle of these paths answers: a label would change nothing.
        """
        askable = [number for number, row in enumerate(assumed) if can_be_asked(self.trial.paths.values(), row.text)]
        asked = [assumed[number] for number in askable]
        differs = np.zeros(len(asked), dtype=bool)
        for name in self.trial.paths.keys() - {REFERENCE}:
            differs |= ~self.trial.answers(name, asked).right
        return [askable[number] for number in np.flatnonzero(differs).tolist()]

    def _completed(self, rows: Sequence[Row]) -> list[Row]:
        """The rows, those without a completion with what the reference path answers."""
        unlabelled = [row for row in rows if row.label == UNLABELLED]
        answers = iter(self.trial.plain(REFERENCE, unlabelled).texts)
        return [replace(row, label=next(answers)) if row.label == UNLABELLED else row for row in rows]
