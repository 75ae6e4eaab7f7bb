"""From what a person calls a model to the folder of its bundle.

MODEL is a bundle folder, `models:/NAME@ALIAS` or `models:/NAME/VERSION`. What does not exist is answered with what
does.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from registry.store import MlflowStore
from registry.versions import (
    RegisteredVersion,
    fetch_bundle,
    find_alias,
    find_version,
    latest_versions,
    model_names,
)
from tasks.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_REFERENCE: Final = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")
_FORMS: Final = "a bundle folder, models:/NAME@ALIAS or models:/NAME/VERSION"
_LISTED: Final = 10


@dataclass(frozen=True)
class ResolvedModel:
    """A bundle on this machine; `version` is None for a plain folder."""

    folder: Path
    version: RegisteredVersion | None


def resolve_model(reference: str, *, home: Path) -> ResolvedModel:
    """The bundle that `reference` names. Registered bytes are compared with their registered digest.

    Raises UserError for what does not exist, naming what does.
    """
    if not reference.startswith("models:"):
        return ResolvedModel(_bundle_folder(reference), None)
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise UserError(f"{reference!r} is no model reference; give {_FORMS}")
    store = MlflowStore.of_home(home)
    if not store.exists:
        raise UserError(
            f"nothing is registered yet; run a recipe first, or set MIAOTUI_HOME to find {reference}", file=home
        )
    client = store.open()
    name, alias = match["name"], match["alias"]
    found = find_alias(client, name, alias) if alias else find_version(client, name, int(match["version"]))
    if found is None:
        raise UserError(f"{reference} does not exist; {_what_exists(client, name)}")
    return ResolvedModel(fetch_bundle(store, found), found)


def _bundle_folder(reference: str) -> Path:
    folder = Path(reference)
    if not folder.is_dir():
        raise UserError(f"no such bundle folder; give {_FORMS}", file=reference)
    if not (folder / "manifest.json").is_file():
        raise UserError(f"is no bundle, it has no manifest.json; give {_FORMS}", file=reference)
    return folder


def _what_exists(client: "MlflowClient", name: str) -> str:
    names = model_names(client)
    if not names:
        return "no model is registered yet"
    if name not in names:
        return f"registered models: {', '.join(names)}"
    versions = latest_versions(client, name, _LISTED)
    if not versions:
        return f"{name} has no versions"
    listed = ", ".join(f"{entry.version}{''.join(f'@{alias}' for alias in entry.aliases)}" for entry in versions)
    return f"newest versions of {name}: {listed}"
