"""The bundle: the folder of bytes that is measured, registered and served, and the manifest that binds them.

The manifest names every file with its SHA-256; one altered, missing or extra byte and the bundle does not load.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from engine import strict_json
from engine.digests import combined_digest, first_difference, folder_files
from engine.errors import BundleError

FORMAT: Final = 2
MANIFEST_FILE: Final = "manifest.json"
TOKENIZER_FILE: Final = "tokenizer.json"
GOLDEN_FILE: Final = "golden.json"
CERTIFICATE_FILE: Final = "certificate.json"
REFERENCE_FOLDER: Final = "reference"
"""The reference path's own out-of-scope rule, as a router of one path; its graph is not part of every bundle."""

_DIFFERENCES: Final = {
    "missing": "missing from the bundle; fetch the bundle again",
    "altered": "altered, its SHA-256 is not the manifest's; fetch the bundle again",
    "not listed": "not listed in the manifest; remove it or fetch the bundle again",
}


@dataclass(frozen=True)
class PathEntry:
    """One path of the ladder and its file, a decoder's folder; `batches`: whether rows may share a run of it without touching

    each other.
    """

    name: str
    kind: Literal["lexical", "encoder", "decoder"]
    file: str
    batches: bool = False


@dataclass(frozen=True)
class Manifest:
    """`files`: SHA-256 of every other file in the folder. `runtime`: versions the bundle was certified with.

    `reference_digest`: SHA-256 of the reference path's graph, against which the certificates hold. `task`: the task family;
    a manifest that names none is of the first. `answered_as`: the task whose runtime answers, where the family has no runtime
    of its own.
    """

    format: int
    name: str
    labels: tuple[str, ...]
    out_of_scope_label: str | None
    max_length: int
    paths: tuple[PathEntry, ...]
    runtime: Mapping[str, str]
    reference_digest: str
    files: Mapping[str, str]
    task: str = "text-classification"
    vocabulary_size: int | None = None
    answered_as: str | None = None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest last, when all other files are in place; `manifest.files` is filled in here."""
    files = {name: digest for name, digest in folder_files(folder).items() if name != MANIFEST_FILE}
    document = {**asdict(manifest), "files": files}
    if manifest.answered_as is None:
        del document["answered_as"]
    strict_json.write(folder / MANIFEST_FILE, document)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest; BundleError when the folder is no bundle or has another format."""
    file = folder / MANIFEST_FILE
    if not file.is_file():
        raise BundleError(f"{folder}: no {MANIFEST_FILE} here; this is not a bundle folder")
    try:
        document = strict_json.read(file)
        paths = tuple(PathEntry(**entry) for entry in document.pop("paths"))
        manifest = Manifest(**{**document, "paths": paths, "labels": tuple(document["labels"])})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{file}: not a bundle manifest ({error})") from error
    if manifest.format != FORMAT:
        raise BundleError(f"{file}: bundle format {manifest.format}, this engine reads {FORMAT}")
    return manifest


def verify(folder: Path, manifest: Manifest, *, manifest_sha256: str | None = None) -> str:
    """Compare every file with its digest and return the folder's digest.

    `manifest_sha256`: what the manifest's own SHA-256 must be, where it is known from elsewhere; nothing in the folder
    can guard it. BundleError names the first file that is missing, altered or not listed.
    """
    found = folder_files(folder)
    if manifest_sha256 not in (None, found[MANIFEST_FILE]):
        raise BundleError(f"{folder / MANIFEST_FILE}: altered, its SHA-256 is not the registered one; fetch it again")
    listed = {**manifest.files, MANIFEST_FILE: found[MANIFEST_FILE]}
    if difference := first_difference(listed, found):
        name, how = difference
        raise BundleError(f"{folder / name}: {_DIFFERENCES[how]}")
    return combined_digest(found)
