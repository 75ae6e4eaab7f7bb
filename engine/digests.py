"""SHA-256 digests of files and folders: the identity of everything that is measured, registered and served."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

_BLOCK_BYTES: Final = 1 << 20


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def folder_files(folder: Path) -> dict[str, str]:
    """Digest of every file under `folder`, by its POSIX path relative to `folder`, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in files}


def combined_digest(files: Mapping[str, str]) -> str:
    """One SHA-256 for a set of files: over their sorted names and digests."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{files[name]}  {name}\n".encode())
    return digest.hexdigest()


def folder_digest(folder: Path) -> str:
    """One SHA-256 for all that lies under `folder`."""
    return combined_digest(folder_files(folder))


def first_difference(
    expected: Mapping[str, str], found: Mapping[str, str]
) -> tuple[str, Literal["missing", "altered", "not listed"]] | None:
    """The first file, by name, whose digest in `found` is not the one in `expected`, and how; None where all agree."""
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            return name, "missing"
        if name not in expected:
            return name, "not listed"
        if expected[name] != found[name]:
            return name, "altered"
    return None
