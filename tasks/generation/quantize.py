"""Choose what each decoder's weights are kept in: every precision of the recipe earns its place on tune and on the target.

What that takes is said in tasks.techniques; the fastest that earns it serves, else fp32. Decoders are timed as they answer
by themselves, greedily, with drafts from the phrases of training rows and without, and the faster way counts: weights of few
bits gain most where tokens come one by one, and may lose where many are read at a time. So the static model, which is the
full one without drafts and what the ladder's speed-up is counted from, is chosen by itself.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from engine.generation.prompts import GenerationSettings
from tasks.artifact import Artifact, Workspace
from tasks.data.rows import read_rows
from tasks.generation.building import DecoderBuild, Provider, build_decoders
from tasks.generation.correctness import Correctness
from tasks.generation.greedy import GreedyDecoder
from tasks.generation.phrases import phrases_of
from tasks.generation.precision import FP32, DecoderPrecision
from tasks.generation.precision_trial import PrecisionTrial, best
from tasks.generation.records import DecoderExport, GenerationFineTuneResult, StudentResult
from tasks.recipe.target import Target
from tasks.recipe.text_generation import GenerationQuantizeConfig
from tasks.records import CompressionResult, SnapshotResult

FULL: Final = "full"
SMALL: Final = "small"
REFERENCE: Final = "reference"
"""The full model in fp32; also the name of its folder."""
STATIC: Final = "static"
"""Folder of the full model as it is fastest without drafts."""
TrainedModel = Artifact[GenerationFineTuneResult] | Artifact[StudentResult]
PHRASE_ROWS: Final = 4096


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
    schema: Mapping[str, object] | None = None,
) -> CompressionResult:
    """Try the precisions on each trained model; `models`, `exports`: `full`, and `small` where there is one.

    Leaves the full model's fp32 decoder in `reference/`, and those that were chosen in `small/`, `full/` and `static/`, the
    latter two where they are another than one before them.
    """
    rows = read_rows(snapshot, "tune")
    settings = settings_of(models, correct, max_new_tokens, schema)
    reference = exports[FULL].folder / exports[FULL].result.folder
    phrases = phrases_of(GreedyDecoder.open(reference, settings, target), read_rows(snapshot, "train")[:PHRASE_ROWS])
    names = [name for name in (SMALL, FULL) if name in models]
    workspace.progress("build the candidates", 0.0)
    built = _build(models, config.candidates, target, workspace)
    folders = {
        name: {FP32: exports[name].folder / exports[name].result.folder}
        | {precision: built[name, precision] for precision in config.candidates}
        for name in names
    }
    judged = {}
    for number, name in enumerate(reversed(names)):
        workspace.progress(
            f"{name}: {len(folders[name])} precisions on {len(rows)} tune rows", 0.1 + 0.8 * number / len(names)
        )
        # The full model's precisions are named by themselves: they are what its speed-ups are counted from.
        trial = PrecisionTrial("" if name == FULL else f"{name} ", rows, phrases, correct, settings, target)
        judged[name] = trial.judge_all(folders[name], config.max_accuracy_loss, confidence, workspace)
    chosen = {name: best(judged[name].serving) for name in names}
    static = best(judged[FULL].static)
    decoders = {name: folders[name][chosen[name]] for name in names if name != FULL or chosen[name] != FP32}
    decoders[REFERENCE] = reference
    static_folder = REFERENCE if static == FP32 else FULL if static == chosen[FULL] else STATIC
    decoders.setdefault(static_folder, folders[FULL][static])
    for name, folder in decoders.items():
        shutil.copytree(folder, workspace.out / name)
    techniques = [technique for own in judged.values() for technique in own.serving.values()]
    if static != FP32:
        techniques.append(judged[FULL].static[static])
    return CompressionResult(
        model=" and ".join(names),
        precision=" and ".join(dict.fromkeys(chosen[name].name for name in names)),
        techniques=tuple(techniques),
        parity=tuple(check for own in judged.values() for check in own.parity),
        segments=tuple(name if name in decoders else REFERENCE for name in names),
        parent_segments=(),
        static_monolith=static_folder,
        static_precision=FP32.name if static == FP32 else techniques[-1].name,
        reference_monolith=REFERENCE,
    )


def settings_of(
    models: Mapping[str, TrainedModel],
    correct: Correctness,
    max_new_tokens: int,
    schema: Mapping[str, object] | None = None,
) -> GenerationSettings:
    """How the models are asked: in the format that the full one was trained with, which is the small one's, too.

    `schema`: what valid answers keep to.
    """
    result = models[FULL].result
    assert isinstance(result, GenerationFineTuneResult)
    layout = result.prompt_format
    answers: Literal["text", "json"] = "json" if correct == "json" else "text"
    return GenerationSettings(layout.prefix, layout.suffix, max_new_tokens, answers, schema)


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
