"""Registered versions as records, and their bytes.

A version's tags hold what was proven about it. Its bytes are compared with the digest among those tags whenever they
are fetched, because MLflow keeps no checksum of any artifact.
"""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from pydantic import Field

from engine.digests import folder_digest
from registry.checks import Outcome
from registry.model_files import BUNDLE_PATH, remove_by_products, require_bundle, require_model
from registry.store import MlflowStore
from tasks.artifact import Record
from tasks.errors import UserError
from tasks.whole_files import publish

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"


class RegisteredVersion(Record):
    """One version of a registered model, as its tags tell it. `tags` holds all of them."""

    name: str
    version: int
    created_at: datetime
    verdict: Outcome | None
    bundle_digest: str | None
    aliases: tuple[str, ...]
    run_id: str | None
    tags: dict[str, str]
    description: str = Field(default="", exclude=True, repr=False)

    @property
    def uri(self) -> str:
        """The reference by which this version stays reachable."""
        return f"models:/{self.name}/{self.version}"


def find_version(client: "MlflowClient", name: str, version: int) -> RegisteredVersion | None:
    """One version, or None if there is no such version or model."""
    found = client.search_model_versions(f"name = '{_quotable(name)}' and version_number = {version}")
    return _record(found[0], _aliases(client, name)) if found else None


def find_alias(client: "MlflowClient", name: str, alias: str) -> RegisteredVersion | None:
    """The version that an alias points to, or None."""
    version = _aliases(client, name).get(alias)
    return None if version is None else find_version(client, name, version)


def latest_versions(client: "MlflowClient", name: str, limit: int) -> tuple[RegisteredVersion, ...]:
    """The newest versions of a model, newest first; none if there is no such model."""
    condition = f"name = '{_quotable(name)}'"
    found = client.search_model_versions(condition, max_results=limit, order_by=["version_number DESC"])
    aliases = _aliases(client, name)
    return tuple(_record(entry, aliases) for entry in found)


def versions_with_tags(client: "MlflowClient", name: str, tags: dict[str, str]) -> tuple[RegisteredVersion, ...]:
    """All versions of a model that bear all of these tags, newest first."""
    conditions = [f"name = '{_quotable(name)}'", *(f"tags.`{key}` = '{value}'" for key, value in tags.items())]
    found = client.search_model_versions(" and ".join(conditions), order_by=["version_number DESC"])
    aliases = _aliases(client, name)
    return tuple(_record(entry, aliases) for entry in found)


def model_names(client: "MlflowClient") -> tuple[str, ...]:
    """The names of all registered models, sorted."""
    names: list[str] = []
    token = None
    while True:
        page = client.search_registered_models(page_token=token)
        names += [str(model.name) for model in page]
        token = page.token
        if not token:
            return tuple(sorted(names))


def fetch_bundle(store: MlflowStore, version: RegisteredVersion) -> Path:
    """The version's bundle as a local folder whose digest is the registered one.

    Where MLflow keeps its artifacts in this machine's file system that folder itself is returned, else a copy under the
    home. Raises UserError when the bytes are gone or are not those that were registered, naming the file.
    """
    if version.bundle_digest is None:
        raise UserError(f"{version.uri} was not registered by miaotui: it has no tag bundle_digest")
    location = store.open().get_model_version_download_uri(version.name, str(version.version))
    folder = _local_folder(location)
    if folder is not None:
        bundle = folder / BUNDLE_PATH
        if not bundle.is_dir():
            raise UserError(f"the bytes of {version.uri} are gone", file=bundle)
        _require_registered(bundle, version)
        return bundle
    cached = store.home / "models" / version.bundle_digest
    if not (cached.is_dir() and folder_digest(cached) == version.bundle_digest):
        _download(store, f"{location.rstrip('/')}/{BUNDLE_PATH}", cached, version)
    return cached


def download_model(store: MlflowStore, version: RegisteredVersion, scratch: Path) -> Path:
    """A copy of the version's whole logged model, not checked yet; never the registry's own folder.

    What loading it has left where it lies (compiled code, MLflow's note of a download) is not in the copy. Raises
    UserError when the bytes are gone.
    """
    location = store.open().get_model_version_download_uri(version.name, str(version.version))
    folder = _fetched(store, location, scratch)
    remove_by_products(folder)
    return folder


def verify_model(store: MlflowStore, version: RegisteredVersion) -> None:
    """Raise UserError, naming the file, unless every byte of the version's logged model is the one registered."""
    location = store.open().get_model_version_download_uri(version.name, str(version.version))
    with tempfile.TemporaryDirectory(prefix="miaotui-verify-") as scratch:
        require_model(logged_model(store, location, Path(scratch)), version.tags, version.uri)


def logged_model(store: MlflowStore, location: str, scratch: Path) -> Path:
    """The logged model at `location`; fetched into `scratch` where it is not on this machine."""
    return _local_folder(location) or _fetched(store, location, scratch)


def _require_registered(bundle: Path, version: RegisteredVersion) -> None:
    assert version.bundle_digest is not None
    require_bundle(bundle, version.bundle_digest, version.uri, manifest_sha256=version.tags.get("manifest_sha256"))


def _download(store: MlflowStore, uri: str, cached: Path, version: RegisteredVersion) -> None:
    """Fetch into a temporary folder, verify, and only then give it its name."""
    cached.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached.parent) as scratch:
        folder = _fetched(store, uri, Path(scratch))
        _require_registered(folder, version)
        shutil.rmtree(cached, ignore_errors=True)
        publish(folder, cached)


def _fetched(store: MlflowStore, uri: str, scratch: Path) -> Path:
    """A copy in `scratch`. MLflow answers with one of many errors where there is nothing to fetch."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    try:
        folder = download_artifacts(
            artifact_uri=uri, dst_path=str(scratch), tracking_uri=store.tracking_uri, registry_uri=store.registry_uri
        )
    except (MlflowException, OSError) as error:
        reason = str(error).strip().splitlines()
        raise UserError(f"cannot be fetched ({reason[0] if reason else type(error).__name__})", file=uri) from error
    return Path(folder)


def _local_folder(location: str) -> Path | None:
    parts = urlsplit(location)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if parts.scheme else Path(location)


def _aliases(client: "MlflowClient", name: str) -> dict[str, int]:
    found = client.search_registered_models(f"name = '{_quotable(name)}'", max_results=1)
    return {alias: int(version) for alias, version in found[0].aliases.items()} if found else {}


def _record(entry: "ModelVersion", aliases: dict[str, int]) -> RegisteredVersion:
    tags = {str(key): str(value) for key, value in entry.tags.items()}
    verdict = tags.get("verdict")
    version = int(entry.version)
    return RegisteredVersion(
        name=str(entry.name),
        version=version,
        created_at=datetime.fromtimestamp(entry.creation_timestamp / 1000, tz=UTC),
        verdict=Outcome(verdict) if verdict in set(Outcome) else None,
        bundle_digest=tags.get("bundle_digest"),
        aliases=tuple(sorted(alias for alias, pointed in aliases.items() if pointed == version)),
        run_id=entry.run_id or None,
        tags=tags,
        description=entry.description or "",
    )


def _quotable(name: str) -> str:
    """A name for use in a filter. Raises UserError for one that no registered model of ours can have."""
    if "'" in name or not name.strip():
        raise UserError(f"{name!r} is no model name")
    return name
