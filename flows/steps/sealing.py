"""Seals a step's files into the store and opens them again, verified.

An entry is a folder with `out/` (the step's files and its record as `result.json`) and `manifest.json` beside it, which
is written last: an entry without one was never finished. Opening checks every file's SHA-256.
"""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from engine import strict_json
from engine.digests import combined_digest, folder_files
from tasks.artifact import Artifact, Record
from tasks.step import R, Step
from tasks.whole_files import publish, write_whole

RESULT: Final = "result.json"
MANIFEST: Final = "manifest.json"


class Manifest(Record):
    """What was sealed: `files` (SHA-256 by name), the parts of the key, how long it took, when (ISO 8601, UTC), `remarks`."""

    step: str
    key: str
    parts: dict[str, Any]
    files: dict[str, str]
    seconds: float
    created: str
    remarks: tuple[str, ...] = ()


class DamagedEntryError(Exception):
    """A stored result whose bytes are gone or altered; the message says which."""


def seal(
    out: Path,
    entry: Path,
    step: Step[R],
    result: R,
    *,
    key: str,
    parts: dict[str, Any],
    seconds: float,
    remarks: Sequence[str] = (),
) -> Manifest:
    """Moves the finished folder `out` into the store as `entry`; the manifest, written last, makes it valid.

    Raises TypeError for a result of another type, and ValueError where the record does not survive being stored.
    """
    _write_result(out, step, result)
    files = folder_files(out)
    manifest = Manifest(
        step=step.name,
        key=key,
        parts=parts,
        files=files,
        seconds=round(seconds, 3),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        remarks=tuple(remarks),
    )
    discard(entry)
    entry.mkdir(parents=True)
    # The files are on the disk before the manifest is, so that a power cut cannot leave it without them.
    publish(out, entry / "out")
    write_whole(entry / MANIFEST, manifest.model_dump_json(indent=1))
    return manifest


def open_sealed(entry: Path, step: Step[R], key: str) -> tuple[Artifact[R], Manifest] | None:
    """The stored result, every byte verified; None where there is no finished one.

    Raises DamagedEntryError where there is one, but not as it was sealed.
    """
    try:
        text = (entry / MANIFEST).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedEntryError(f"{MANIFEST} cannot be read") from error
    out = entry / "out"
    try:
        manifest = Manifest.model_validate_json(text)
        files = folder_files(out)
        if files != manifest.files or (manifest.step, manifest.key) != (step.name, key):
            raise DamagedEntryError(_difference(files, manifest.files))
        result = step.result.model_validate_json((out / RESULT).read_bytes())
    except (ValidationError, OSError) as error:
        raise DamagedEntryError("its manifest or record cannot be read") from error
    return Artifact(step=step.name, folder=out, digest=combined_digest(files), result=result), manifest


def discard(entry: Path) -> None:
    """Removes an entry; its manifest first, so that what a kill leaves is not taken for a result."""
    (entry / MANIFEST).unlink(missing_ok=True)
    if entry.exists():
        shutil.rmtree(entry)


def _write_result(out: Path, step: Step[R], result: R) -> None:
    if not isinstance(result, step.result):
        raise TypeError(f"the step {step.name} returned {type(result).__name__}, not {step.result.__name__}")
    if (out / RESULT).exists():
        raise ValueError(f"the step {step.name} wrote {RESULT}, a name that is kept for its record")
    # A NaN goes into it as a string and comes out of it as a NaN: it must reach the gates, which fail on it.
    text = strict_json.dumps(result.as_json(), indent=1)
    if strict_json.dumps(step.result.model_validate_json(text).as_json(), indent=1) != text:
        raise ValueError(f"the record of the step {step.name} does not survive being stored")
    (out / RESULT).write_text(text, encoding="utf-8")


def _difference(found: dict[str, str], sealed: dict[str, str]) -> str:
    names = sorted(name for name in found.keys() | sealed.keys() if found.get(name) != sealed.get(name))
    if not names:
        return "its manifest belongs to another result"
    state = "missing" if names[0] not in found else "altered" if names[0] in sealed else "not part of it"
    return f"{names[0]} is {state}"
