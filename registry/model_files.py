"""The files of a logged model: their list with a SHA-256 each, and what must be as it was registered.

MLflow keeps no checksum of any artifact. The list is `SHA256SUMS` in the model's folder, in the format that `sha256sum
--check` reads; its own SHA-256, the version's tag `model_digest`, is the digest of everything that was logged.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from engine import strict_json
from engine.bundle import MANIFEST_FILE
from engine.digests import file_digest, first_difference, folder_digest, folder_files
from tasks.errors import UserError

FILE_LIST: Final = "SHA256SUMS"
BUNDLE_PATH: Final = "artifacts/bundle"
"""Where the bundle lies inside the logged model."""

_CACHE: Final = "__pycache__"
_DOWNLOAD_MARK: Final = "registered_model_meta"


def write_file_list(folder: Path) -> str:
    """List every file of the model in `SHA256SUMS`, and return the digest of the whole: the SHA-256 of that list."""
    listed = {name: digest for name, digest in folder_files(folder).items() if name != FILE_LIST}
    text = "".join(f"{listed[name]}  {name}\n" for name in sorted(listed))
    (folder / FILE_LIST).write_text(text, encoding="utf-8")
    return file_digest(folder / FILE_LIST)


def require_model(folder: Path, tags: Mapping[str, str], whose: str) -> None:
    """Raise UserError, naming the file, unless every byte of the logged model is the one that was registered.

    `tags` are the version's. By-products of loading (`is_by_product`) are not looked at.
    """
    missing = [key for key in ("model_digest", "bundle_digest", "manifest_sha256") if key not in tags]
    if missing:
        raise UserError(
            f"{whose} has no tag {', '.join(missing)}, so its bytes cannot be checked; run the recipe again"
        )
    if not folder.is_dir():
        raise UserError(f"the bytes of {whose} are gone; run the recipe again", file=folder)
    found = {name: digest for name, digest in folder_files(folder).items() if not is_by_product(name)}
    own = found.pop(FILE_LIST, None)
    if own != tags["model_digest"]:
        how = "missing" if own is None else "altered"
        raise UserError(f"{how}; it lists the files of {whose}", file=folder / FILE_LIST)
    if difference := first_difference(_read_file_list(folder / FILE_LIST), found):
        name, how = difference
        raise UserError(f"{how}; this is not what was registered as {whose}", file=folder / name)
    require_bundle(folder / BUNDLE_PATH, tags["bundle_digest"], whose, manifest_sha256=tags["manifest_sha256"])


def require_bundle(bundle: Path, digest: str, whose: str, *, manifest_sha256: str | None = None) -> None:
    """Raise UserError unless the bundle has this digest, naming the first file that is not as its manifest says."""
    found = folder_digest(bundle)
    if found == digest:
        return
    name, how = _altered_file(bundle, manifest_sha256)
    message = f"{how}; altered: the bundle of {whose} has digest {found[:12]}, not {digest[:12]}"
    raise UserError(message, file=bundle / name)


def is_by_product(name: str) -> bool:
    """Whether loading a model where it lies leaves a file of this name: compiled code, and MLflow's note of a download.

    Such files are no part of what was registered. Nothing in them may be trusted: remove them before loading.
    """
    parts = PurePosixPath(name).parts
    compiled = _CACHE in parts[:-1] and (parts[0] in (_CACHE, "code"))
    return compiled or name == _DOWNLOAD_MARK


def remove_by_products(folder: Path) -> None:
    """Remove from a copy of a model what loading it somewhere else has left, so that only registered bytes run."""
    (folder / _DOWNLOAD_MARK).unlink(missing_ok=True)
    for cache in [folder / _CACHE, *(folder / "code").rglob(_CACHE)]:
        if cache.is_dir():
            shutil.rmtree(cache)


def _altered_file(bundle: Path, manifest_sha256: str | None) -> tuple[str, str]:
    """Which file of a bundle of the wrong digest is to blame, and how; the manifest where it lists other bytes."""
    files = folder_files(bundle)
    own = files.pop(MANIFEST_FILE, None)
    if own is None:
        return MANIFEST_FILE, "missing"
    if manifest_sha256 not in (None, own):
        return MANIFEST_FILE, "not as registered"
    try:
        listed = strict_json.loads((bundle / MANIFEST_FILE).read_text(encoding="utf-8"))["files"]
    except (ValueError, KeyError, TypeError):
        return MANIFEST_FILE, "not a manifest"
    return first_difference(listed, files) or (MANIFEST_FILE, "not as registered")


def _read_file_list(file: Path) -> dict[str, str]:
    """The names and digests of a list whose own digest is right, so that its form is known."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
