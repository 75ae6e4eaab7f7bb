"""What ladders are made of: the artifacts' files as named paths, opened, and the static model that they are measured against."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from engine.bundle import TOKENIZER_FILE, Manifest, PathEntry, write_manifest
from engine.classification.ladder import EncoderPath, LexicalPath
from engine.classification.ladder import Path as LadderPath
from engine.classification.lexical import LexicalModel
from engine.classification.static_model import StaticModel
from engine.session import open_session
from tasks.artifact import Artifact
from tasks.families.classification.encoder.shape import read_shape
from tasks.families.classification.files import FINE_TUNED, tokenizer_file
from tasks.families.classification.lexical import LEXICAL_FILE
from tasks.families.classification.records import ExportResult, LexicalResult
from tasks.graphs.quantizing import DYNAMIC
from tasks.recipe.target import Target
from tasks.records import CompressionResult


def segment_sets(
    compression: Artifact[CompressionResult], export: Artifact[ExportResult]
) -> list[tuple[str, Path, tuple[str, ...]]]:
    """The models whose segments may serve: name, the folder that has its shape, its files."""
    result = compression.result
    sets = [(result.model, compression.folder, result.segments)]
    if result.parent_segments:
        sets.append((FINE_TUNED, export.folder, result.parent_segments))
    return sets


def path_entries(
    shape_folder: Path, segments: Sequence[str], precision: str, lexical: Artifact[LexicalResult] | None
) -> tuple[PathEntry, ...]:
    """The manifest's entries of a ladder: the lexical path if there is one, then the segments by their exits' names.

    Rows may share a run unless int8 scales are taken from the activations at hand.
    """
    first = (PathEntry("lexical", "lexical", LEXICAL_FILE),) if lexical else ()
    pairs = zip(read_shape(shape_folder).exit_names, segments, strict=True)
    return (*first, *(PathEntry(name, "encoder", file, batches=precision != DYNAMIC) for name, file in pairs))


def path_file(
    entry: PathEntry, compression: Artifact[CompressionResult], lexical: Artifact[LexicalResult] | None
) -> Path:
    """Where the file of an entry lies."""
    holder = lexical.folder if entry.kind == "lexical" and lexical else compression.folder
    return holder / entry.file


def open_path(entry: PathEntry, file: Path, target: Target) -> LadderPath:
    """A path for one entry of the manifest, with the target's settings."""
    if entry.kind == "lexical":
        return LexicalPath(entry.name, LexicalModel.load(file))
    session = open_session(file, threads=target.threads, execution_provider=target.execution_provider)
    return EncoderPath(entry.name, session, batches=entry.batches)


def open_static_model(
    folder: Path,
    manifest: Manifest,
    export: Artifact[ExportResult],
    compression: Artifact[CompressionResult],
    target: Target,
) -> StaticModel:
    """The best single compressed model; `folder` becomes its stand-in for a bundle."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(tokenizer_file(export), folder / TOKENIZER_FILE)
    write_manifest(folder, manifest)
    graph = compression.folder / compression.result.static_monolith
    return StaticModel.load(graph, folder, threads=target.threads, execution_provider=target.execution_provider)
