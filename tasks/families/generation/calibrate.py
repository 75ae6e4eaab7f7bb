"""Calibrate the router of text generation on tune, certify it on certify, and assemble the bundle.

The reference path is the full model in fp32, decoded greedily token by token. Which ladder is certified is decided on tune
(routing.ladders), so certify stays fresh. Where nothing can be certified, or there are too few rows to try, the bundle ships
the reference path alone. On a GPU it runs beside the others, on the CPU: there a ladder with it in it is the last one that
is tried.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from engine.bundle import TOKENIZER_FILE, PathEntry
from engine.generation.model import DECODER
from engine.generation.prompts import GenerationSettings
from engine.generation.router import GenerationRouter, OperatingPoint, Step
from engine.operating_points import OperatingPoint as Thresholds
from tasks.artifact import Artifact, Workspace
from tasks.bundles.golden import FEWEST_GOLDEN_ROWS, GOLDEN_MARGIN, clear_rows
from tasks.bundles.place import BUNDLE_FOLDER
from tasks.certification.certify import Subject, first_certified, reference_certificate
from tasks.certification.chain import PathView, route
from tasks.certification.planning import Promise
from tasks.certification.result import router_result
from tasks.data.completions import Correctness
from tasks.data.rows import Row, read_rows
from tasks.families.generation.decoders.greedy import GreedyDecoder
from tasks.families.generation.roles import REFERENCE, SMALL, TrainedModel, settings_of
from tasks.families.generation.routing.bundling import (
    GenerationContents,
    GoldenPrompts,
    bundle_size_mb,
    decoder_digest,
    write_generation_bundle,
)
from tasks.families.generation.routing.costs import Costs, measure_costs
from tasks.families.generation.routing.drafts import Drafts, fastest_drafts
from tasks.families.generation.routing.ladders import EARLY_TOKENS, Ladder, TuneAnswers, candidates, certify_views
from tasks.families.generation.routing.phrases import phrases_of
from tasks.families.generation.routing.trial import Trial
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.schema import RouterConfig
from tasks.recipe.target import Target
from tasks.records import Certificate, CompressionResult, RouterResult, SnapshotResult, operating_point_name
from tasks.statistics.attempts import attempt_level
from tasks.timing.stopwatch import Stopwatch

CLEAR_LOG_PROBABILITY: Final = -0.4
"""Of every token of a golden answer: no other token can be likelier then, on whatever machine."""


@dataclass(frozen=True)
class Decided:
    """The ladder that ships, its certificates, and its operating points as thresholds of the chain's."""

    ladder: Ladder
    certificates: tuple[Certificate, ...]
    points: Mapping[str, Thresholds]
    default: str

    @property
    def point(self) -> Thresholds:
        """The one that serves."""
        return self.points[self.default]

    def router(self) -> GenerationRouter:
        """As the engine reads it."""
        points = {name: self._point(point) for name, point in self.points.items()}
        return GenerationRouter(self.ladder.rules, points, self.default)

    def _point(self, point: Thresholds) -> OperatingPoint:
        *early, last = self.ladder.paths
        abort = self.ladder.abort.least if self.ladder.abort else None
        stops = [float(threshold) if np.isfinite(threshold) else None for threshold in point.thresholds]
        steps = [Step(name, stop, abort) for name, stop in zip(early, stops, strict=True)]
        return OperatingPoint(point.name, point.epsilon, (*steps, Step(last)))


@dataclass(frozen=True)
class Calibration:
    """What was found out: the fastest drafts, tune as all paths answer it, costs, all ladders, cheapest prediction first.

    `decided` is None where nothing could be certified; `provisional`: as in Measurement.
    """

    drafts: Drafts
    answers: TuneAnswers
    costs: Costs
    ladders: Sequence[Ladder]
    decided: Decided | None
    provisional: tuple[str, ...]

    @property
    def trial(self) -> Trial:
        """The paths, drafted for as was fastest."""
        return self.drafts.trial

    @property
    def chosen(self) -> Ladder | None:
        """The ladder that was certified."""
        return self.decided.ladder if self.decided else None

    def write(
        self,
        folder: Path,
        name: str,
        decided: Decided,
        *,
        decoders: Mapping[str, Path],
        tokenizer: Path,
        reference_digest: str,
        target: Target,
        recipe: BundledRecipe | None,
    ) -> None:
        """Write the bundle of a ladder; `decoders`: folder of each path that it could have."""
        contents = GenerationContents(
            decoders={path: decoders[path] for path in decided.ladder.paths},
            tokenizer=tokenizer,
            settings=self.trial.settings,
            router=decided.router(),
            phrases=self.trial.phrases,
            certificates=decided.certificates,
            reference_digest=reference_digest,
            recipe=recipe,
        )
        write_generation_bundle(folder, name, contents, _golden(decided, self.answers), target)


def calibrate_generation(
    snapshot: Artifact[SnapshotResult],
    compression: Artifact[CompressionResult],
    models: Mapping[str, TrainedModel],
    *,
    name: str,
    recipe: BundledRecipe,
    correct: Correctness,
    max_new_tokens: int,
    target: Target,
    attempt: int,
    workspace: Workspace,
    schema: Mapping[str, object] | None = None,
) -> RouterResult:
    """Write `bundle/`; return what calibration found.

    `models`: as `select_decoder` had them. `attempt`: which attempt at a certificate on these certify rows it is since the last
    certified bundle, from 1; later ones get a smaller level. `recipe`: as for `calibrate_router`. `schema`: what valid answers
    keep to.
    """
    config, size_limit_mb = recipe.router, recipe.size_limit_mb
    tune, certify = read_rows(snapshot, "tune"), read_rows(snapshot, "certify")
    workspace.progress("phrases of the training rows", 0.0)
    settings = settings_of(models, correct, max_new_tokens, schema)
    trial = open_trial(compression, read_rows(snapshot, "train"), settings, correct, target)
    monolith = compression.result.static_monolith
    static = trial.paths.get(monolith) or GreedyDecoder.open(compression.folder / monolith, trial.settings, target)
    reference = compression.folder / compression.result.reference_monolith
    decoders = {path: compression.folder / path for path in trial.paths}
    tokenizer = reference / TOKENIZER_FILE

    def fits(ladder: Ladder) -> bool:
        own = [decoders[path] for path in ladder.paths]
        return size_limit_mb is None or bundle_size_mb(own, tokenizer) <= size_limit_mb

    found = calibrate_trial(
        trial,
        tune,
        certify,
        static=static,
        config=config,
        attempt=attempt,
        target=target,
        progress=workspace.progress,
        fits=fits,
    )
    decided = found.decided or _reference_alone(found.ladders, len(certify), config)
    workspace.progress("bundle", 0.9)
    bundle = workspace.out / BUNDLE_FOLDER
    found.write(
        bundle,
        name,
        decided,
        decoders=decoders,
        tokenizer=tokenizer,
        reference_digest=decoder_digest(reference),
        target=target,
        recipe=recipe,
    )
    return router_result(
        entries=[PathEntry(path, DECODER, path) for path in decided.ladder.paths],
        tune=decided.ladder.tune.views,
        costs=decided.ladder.costs,
        drafting=found.drafts.of(decided.ladder.paths),
        point=decided.point,
        certificates=decided.certificates,
        static_cost_ms=float(found.costs.static.mean()),
        candidates=[ladder.record(chosen=ladder is found.chosen) for ladder in found.ladders],
        bundle=bundle,
        attempt=attempt,
        reference_right=found.answers.reference_right,
        certify=certify,
        provisional=found.provisional,
    )


def calibrate_trial(
    trial: Trial,
    tune: Sequence[Row],
    certify: Sequence[Row],
    *,
    static: GreedyDecoder,
    config: RouterConfig,
    attempt: int,
    target: Target,
    progress: Callable[..., None],
    unlabelled: int = 0,
    fits: Callable[[Ladder], bool] = lambda _: True,
) -> Calibration:
    """From opened decoders to certified ladders: what calibration and recalibration have in common.

    `static`: the static model, timed beside the paths on `target`. `attempt`: as for `calibrate_generation`. `unlabelled`: how
    many certify rows were given the reference path's answer as their completion. `fits`: see Ladder. `progress(message,
    fraction)`: as a workspace's.
    """
    small = SMALL if SMALL in trial.paths else None
    progress("drafts by measured speed", 0.1)
    watch = Stopwatch.of(target, progress)
    drafts = fastest_drafts(trial, tune, watch, small=small)
    trial = drafts.trial
    progress(f"answers of all paths on {len(tune)} rows of tune", 0.2)
    answers = TuneAnswers.of(trial, tune)
    progress("costs on the target", 0.4)
    costs = measure_costs(trial, tune, watch, small=small, static=static, beginnings=EARLY_TOKENS)
    progress("chains of all ladders", 0.5)
    promise = Promise(config.max_accuracy_loss, attempt_level(1 - config.confidence, attempt), len(certify))
    wanted = _on_the_targets_device(trial)
    ladders = candidates(trial, answers, costs, promise, lambda ladder: fits(ladder) and wanted(ladder))
    progress(f"certificate on {len(certify)} rows", 0.6)
    decided = _decide(trial, ladders, certify, config, attempt, unlabelled)
    return Calibration(drafts, answers, costs, ladders, decided, watch.doubts())


def open_trial(
    compression: Artifact[CompressionResult],
    train: Sequence[Row],
    settings: GenerationSettings,
    correct: Correctness,
    target: Target,
) -> Trial:
    """The decoders that may serve, cheapest first, and the reference path."""
    names = dict.fromkeys((*compression.result.segments, REFERENCE))
    paths = {path: GreedyDecoder.open(compression.folder / path, settings, target) for path in names}
    return Trial.of(paths, phrases_of(paths[REFERENCE], train), correct)


def _on_the_targets_device(trial: Trial) -> Callable[[Ladder], bool]:
    """Whether all of a ladder runs where most of the paths do: on a GPU target, fp32 alone is left on the CPU."""
    devices = {name: path.decoder.session.get_providers()[0] for name, path in trial.paths.items()}
    others = {device for name, device in devices.items() if name != REFERENCE}
    if not others or devices[REFERENCE] in others:
        return lambda _: True
    return lambda ladder: REFERENCE not in ladder.paths


def _decide(
    trial: Trial,
    ladders: Sequence[Ladder],
    certify: Sequence[Row],
    config: RouterConfig,
    attempt: int,
    unlabelled: int,
) -> Decided | None:
    reference_right = trial.plain(REFERENCE, certify).right

    def subject_of(ladder: Ladder) -> Subject:
        return Subject(
            tune=ladder.tune,
            certify=certify_views(trial, ladder, certify),
            certify_right=reference_right,
            names=ladder.paths,
            otherwise_ms=ladder.otherwise_ms,
            unlabelled=unlabelled,
            attempt=attempt,
        )

    found = first_certified(
        ladders,
        subject_of,
        epsilons=config.operating_points,
        epsilon=config.max_accuracy_loss,
        confidence=config.confidence,
        delta=attempt_level(1 - config.confidence, attempt),
    )
    if found is None:
        return None
    ladder, certified = found
    return Decided(
        ladder,
        tuple(certificate for certificate, _ in certified.values()),
        {name: point for name, (_, point) in certified.items()},
        operating_point_name(config.max_accuracy_loss),
    )


def _reference_alone(ladders: Sequence[Ladder], certify_rows: int, config: RouterConfig) -> Decided:
    ladder = next(ladder for ladder in ladders if ladder.paths == (REFERENCE,))
    certificate = reference_certificate(
        certify_rows, config.max_accuracy_loss, config.confidence, REFERENCE, ladder.rules[0].cost_ms
    )
    return Decided(ladder, (certificate,), {REFERENCE: Thresholds(REFERENCE, 0.0, ())}, REFERENCE)


def _golden(decided: Decided, tune: TuneAnswers) -> GoldenPrompts:
    """Prompts whose route and whose answers' tokens are no near thing; where there are few, the surest of the others, too."""
    ladder, thresholds = decided.ladder, decided.point.thresholds
    stops = route(ladder.tune.views, thresholds).stops
    paths = [tune.alone[ladder.paths[0]], *(tune.behind[name] for name in ladder.paths[1:])]
    surest = np.array(
        [_least(paths[stop].decoded[row].log_probabilities) for row, stop in enumerate(stops)], dtype=np.float64
    )
    clear = surest > CLEAR_LOG_PROBABILITY
    if ladder.abort is not None:
        clear &= np.abs(tune.doubt(ladder.abort.tokens) - ladder.abort.least) > GOLDEN_MARGIN
    views = [PathView(view.score[clear], view.may_stop[clear], view.right[clear]) for view in ladder.tune.views]
    places = np.flatnonzero(clear)
    exact = [int(places[row]) for row in clear_rows(views, decided.point)]
    others = [
        row for row in np.argsort(-surest, kind="stable").tolist() if row not in exact and np.isfinite(surest[row])
    ]
    wanted = max(0, FEWEST_GOLDEN_ROWS - len(exact))
    prompts = [row.text for row in tune.rows]
    return GoldenPrompts(tuple(prompts[row] for row in exact), tuple(prompts[row] for row in others[:wanted]))


def _least(log_probabilities: Sequence[float]) -> float:
    """Of an answer's tokens; that of the impossible where there is no answer."""
    return min(log_probabilities, default=-np.inf)
