"""Assemble a bundle: copy what serves, write router, certificates and golden set, and the manifest last."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from engine import strict_json
from engine.bundle import CERTIFICATE_FILE, FORMAT, GOLDEN_FILE, REFERENCE_FOLDER, Manifest, PathEntry, write_manifest
from engine.classification.router import Router
from engine.classification.router_files import save_router
from engine.tokenization import TextTokenizer
from tasks.bundles.loading import load_bundle
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.target import Target
from tasks.records import Certificate, SnapshotResult


@dataclass(frozen=True)
class Contents:
    """What a bundle is made of. `files`: where each comes from, by its name there; `reference`: that path's own rule.

    `recipe`: what the bundle keeps of its recipe; None keeps nothing.
    """

    entries: tuple[PathEntry, ...]
    files: Mapping[str, Path]
    router: Router
    reference: Router
    certificates: tuple[Certificate, ...]
    recipe: BundledRecipe | None


def make_manifest(
    name: str,
    data: SnapshotResult,
    tokenizer: TextTokenizer,
    entries: tuple[PathEntry, ...],
    reference_digest: str,
) -> Manifest:
    """The manifest of a bundle of this data that is asked as `tokenizer` has it; its files are still unlisted."""
    return Manifest(
        format=FORMAT,
        name=name,
        labels=data.labels,
        out_of_scope_label=data.out_of_scope_label,
        max_length=tokenizer.max_length,
        paths=entries,
        runtime={"onnxruntime": onnxruntime.__version__, "numpy": np.__version__},
        reference_digest=reference_digest,
        files={},
        vocabulary_size=tokenizer.embeddings,
    )


def write_bundle(folder: Path, contents: Contents, manifest: Manifest, golden: Sequence[str], target: Target) -> None:
    """Write the bundle, answer the golden texts with it, and load it as a server would."""
    folder.mkdir(parents=True)
    for file, source in contents.files.items():
        shutil.copyfile(source, folder / file)
    save_router(contents.router, folder)
    (folder / REFERENCE_FOLDER).mkdir()
    save_router(contents.reference, folder / REFERENCE_FOLDER)
    strict_json.write(folder / CERTIFICATE_FILE, [entry.model_dump() for entry in contents.certificates])
    if contents.recipe is not None:
        contents.recipe.save(folder)
    write_manifest(folder, manifest)
    model = load_bundle(folder, target, replay_golden=False)
    answers = [
        {"text": text, "operating_point": model.operating_point, "answer": asdict(answer)}
        for text, answer in zip(golden, model.predict(golden), strict=True)
    ]
    strict_json.write(folder / GOLDEN_FILE, answers)
    write_manifest(folder, manifest)
    load_bundle(folder, target)
