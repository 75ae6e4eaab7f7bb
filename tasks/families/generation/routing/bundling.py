"""Assemble a generation bundle: decoders, tokenizer, router, phrases, certificates, golden set, and the manifest last."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from engine import strict_json
from engine.adaptive_model import AdaptiveModel
from engine.bundle import (
    CERTIFICATE_FILE,
    FORMAT,
    GOLDEN_FILE,
    TOKENIZER_FILE,
    Manifest,
    PathEntry,
    write_manifest,
)
from engine.digests import combined_digest, folder_files
from engine.generation import TASK
from engine.generation.decoder import Decoder
from engine.generation.golden import write_golden_rows
from engine.generation.graph_names import CONFIG_FILE, GRAPH_FILE, WEIGHTS_FILE
from engine.generation.model import DECODER, GenerationModel
from engine.generation.phrases import Phrases
from engine.generation.prompts import GenerationSettings
from engine.generation.router import GenerationRouter
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.target import Target
from tasks.records import Certificate

_BUILT_GRAPH: Final = "model.onnx"
_FILES: Final = (CONFIG_FILE, GRAPH_FILE, _BUILT_GRAPH, WEIGHTS_FILE)
"""Of a decoder. The builder's own graph is small, and with it onnxruntime-genai can run the very weights that serve."""


@dataclass(frozen=True)
class GenerationContents:
    """What a generation bundle is made of.

    `decoders`: folder of each path by its name, cheapest first; `tokenizer`: a `tokenizer.json`. `reference_digest`: the
    `decoder_digest` of the reference path. `recipe`: what the bundle keeps of its recipe; None keeps nothing.
    """

    decoders: Mapping[str, Path]
    tokenizer: Path
    settings: GenerationSettings
    router: GenerationRouter
    phrases: Phrases
    certificates: Sequence[Certificate]
    reference_digest: str
    recipe: BundledRecipe | None = None


@dataclass(frozen=True)
class GoldenPrompts:
    """Prompts of a golden set: `exact`, whose answers no other machine can give otherwise, and `unsure`, where too few are."""

    exact: tuple[str, ...]
    unsure: tuple[str, ...] = ()


def decoder_digest(folder: Path) -> str:
    """One SHA-256 of a decoder: over the files that a bundle has of it, whatever else lies in its folder."""
    return combined_digest({name: digest for name, digest in folder_files(folder).items() if name in _FILES})


def bundle_size_mb(decoders: Iterable[Path], tokenizer: Path) -> float:
    """What a bundle of these takes, but for its few kilobytes of JSON."""
    files = [tokenizer, *(decoder / file for decoder in decoders for file in _FILES)]
    return sum(file.stat().st_size for file in files) / 1e6


def write_generation_bundle(
    folder: Path, name: str, contents: GenerationContents, golden: GoldenPrompts, target: Target
) -> Manifest:
    """Write the bundle, answer the golden prompts with it, and load it as a server would."""
    folder.mkdir(parents=True)
    for path, decoder in contents.decoders.items():
        (folder / path).mkdir()
        for file in _FILES:
            shutil.copyfile(decoder / file, folder / path / file)
    shutil.copyfile(contents.tokenizer, folder / TOKENIZER_FILE)
    contents.settings.save(folder)
    contents.router.save(folder)
    contents.phrases.save(folder)
    strict_json.write(folder / CERTIFICATE_FILE, [entry.model_dump() for entry in contents.certificates])
    if contents.recipe is not None:
        contents.recipe.save(folder)
    manifest = _manifest(name, contents)
    write_manifest(folder, manifest)
    model = load_generation_bundle(folder, target, replay_golden=False)
    unsure = frozenset(golden.unsure)
    rows = [model.golden_row(prompt, exact=prompt not in unsure) for prompt in (*golden.exact, *golden.unsure)]
    write_golden_rows(folder / GOLDEN_FILE, rows)
    write_manifest(folder, manifest)
    load_generation_bundle(folder, target)
    return manifest


def load_generation_bundle(folder: Path, target: Target, *, replay_golden: bool = True) -> GenerationModel:
    """The bundle as the target's engine loads it."""
    model = AdaptiveModel.load(
        folder, threads=target.threads, execution_provider=target.execution_provider, replay_golden=replay_golden
    )
    if not isinstance(model, GenerationModel):
        raise TypeError(f"{folder} is no generation bundle")
    return model


def _manifest(name: str, contents: GenerationContents) -> Manifest:
    context = min(Decoder(decoder).context_length for decoder in contents.decoders.values())
    return Manifest(
        format=FORMAT,
        name=name,
        labels=(),
        out_of_scope_label=None,
        max_length=context,
        paths=tuple(PathEntry(name=path, kind=DECODER, file=path) for path in contents.decoders),
        runtime={"onnxruntime": onnxruntime.__version__, "numpy": np.__version__},
        reference_digest=contents.reference_digest,
        files={},
        task=TASK,
    )
