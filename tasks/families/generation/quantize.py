"""Choose what each decoder's weights are kept in: every precision earns its place on tune and on the target, or is dropped.

What that takes is said in tasks.techniques; the fastest that earns it serves, else fp32 (on a GPU fp16). Which settings of
int4 are tried is searched where the recipe names none. Decoders are timed as they answer by themselves, greedily, with drafts
from the phrases of training rows and without, and the faster way counts: weights of few bits gain most where tokens come one
by one, and may lose where many are read at a time. So the static model, which is the full one without drafts and what the
ladder's speed-up is counted from, is chosen by itself.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tasks.artifact import Artifact, Workspace
from tasks.data.completions import Correctness
from tasks.data.rows import read_rows
from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.families.generation.decoders.building import DecoderBuilder, Provider
from tasks.families.generation.decoders.greedy import GreedyDecoder
from tasks.families.generation.precision.candidates import Candidates, Found
from tasks.families.generation.precision.kinds import FP16, FP32, on_cuda
from tasks.families.generation.precision.screening import SERVING
from tasks.families.generation.precision.screening import STATIC as STATIC_USE
from tasks.families.generation.precision.trial import Judged, PrecisionTrial, best
from tasks.families.generation.recipe_sections import GenerationQuantizeConfig
from tasks.families.generation.records import DecoderExport, StudentChoice
from tasks.families.generation.roles import FULL, PHRASE_ROWS, REFERENCE, SMALL, STATIC, TrainedModel, settings_of
from tasks.families.generation.routing.phrases import phrases_of
from tasks.recipe.target import Target
from tasks.records import CompressionResult, SnapshotResult
from tasks.techniques import Limits
from tasks.timing.stopwatch import Stopwatch


def select_decoder(
    snapshot: Artifact[SnapshotResult],
    models: Mapping[str, TrainedModel],
    exports: Mapping[str, Artifact[DecoderExport]],
    *,
    students: Artifact[StudentChoice] | None = None,
    config: GenerationQuantizeConfig,
    confidence: float,
    correct: Correctness,
    max_new_tokens: int,
    target: Target,
    workspace: Workspace,
) -> CompressionResult:
    """Try the precisions on each trained model; `models`, `exports`: `full`, and `small` where there is one.

    `students`: how that one was chosen, whose techniques come first. Leaves the full model's fp32 decoder in `reference/`,
    and those that were chosen in `small/`, `full/` and `static/`, the latter two where they are another than one before them.
    """
    rows = read_rows(snapshot, "tune")
    settings = settings_of(models, correct, max_new_tokens)
    fp32 = {name: exports[name].folder / exports[name].result.folder for name in (SMALL, FULL) if name in models}
    limits = Limits(config.max_accuracy_loss, confidence, config.max_perplexity_increase, config.min_agreement)
    watch = Stopwatch.of(target, workspace.progress)
    workspace.progress("build the candidates", 0.0)
    parent = FP16 if on_cuda(target) and (config.candidates is None or FP16 in config.candidates) else FP32
    provider: Provider = "cuda" if on_cuda(target) else "cpu"
    with DecoderBuilder(workspace.scratch / "build", provider, workspace.remark) as builder:
        # What needs no candidate is done while the builder does its imports.
        reference = GreedyDecoder.open(fp32[FULL], settings, target)
        phrases = phrases_of(reference, read_rows(snapshot, "train")[:PHRASE_ROWS])
        # The full model's precisions are named by themselves: they are what its speed-ups are counted from.
        prefixes = {name: "" if name == FULL else f"{name} " for name in fp32}
        trials = {
            name: PrecisionTrial(prefix, rows, phrases, correct, settings, target, watch, parent)
            for name, prefix in prefixes.items()
        }
        references = {name: trials[name].answers_of(folder) for name, folder in fp32.items()}
        found = {
            name: Candidates(
                prefixes[name], models[name].folder, folder, workspace.scratch / "candidates" / name
            ).found(
                builder,
                rows,
                config=config,
                phrases=phrases,
                limits=limits,
                uses=(SERVING, STATIC_USE) if name == FULL else (SERVING,),
                settings=settings,
                target=target,
                watch=watch,
                progress=workspace.progress,
            )
            for name, folder in fp32.items()
        }
    judged = {}
    for number, name in enumerate(reversed(fp32)):
        tried = found[name].folders
        workspace.progress(
            f"{name}: {1 + len(tried)} precisions on {len(rows)} tune rows", 0.3 + 0.6 * number / len(fp32)
        )
        judged[name] = trials[name].judge_all(references[name], tried, limits, workspace)
    result = _chosen(fp32, found, judged, parent, workspace)
    every = [*(each for own in judged.values() for each in own.serving.values()), *judged[FULL].static.values()]
    choice = students.result if students else StudentChoice(chosen=None, techniques=())
    return result.model_copy(
        update={
            "techniques": (*choice.techniques, *result.techniques),
            "provisional": (*choice.provisional, *watch.doubts(every)),
        }
    )


def _chosen(
    fp32: Mapping[str, Path],
    found: Mapping[str, Found],
    judged: Mapping[str, Judged],
    parent: DecoderPrecision,
    workspace: Workspace,
) -> CompressionResult:
    """Copy what serves into the artifact, and say what was tried."""
    folders = {name: {FP32: folder, **found[name].folders} for name, folder in fp32.items()}
    chosen = {name: best(judged[name].serving, parent) for name in fp32}
    static = best(judged[FULL].static, parent)
    decoders = {name: folders[name][chosen[name]] for name in folders if name != FULL or chosen[name] != FP32}
    decoders[REFERENCE] = fp32[FULL]
    static_folder = REFERENCE if static == FP32 else FULL if static == chosen[FULL] else STATIC
    decoders.setdefault(static_folder, folders[FULL][static])
    for name, folder in decoders.items():
        shutil.copytree(folder, workspace.out / name)
    techniques = [technique for own in judged.values() for technique in own.serving.values()]
    if static != FP32:
        techniques.append(judged[FULL].static[static])
    return CompressionResult(
        model=" and ".join(folders),
        precision=" and ".join(dict.fromkeys(chosen[name].name for name in folders)),
        techniques=tuple(techniques),
        parity=tuple(check for own in judged.values() for check in own.parity),
        segments=tuple(name if name in decoders else REFERENCE for name in folders),
        parent_segments=(),
        static_monolith=static_folder,
        static_precision=FP32.name if static == FP32 else techniques[-1].name,
        reference_monolith=REFERENCE,
        screened=tuple(entry for name in reversed(folders) for entry in found[name].screened),
    )
